package kernels

import (
	"testing"

	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/require"
)

// place is the byte of an element as common/view.wgsl finds it.
func (o operand) place(r, c int) int64 {
	return o.off + 4*int64((r/o.inner)*o.stride+(r%o.inner)*o.cols+c*o.step)
}

// TestOperandsAreCut: pieces that fit lie within the limit and hold the same
// elements as the whole.
func TestOperandsAreCut(t *testing.T) {
	buf := &buffer{n: 1 << 30}
	view := func(stride int32, shape ...int) tensor.Tensor {
		x := tensor.View(buf, tensor.Of(tensor.F32, shape...))
		x.Off, x.Stride = 20, stride
		return x
	}
	for name, o := range map[string]operand{
		"dense":        flat(view(7, 10, 7)),
		"rows apart":   flat(view(9, 10, 7)),
		"heads apart":  flat(view(40, 5, 3, 7)),
		"heads dense":  flat(view(21, 5, 3, 7)),
		"axis 0":       axis0(view(40, 5, 3, 7)),
		"single":       elements(view(7, 10, 7))[0],
		"column":       axis0(view(3, 17)),
		"rank 4 apart": flat(view(100, 3, 2, 5, 7)),
	} {
		for _, limit := range []int64{4 * 7, 4 * 21, 4 * 22, 4 * 50, 4 * 1000} {
			for lo := 0; lo < o.rows; {
				hi := o.fit(lo, limit)
				if hi == lo {
					require.Greater(t, 4*int64((o.cols-1)*o.step+1), limit, "%s", name)
					break
				}
				part := o.slice(lo, hi)
				require.LessOrEqual(t, part.bytes(), limit, "%s: rows %d to %d of limit %d", name, lo, hi, limit)
				for r := lo; r < hi; r++ {
					for c := range o.cols {
						require.Equal(t, o.place(r, c), part.place(r-lo, c), "%s: row %d of limit %d", name, r, limit)
						require.Less(t, part.place(r-lo, c), part.off+part.bytes(), "%s", name)
					}
				}
				lo = hi
			}
		}
	}
}

func TestReflect(t *testing.T) {
	const text = `
const WG: u32 = 8u;
const TILE: u32 = WG * (2u + 2u);
struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  // a comment
  rows: u32,   // R
  eps: f32,
}
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<uniform> p: Params;
var<workgroup> a: array<vec4<f32>, TILE>;
var<workgroup> b: f32;
@compute @workgroup_size(WG, 2, 1)
fn main() {}
`
	sh, err := reflect(text)
	require.NoError(t, err)
	require.Equal(t, 12, sh.words)
	require.Equal(t, 2, sh.scalars)
	require.Equal(t, [3]int{8, 2, 1}, sh.workgroup)
	require.Equal(t, 32*16+4, sh.workgroupBytes)
}
