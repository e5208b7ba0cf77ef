package cephalo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
)

// folder is what lies in a model folder, read but not yet on a backend.
type folder struct {
	fsys   fs.FS
	config []byte // config.json, byte for byte
	model  encoders.Model
	class  string // architectures[0], "" where none is named

	maxSeqLength int     // of sentence_bert_config.json, 0 where it says nothing
	eos          []int32 // end-of-sequence ids
}

func readFolder(fsys fs.FS) (*folder, error) {
	raw, err := fs.ReadFile(fsys, "config.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no config.json: want a Hugging Face model folder: %w", err)
	}
	if err != nil {
		return nil, err
	}
	fo := &folder{fsys: fsys, config: raw}
	if fo.model, err = encoders.Parse(raw); err != nil {
		return nil, err
	}
	if a := fo.model.Config().Architectures; len(a) > 0 {
		fo.class = a[0]
	}
	var sb struct {
		MaxSeqLength *int `json:"max_seq_length"`
	}
	if _, err := fo.sideFile("sentence_bert_config.json", &sb); err != nil {
		return nil, err
	}
	if sb.MaxSeqLength != nil {
		if fo.maxSeqLength = *sb.MaxSeqLength; fo.maxSeqLength < 1 {
			return nil, fmt.Errorf("sentence_bert_config.json: max_seq_length is %d, want at least 1", fo.maxSeqLength)
		}
	}
	return fo, fo.readEOS()
}

// sideFile decodes an optional JSON file of the folder; false where it is absent.
func (f *folder) sideFile(name string, v any) (bool, error) {
	raw, err := fs.ReadFile(f.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("%s: %w", name, err)
	}
	return true, nil
}

// open reads the headers of the folder's weights.
func (f *folder) open(context.Context) (safetensors.Source, error) {
	return safetensors.OpenFolder(f.fsys)
}
