// log: y[e] = f(x[e]), f by MODE: 0 log, 1 sqrt, 2 reciprocal; what is no finite number
// comes and goes as bits, since a shader may assume that there is none
// x, y of one shape, seen as [R,C], bits of f32. A subnormal counts as 0.
// Grid: WG * PER elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C are left out. Ref: cpuref/log.go
const WG: u32 = 64u;
const PER: u32 = 4u;
const DENSE: bool = false;
const MODE: u32 = 0u;

const INFINITE: u32 = 0x7f800000u;
const NOT_A_NUMBER: u32 = 0x7fc00000u;
const SMALLEST: u32 = 0x00800000u; // that is no subnormal

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  y: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
}
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

fn value(bits: u32) -> u32 {
  let sign = bits & 0x80000000u;
  let size = bits & 0x7fffffffu;
  if (size > INFINITE) {
    return bits;
  }
  let v = bitcast<f32>(bits);
  if (MODE == 2u) {
    if (size < SMALLEST) {
      return sign | INFINITE;
    }
    return select(bitcast<u32>(1.0 / v), sign, size == INFINITE);
  }
  if (size < SMALLEST) {
    return select(bits, INFINITE | 0x80000000u, MODE == 0u);
  }
  if (sign != 0u) {
    return NOT_A_NUMBER;
  }
  if (size == INFINITE) {
    return bits;
  }
  if (MODE == 0u) {
    return bitcast<u32>(log(v));
  }
  return bitcast<u32>(sqrt(v));
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = first_element(wid, lid);
  for (var k = 0u; k < PER; k = k + 1u) {
    let e = first + (k * WG);
    if (e < (p.rows * p.cols)) {
      y[place(p.y, e)] = value(x[place(p.x, e)]);
    }
  }
}
