// copy: y[r,c] = x[r,c], 32-bit elements of any kind, moved as they are
// x, y [R,C], views of different buffers.
// Grid: WG elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C return. Ref: cpuref/concat.go
const WG: u32 = 64u;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  y: vec4<u32>,
  rows: u32,
  cols: u32,
}
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = (group_of(wid) * WG) + lid;
  if (e >= p.rows * p.cols) {
    return;
  }
  let r = e / p.cols;
  let c = e % p.cols;
  y[row_at(p.y, r, p.cols) + (c * p.y.w)] = x[row_at(p.x, r, p.cols) + (c * p.x.w)];
}
