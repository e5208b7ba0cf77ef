package nn

import (
	"context"

	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/tensor"
)

// SaveWeights writes the parameters of one model to the safetensors file path, in
// F32 under their own names, streamed in bounded chunks. The file appears when it
// is complete. The metadata is what Hugging Face's tools ask for. A name that two
// of the modules share is an error.
func SaveWeights(ctx context.Context, path string, ws ...*Weights) error {
	var named []safetensors.Named
	for _, w := range ws {
		for _, p := range w.Params {
			named = append(named, safetensors.Named{Name: p.Name, Host: tensor.Host{Spec: p.Spec}, Stream: func(put func([]float32) error) error {
				return w.Read(ctx, p, put)
			}})
		}
	}
	return safetensors.Write(path, named, map[string]string{"format": "pt"})
}
