package cpuref

import (
	"sync"

	"github.com/cephalo-ml/cephalo/tensor"
)

func init() { fast[tensor.OpRope] = ropeFast }

// ropeTables are the angles that a backend has met: for each theta and number of
// rotary dims the cosines and sines of every position so far.
type ropeTables struct {
	mu sync.Mutex
	of map[ropeKey][]float32 // [positions][2][rotary/2]
}

type ropeKey struct {
	theta  float32
	rotary int
}

// table has at least n positions.
func (t *ropeTables) table(key ropeKey, n int) []float32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.of[key]
	have := len(old) / key.rotary
	if n <= have {
		return old
	}
	n = max(n, 2*have, 128)
	table := make([]float32, n*key.rotary)
	copy(table, old)
	for pos := have; pos < n; pos++ {
		key.angles(table[pos*key.rotary:], float32(pos))
	}
	if t.of == nil {
		t.of = map[ropeKey][]float32{}
	}
	t.of[key] = table
	return table
}

// angles writes the cosines, then the sines, of one position.
func (key ropeKey) angles(row []float32, pos float32) {
	for j, f := range tensor.RopeInvFreq(key.theta, key.rotary) {
		row[j], row[key.rotary/2+j] = ropeAngle(pos, f)
	}
}

// ropeMost is the largest position that gets a place in a table.
const ropeMost = 1 << 18

// ropeFast is rope in float32 with angles from a table.
func ropeFast(s *stream, c *tensor.Call) error {
	v := view{s: s}
	x, y := v.in(&c.Src[0]), v.out(&c.Dst[0])
	if v.err != nil {
		return v.err
	}
	rotary, heads := int(c.Attr.Rotary), c.Src[0].Dim(1)
	if rotary == 0 {
		return rope(s, c)
	}
	key, last := ropeKey{c.Attr.Theta, rotary}, int32(-1)
	for _, p := range c.Rows.Pos {
		if p <= ropeMost {
			last = max(last, p)
		}
	}
	table := s.b.rope.table(key, int(last)+1)
	s.each(y.n, 2*y.cols, func(r int) {
		from, to, pos := x.row(r), y.row(r), c.Rows.Pos[r/heads]
		var angles []float32
		if pos >= 0 && pos <= ropeMost {
			angles = table[int(pos)*rotary:][:rotary]
		} else {
			angles = make([]float32, rotary)
			key.angles(angles, float32(pos))
		}
		turn(to, from, angles, &c.Attr, c.Accum)
		for i := rotary; i < len(from); i++ {
			put(&to[i], float64(from[i]), c.Accum)
		}
	})
	return nil
}

// turn rotates the pairs of one head.
func turn(to, from, angles []float32, at *tensor.Attr, add bool) {
	half, sign := len(angles)/2, float32(1)
	cos, sin := angles[:half], angles[half:]
	if at.Inverse {
		sign = -1
	}
	for j, co := range cos {
		si := sign * sin[j]
		a, b := j, j+half
		if at.Interleaved {
			a, b = 2*j, 2*j+1
		}
		x1, x2 := from[a], from[b]
		y1 := float32(x1*co) - float32(x2*si)
		y2 := float32(x2*co) + float32(x1*si)
		if add {
			y1, y2 = y1+to[a], y2+to[b]
		}
		to[a], to[b] = y1, y2
	}
}
