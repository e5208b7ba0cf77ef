// embedding: y[r,c] = weight[ids[r],c] (+ residual[r,c]); an id outside [0,total)
// reads as zeros
// ids [R], weight [V,C], residual, y [R,C]. Of weight the window holds rows first to
// first+held of total; a row outside the window is left to the call that holds it.
// Grid: WG elements of y a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C return. Ref: cpuref/embedding.go
const WG: u32 = 64u;
const RESIDUAL: bool = false;

struct Params {
  grid: vec4<u32>,
  ids: vec4<u32>,
  weight: vec4<u32>,
  residual: vec4<u32>,
  y: vec4<u32>,
  rows: u32,   // R
  cols: u32,   // C
  first: u32,  // row of weight at the start of the window
  held: u32,   // rows of weight in the window
  total: u32,  // V
}
@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> residual: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = (group_of(wid) * WG) + lid;
  if (e >= p.rows * p.cols) {
    return;
  }
  let r = e / p.cols;
  let c = e % p.cols;
  let id = ids[row_at(p.ids, r, 1u)];
  let known = (id >= 0) && (u32(id) < p.total);
  let at = u32(id) - p.first; // wraps below the window
  if (known && (at >= p.held)) {
    return;
  }
  var v = 0.0;
  if (known) {
    v = weight[row_at(p.weight, at, p.cols) + c];
  }
  if (RESIDUAL) {
    v += residual[row_at(p.residual, r, p.cols) + c];
  }
  y[row_at(p.y, r, p.cols) + c] = v;
}
