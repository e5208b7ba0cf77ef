package cephalo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/nn"
)

// Save writes the model as a folder: config.json byte for byte, the encoder and a
// published head in model.safetensors under Hugging Face's names, F32, the
// tokenizer and side files, and heads of ours in heads.json and heads.safetensors.
// dir is at every moment the old folder or the new one. An existing folder that is
// no model folder is refused.
func (m *Model) Save(ctx context.Context, dir string) error {
	done, err := m.use()
	if err != nil {
		return err
	}
	defer done()
	if err := replaceable(dir); err != nil {
		return fmt.Errorf("save model: %w", err)
	}
	return safetensors.ReplaceDir(dir, func(tmp string) error {
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
// model folder.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && len(entries) == 0) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "config.json")); err != nil {
		return fmt.Errorf("%s holds other things and no config.json: want a new folder or a model folder", dir)
	}
	return nil
}

// written are the files that Save makes itself.
var written = []string{"config.json", safetensors.ModelFile, safetensors.IndexFile, heads.ConfigFile, heads.WeightsFile, "io.safetensors"}

// copySide copies the folder's other files: tokenizer, card, sentence modules. Old
// shards and weights of other frameworks stay behind.
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
		ext := filepath.Ext(name)
		root := filepath.Dir(name) == "."
		if !d.Type().IsRegular() || slices.Contains(written, name) || (root && (ext == ".safetensors" || ext == ".bin" || ext == ".h5" || ext == ".msgpack" || ext == ".onnx")) {
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
