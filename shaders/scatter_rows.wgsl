// scatter_rows: y[idx[i],c] = x[i,c]; other rows of y are left alone
// x [M,C], idx [M], distinct, y [R,C]; 32-bit elements of any kind, moved as they are.
// Of y the window holds rows first to first+held; an index outside it is dropped.
// Grid: WG elements of x a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past M*C return. Ref: cpuref/gather.go
const WG: u32 = 64u;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  idx: vec4<u32>,
  y: vec4<u32>,
  rows: u32,   // M
  cols: u32,   // C
  first: u32,  // row of y at the start of the window
  held: u32,   // rows of y in the window
}
@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read> idx: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = (group_of(wid) * WG) + lid;
  if (e >= p.rows * p.cols) {
    return;
  }
  let i = e / p.cols;
  let c = e % p.cols;
  let r = idx[row_at(p.idx, i, 1u)];
  let at = u32(r) - p.first; // wraps below the window
  if ((r >= 0) && (at < p.held)) {
    y[row_at(p.y, at, p.cols) + (c * p.y.w)] = x[row_at(p.x, i, p.cols) + (c * p.x.w)];
  }
}
