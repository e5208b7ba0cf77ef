// bce_with_logits: y[e] = max(x,0) - x t + log(1 + exp(-|x|)), x = x[e], t = t[e]
// x, t, y of one shape, seen as [R,C].
// Grid: WG * PER elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C are left out. Ref: cpuref/bce_with_logits.go
const WG: u32 = 64u;
const PER: u32 = 4u;
const DENSE: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  t: vec4<u32>,
  y: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> t: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = first_element(wid, lid);
  for (var k = 0u; k < PER; k = k + 1u) {
    let e = first + (k * WG);
    if (e < (p.rows * p.cols)) {
      let v = x[place(p.x, e)];
      y[place(p.y, e)] = (max(v, 0.0) - (v * t[place(p.t, e)])) + log(1.0 + exp(-abs(v)));
    }
  }
}
