package cephalo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/nn"
)

// Save writes the model as a folder: config.json byte for byte, the encoder and a
// published head in model.safetensors under Hugging Face's names, F32, the
// tokenizer and side files, and heads of ours in heads.json and heads.safetensors.
// dir is at every moment the old folder or the new one. An existing folder is
// replaced where it is empty or a model folder without anything else; one that
// holds what would be lost is refused.
func (m *Model) Save(ctx context.Context, dir string) error {
	done, err := m.use()
	if err != nil {
		return err
	}
	defer done()
	to, err := safetensors.Target(dir)
	if err == nil && m.dir != "" {
		if rel, e := filepath.Rel(m.dir, to); e == nil && rel != "." && filepath.IsLocal(rel) {
			err = fmt.Errorf("it lies within the model's own folder, which is copied")
		}
	}
	if err == nil {
		err = m.replaceable(to)
	}
	if err != nil {
		return fmt.Errorf("save model to %q: %w", dir, err)
	}
	return safetensors.ReplaceDir(to, func(tmp string) error {
		if err := m.copySide(tmp); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(tmp, "config.json"), m.folder.config, 0o666); err != nil {
			return err
		}
		if err := nn.SaveWeights(ctx, filepath.Join(tmp, safetensors.ModelFile), m.weights); err != nil {
			return err
		}
		if m.module == nil {
			return nil
		}
		return heads.Write(ctx, tmp, m.module, m.headWeights)
	})
}

// replaceable says whether a folder may be replaced: it is absent, empty, or a
// model folder whose every file Save writes anew or any model folder may have.
func (m *Model) replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return err
	}
	const want = "want a new folder, or one of a model alone"
	var config struct {
		ModelType string `json:"model_type"`
	}
	raw, err := os.ReadFile(filepath.Join(dir, "config.json"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("it holds other things and no config.json: %s", want)
	case err != nil:
		return err
	case json.Unmarshal(raw, &config) != nil || config.ModelType == "":
		return fmt.Errorf("its config.json names no model_type, so is no model's: %s", want)
	}
	return fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || ofModel(name) || m.brings(dir, name) {
			return err
		}
		return fmt.Errorf("it holds %s, which would be lost: %s", name, want)
	})
}

// brings says whether Save copies the same file of the model's own folder.
func (m *Model) brings(dir, name string) bool {
	if m.folder.fsys == nil {
		return false
	}
	st, err := fs.Stat(m.folder.fsys, name)
	if err != nil || !isSide(name, fs.FileInfoToDirEntry(st)) {
		return false
	}
	own, err := fs.ReadFile(m.folder.fsys, name)
	if err != nil {
		return false
	}
	there, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil && bytes.Equal(own, there)
}

// modelFiles are the files that Hugging Face's folders are made of, beside weights.
var modelFiles = []string{
	"config.json", "generation_config.json", "preprocessor_config.json", "heads.json", "modules.json",
	"config_sentence_transformers.json", "sentence_bert_config.json", "sentence_roberta_config.json", "sentence_distilbert_config.json", "sentence_xlm-roberta_config.json",
	"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json",
	"vocab.txt", "vocab.json", "merges.txt", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model",
	".gitattributes", "LICENSE", "LICENSE.txt",
}

// weightFiles are the names of weights: of one file or of shards, with their index,
// in every framework's form.
var weightFiles = regexp.MustCompile(`^(model|heads|pytorch_model|tf_model|flax_model)(-\d{5}-of-\d{5})?\.(safetensors|bin|h5|msgpack|onnx)(\.index\.json)?$`)

// moduleFiles are what sentence-transformers puts into the folders of its modules.
var moduleFiles = regexp.MustCompile(`^\d+_[A-Z][A-Za-z]*/(config\.json|model\.safetensors|pytorch_model\.bin)$`)

// ofModel says whether any model folder may have the file.
func ofModel(name string) bool {
	return slices.Contains(modelFiles, name) || weightFiles.MatchString(name) || moduleFiles.MatchString(name)
}

// isSide says whether a file goes with a model unchanged: what Save does not make
// itself. Whatever may be weights of another form stays behind.
func isSide(name string, d fs.DirEntry) bool {
	weights := !strings.Contains(name, "/") && slices.Contains([]string{".safetensors", ".bin", ".h5", ".msgpack", ".onnx"}, path.Ext(name))
	return d.Type().IsRegular() && !slices.Contains(written, name) && !weights && !weightFiles.MatchString(name)
}

// written are the files that Save makes itself.
var written = []string{"config.json", safetensors.ModelFile, safetensors.IndexFile, heads.ConfigFile, heads.WeightsFile, "io.safetensors"}

// copySide copies the folder's other files: tokenizer, card, sentence modules.
func (m *Model) copySide(to string) error {
	if m.folder.fsys == nil {
		return nil
	}
	return fs.WalkDir(m.folder.fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path := filepath.Join(to, filepath.FromSlash(name))
		if d.IsDir() {
			return os.MkdirAll(path, 0o777)
		}
		if !isSide(name, d) {
			return nil
		}
		return copyFile(m.folder.fsys, name, path)
	})
}

func copyFile(from fs.FS, name, path string) error {
	src, err := from.Open(name)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return err
	}
	return dst.Close()
}
