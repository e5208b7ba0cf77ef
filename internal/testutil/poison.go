package testutil

import (
	"bytes"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Poison is a stream whose memory holds NaN before it is written and after it is
// freed: who counts on zeros, or reads what was freed, gets NaN.
func Poison(s tensor.Stream) tensor.Stream {
	return &poison{Stream: s, live: map[tensor.Buffer]bool{}}
}

type poison struct {
	tensor.Stream
	live map[tensor.Buffer]bool
	err  error // of Free, which returns none
}

func (p *poison) Temp(nbytes int64) (tensor.Buffer, error) {
	b, err := p.Stream.Temp(nbytes)
	if err != nil {
		return nil, err
	}
	p.live[b] = true
	return b, p.spoil(b)
}

func (p *poison) Free(b tensor.Buffer) {
	if !p.live[b] {
		return
	}
	delete(p.live, b)
	if err := p.spoil(b); err != nil && p.err == nil {
		p.err = err
	}
	p.Stream.Free(b)
}

func (p *poison) Run(c *tensor.Call) error {
	if p.err != nil {
		return p.err
	}
	return p.Stream.Run(c)
}

// spoil writes all ones: NaN as F32, -1 as I32.
func (p *poison) spoil(b tensor.Buffer) error {
	x := tensor.View(b, tensor.Of(tensor.I32, int(b.Len()/4)))
	return p.Stream.Write(x, bytes.Repeat([]byte{0xff}, int(x.Bytes())))
}
