package kernels

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/tensor"
)

// ropeKey names a table of cosines and sines.
type ropeKey struct {
	theta  float32
	rotary int
}

// ropeTable holds cos and sin of position p and frequency j at [p, j], in pairs.
// It comes from the host, since the sines of shaders lose precision as the angle
// grows.
type ropeTable struct {
	buf       *buffer
	positions int
}

const leastPositions = 512 // of a table; it doubles when longer sequences come

// ropeTable finds or makes a table of at least n positions. A table that is
// outgrown stays until the backend closes, since streams may have recorded it.
func (b *Backend) ropeTable(key ropeKey, n int) (ropeTable, error) {
	b.ropeMu.Lock()
	defer b.ropeMu.Unlock()
	t := b.ropes[key]
	if t.positions >= n {
		return t, nil
	}
	size := leastPositions
	for size < n {
		size *= 2
	}
	width := int64(key.rotary) * 4
	if size > n && width*int64(size) > b.caps.MaxBuffer {
		size = n
	}
	if width*int64(size) > b.caps.MaxBuffer {
		return t, fmt.Errorf("cosines and sines of %d positions take %d bytes, a buffer at most %d: %w", n, width*int64(size), b.caps.MaxBuffer, tensor.ErrUnsupported)
	}
	mem, err := b.dev.NewBuffer(roundUp(width*int64(size)), "rope")
	if err != nil {
		return t, err
	}
	if err := b.writeRope(mem, key, size); err != nil {
		mem.Release()
		return t, err
	}
	t = ropeTable{&buffer{mem: mem, n: width * int64(size)}, size}
	b.ropes[key] = t
	return t, nil
}

func (b *Backend) writeRope(mem *gpu.Buffer, key ropeKey, positions int) error {
	const chunk = 1024
	freq := tensor.RopeInvFreq(key.theta, key.rotary)
	raw := make([]byte, 0, 8*len(freq)*min(chunk, positions))
	for lo := 0; lo < positions; lo += chunk {
		raw = raw[:0]
		for p := lo; p < min(lo+chunk, positions); p++ {
			for _, f := range freq {
				sin, cos := math.Sincos(float64(float32(p) * f))
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(cos)))
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(sin)))
			}
		}
		if err := b.dev.Write(mem, int64(lo)*int64(len(freq))*8, raw); err != nil {
			return err
		}
	}
	return nil
}

// rope runs over windows of the table and, for each, over pieces of the rows; each
// writes the rows whose positions its window holds.
func rope(s *stream, c *tensor.Call) error {
	x, y, at := axis0(c.Src[0]), axis0(c.Dst[0]), c.Attr
	last := int32(0)
	for r, p := range c.Rows.Pos {
		if p < 0 {
			return fmt.Errorf("row %d has position %d, want 0 or more: %w", r, p, tensor.ErrShape)
		}
		last = max(last, p)
	}
	table := operand{} // nothing is rotated: one pass that copies
	if at.Rotary > 0 {
		t, err := s.b.ropeTable(ropeKey{at.Theta, int(at.Rotary)}, int(last)+1)
		if err != nil {
			return err
		}
		table = axis0(tensor.View(t.buf, tensor.Of(tensor.F32, t.positions, int(at.Rotary))))
	}
	k := kernelOf("rope", set("WG", elementGroup), setIf("INTERLEAVED", at.Interleaved), setIf("INVERSE", at.Inverse), setIf("ACCUM", c.Accum))
	return s.windows(table, func(part operand, first int) error {
		return s.split([]operand{x, positions(c.Rows), part.whole(), y}, func(ops []operand) error {
			n := ops[0].rows * x.cols
			return s.dispatch(k, groupsOf(n, elementGroup), ops, u32(ops[0].rows), u32(x.cols), u32(c.Src[0].Dim(2)),
				i32(at.Rotary), u32(first), u32(part.rows))
		})
	})
}
