// gather_rows: y[i,c] = x[idx[i],c], and fill where idx[i] is outside [0,total)
// x [X,C], idx [M], y [M,C]; 32-bit elements of any kind, moved as they are. Of x the
// window holds rows first to first+held of total; a row outside the window is left
// to the call that holds it.
// Grid: WG elements of y a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past M*C return. Ref: cpuref/gather.go
const WG: u32 = 64u;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  idx: vec4<u32>,
  y: vec4<u32>,
  rows: u32,   // M
  cols: u32,   // C
  first: u32,  // row of x at the start of the window
  held: u32,   // rows of x in the window
  total: u32,  // X
  fill: u32,   // bits
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
  let to = row_at(p.y, i, p.cols) + (c * p.y.w);
  let r = idx[row_at(p.idx, i, 1u)];
  if ((r < 0) || (u32(r) >= p.total)) {
    y[to] = p.fill;
    return;
  }
  let at = u32(r) - p.first; // wraps below the window
  if (at < p.held) {
    y[to] = x[row_at(p.x, at, p.cols) + (c * p.x.w)];
  }
}
