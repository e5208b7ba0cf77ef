// dropout: y[e] = x[e] * scale where bits(seed, e) >= threshold, else 0
// x, y of one shape, seen as [R,C]; e counts the elements densely. bits is the hash of
// tensor.DropoutBits, threshold that of tensor.DropoutThreshold, scale = 1/(1 - rate).
// ACCUM: y += the same.
// Grid: WG * PER elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C are left out. Ref: cpuref/dropout.go
const WG: u32 = 64u;
const PER: u32 = 4u;
const DENSE: bool = false;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  y: vec4<u32>,
  rows: u32,       // R
  cols: u32,       // C
  base: u32,       // number of this part's first element
  seed_low: u32,
  seed_high: u32,
  threshold: u32,
  scale: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = first_element(wid, lid);
  for (var k = 0u; k < PER; k = k + 1u) {
    let e = first + (k * WG);
    if (e < p.rows * p.cols) {
      let bits = dropout_bits(p.base + e);
      var v = 0.0;
      if (bits >= p.threshold) {
        v = x[place(p.x, e)] * p.scale;
      }
      let to = place(p.y, e);
      if (ACCUM) {
        y[to] = y[to] + v;
      } else {
        y[to] = v;
      }
    }
  }
}
