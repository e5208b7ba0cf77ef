// fill: y[r,c] = fill, 32-bit elements of any kind
// y [R,C].
// Grid: WG elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C return. Ref: cpuref/gather.go
const WG: u32 = 64u;

struct Params {
  grid: vec4<u32>,
  y: vec4<u32>,
  rows: u32,
  cols: u32,
  fill: u32,   // bits
}
@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = (group_of(wid) * WG) + lid;
  if (e >= p.rows * p.cols) {
    return;
  }
  y[row_at(p.y, e / p.cols, p.cols) + ((e % p.cols) * p.y.w)] = p.fill;
}
