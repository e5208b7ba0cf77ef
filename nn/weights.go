package nn

import (
	"context"
	"math"
	"math/bits"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Param is a named parameter, F32, dense, perhaps a view of a fused buffer.
type Param struct {
	Name string
	tensor.Tensor
}

// Weights are the parameters of a module, in the order in which it was built.
type Weights struct {
	Params  []Param
	Filled  []string // names that a lenient load drew afresh
	buffers []tensor.Buffer
	backend tensor.Backend
}

// Count is the number of scalars.
func (w *Weights) Count() int64 {
	var n int64
	for _, p := range w.Params {
		n += p.Elems()
	}
	return n
}

// Bytes is the memory that the parameters take on the backend.
func (w *Weights) Bytes() int64 {
	var n int64
	for _, b := range w.buffers {
		n += b.Len()
	}
	return n
}

// Release gives the memory back. Twice is fine.
func (w *Weights) Release() {
	for _, b := range w.buffers {
		w.backend.Release(b)
	}
	w.buffers, w.Params = nil, nil
}

// Read gives a parameter's values in order, in bounded chunks, for saving.
func (w *Weights) Read(ctx context.Context, p Param, to func(v []float32) error) error {
	s, err := w.backend.Begin()
	if err != nil {
		return err
	}
	defer s.Close()
	for off := int64(0); off < p.Elems(); off += chunk {
		n := min(chunk, p.Elems()-off)
		part := tensor.View(p.Buf, tensor.Of(tensor.F32, int(n)))
		part.Off = p.Off + 4*off
		v, err := tensor.Download(ctx, s, part)
		if err != nil {
			return err
		}
		if err := to(v); err != nil {
			return err
		}
	}
	return nil
}

// Digest is a hash of all values, to tell whether any changed (FNV-1a over the bits).
func (w *Weights) Digest(ctx context.Context) (uint64, error) {
	h := uint64(14695981039346656037)
	for _, p := range w.Params {
		err := w.Read(ctx, p, func(v []float32) error {
			for _, x := range v {
				h = bits.RotateLeft64((h^uint64(math.Float32bits(x)))*1099511628211, 7)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return h, nil
}
