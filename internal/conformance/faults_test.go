package conformance

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/tensor"
)

// damaged is a backend of which every operation does some damage.
type damaged struct {
	tensor.Backend
	after func(s tensor.Stream, c *tensor.Call) error
}

func (d *damaged) Begin() (tensor.Stream, error) {
	s, err := d.Backend.Begin()
	return &damagedStream{s, d}, err
}

type damagedStream struct {
	tensor.Stream
	d *damaged
}

func (s *damagedStream) Run(c *tensor.Call) error {
	if err := s.Stream.Run(c); err != nil {
		return err
	}
	return s.d.after(s.Stream, c)
}

// change writes a number at a word of a buffer, seen from an operand of the call.
func change(s tensor.Stream, x tensor.Tensor, word int, to float32) error {
	x.Off += int64(4 * word)
	x.Spec = tensor.Of(tensor.F32, 1)
	return s.Write(x, tensor.Bytes([]float32{to}))
}

// The suite sees what backends get wrong.
func TestFaultsAreSeen(t *testing.T) {
	b, err := cpuref.New(cpuref.Options{})
	require.NoError(t, err)
	defer b.Close()
	c := Case{Op: tensor.OpAdd, Name: "test", Src: []Operand{normal(5, 3), normal(5, 3)}, Dst: []tensor.Spec{f32(5, 3)}, Attr: tensor.Attr{Scale: 1}}
	for text, f := range map[string]func(s tensor.Stream, c *tensor.Call) error{
		"":                   func(tensor.Stream, *tensor.Call) error { return nil },
		"1 of 15 elements":   func(s tensor.Stream, c *tensor.Call) error { return change(s, c.Dst[0], 2, 77) },
		"worst at 2: got 77": func(s tensor.Stream, c *tensor.Call) error { return change(s, c.Dst[0], 2, 77) },
		"got NaN": func(s tensor.Stream, c *tensor.Call) error {
			x, err := tensor.Download(context.Background(), s, c.Dst[0])
			if err != nil {
				return err
			}
			return change(s, c.Dst[0], 0, x[0]*float32(nan()))
		},
		"of operand memory 0 changed":         func(s tensor.Stream, c *tensor.Call) error { return change(s, c.Src[0], 0, 77) },
		"of operand memory 1 changed":         func(s tensor.Stream, c *tensor.Call) error { return change(s, c.Src[1], 1, 77) },
		"word 6 of result memory 0 changed":   func(s tensor.Stream, c *tensor.Call) error { return change(s, c.Dst[0], 3, 77) }, // between two rows
		"word 2 of result memory 0 changed":   func(s tensor.Stream, c *tensor.Call) error { return change(s, c.Dst[0], -1, 77) },
		"changed, which belongs to no result": func(s tensor.Stream, c *tensor.Call) error { return change(s, c.Dst[0], 5*4, 77) },
	} {
		s := suite{b: &damaged{b, f}, reference: b}
		values := c.values()
		want, err := s.forward(c, values...)
		require.NoError(t, err)
		r := c.prepare(variant{kind: views}, values)
		require.NoError(t, execute(s.b, r))
		faults := s.faults(r, want, tensor.Tol{Abs: 1e-6})
		if text == "" {
			assert.Empty(t, faults)
			continue
		}
		require.NotEmpty(t, faults, text)
		assert.Contains(t, faults[0], text)
		assert.Contains(t, faults[0], "add/test (views): ")
	}
}

func nan() float64 { var zero float64; return zero / zero }

func TestOtherBitsAreSeen(t *testing.T) {
	b, err := cpuref.New(cpuref.Options{})
	require.NoError(t, err)
	defer b.Close()
	c := Case{Op: tensor.OpScale, Name: "test", Src: []Operand{normal(9)}, Dst: []tensor.Spec{f32(9)}, Attr: tensor.Attr{Scale: 1}}
	first, second := c.prepare(variant{kind: dense}, c.values()), c.prepare(variant{kind: dense}, c.values())
	require.NoError(t, execute(b, first, second))
	assert.Empty(t, second.otherBits(first))
	second.after[0][4] ^= 1 // the last bit
	assert.Contains(t, second.otherBits(first), "result 0 element 4")
}
