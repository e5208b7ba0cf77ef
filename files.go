package cephalo

import (
	"io"

	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/tensor"
)

// ReplaceFile writes a file whole or not at all: fill writes to a sibling, which
// then takes the name.
func ReplaceFile(path string, fill func(io.Writer) error) error {
	return safetensors.ReplaceFile(path, fill)
}

// WriteEmbeddings writes vectors F32 [n, width] as the tensor "embeddings" of a
// safetensors file.
func WriteEmbeddings(path string, v []float32, n, width int) error {
	h, err := tensor.FromSlice(v, n, width)
	if err != nil {
		return err
	}
	return safetensors.Write(path, []safetensors.Named{{Name: "embeddings", Host: h}}, nil)
}
