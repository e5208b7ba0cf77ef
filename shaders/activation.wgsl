// activation: y[e] = act(x[e]), act the file's ACT (gelu, gelu_tanh, silu, relu, tanh,
// sigmoid, mish, abs)
// x, y of one shape, seen as [R,C].
// Grid: WG * PER elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C are left out. Ref: cpuref/activation.go
const WG: u32 = 64u;
const PER: u32 = 4u;
const DENSE: bool = false;
const ACT: u32 = 1u;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  y: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
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
      y[place(p.y, e)] = activate(x[place(p.x, e)]);
    }
  }
}
