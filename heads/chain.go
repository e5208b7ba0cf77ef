package heads

import "github.com/cephalo-ml/cephalo/tensor"

// chain runs steps one after another and frees what lies between them; x itself
// is the caller's.
func chain(s tensor.Stream, x tensor.Tensor, steps ...func(tensor.Tensor) (tensor.Tensor, error)) (tensor.Tensor, error) {
	at := x
	for i, step := range steps {
		y, err := step(at)
		if err != nil {
			return tensor.Tensor{}, err
		}
		if i > 0 {
			s.Free(at.Buf)
		}
		at = y
	}
	return at, nil
}

// clampBelow is max(x, lo) = relu(x - lo) + lo.
func clampBelow(s tensor.Stream, x tensor.Tensor, lo float32) (tensor.Tensor, error) {
	return chain(s, x,
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, 1, -lo) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Activation(s, t, tensor.ActRelu) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, 1, lo) },
	)
}

// clamp is min(max(x, lo), hi) with a gradient of zero outside.
func clamp(s tensor.Stream, x tensor.Tensor, lo, hi float32) (tensor.Tensor, error) {
	below, err := clampBelow(s, x, lo)
	if err != nil {
		return below, err
	}
	defer s.Free(below.Buf)
	over, err := chain(s, x,
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Scale(s, t, 1, -hi) },
		func(t tensor.Tensor) (tensor.Tensor, error) { return tensor.Activation(s, t, tensor.ActRelu) },
	)
	if err != nil {
		return over, err
	}
	defer s.Free(over.Buf)
	return tensor.AddScaled(s, below, over, -1)
}

// seqOfRow views, in an uploaded layout, the sequence of each row: I32 [R].
func seqOfRow(l *tensor.Layout) tensor.Tensor {
	t := l.Dev
	t.Off += int64(4 * (2*l.Batch() + l.Rows()))
	t.Shape[0] = int32(l.Rows())
	return t
}
