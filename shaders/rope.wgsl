// rope: y[r,h,d] (+)= x[r,h,d] cos + sign * x[r,h,pair(d)] sin for d < rotary, x beyond
// x, y [R,H,D]; pos [R]; table [P,rotary/2] of (cos, sin), of which the window holds
// positions first to first+held; a row outside it is left to the call that holds it.
// pair(d) is d +- rotary/2, or the neighbour; its sign is minus for the lower one.
// Grid: WG elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*H*D return. Ref: cpuref/rope.go
const WG: u32 = 64u;
const INTERLEAVED: bool = false;
const INVERSE: bool = false;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  pos: vec4<u32>,
  table: vec4<u32>,
  y: vec4<u32>,
  rows: u32,    // R
  cols: u32,    // H*D
  dim: u32,     // D
  rotary: u32,
  first: u32,
  held: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> pos: array<i32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
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
  let d = c % p.dim;
  let at = u32(pos[p.pos.x + r]) - p.first; // wraps below the window
  if ((p.rotary > 0u) && (at >= p.held)) {
    return;
  }
  let row = row_at(p.x, r, p.cols);
  var v = x[row + c];
  if (d < p.rotary) {
    let half = p.rotary / 2u;
    var j = d % half;
    var lower = d < half;
    var pair = select(c - half, c + half, lower);
    if (INTERLEAVED) {
      j = d / 2u;
      lower = (d % 2u) == 0u;
      pair = select(c - 1u, c + 1u, lower);
    }
    let t = p.table.x + (at * p.rotary) + (2u * j);
    let turn = x[row + pair] * table[t + 1u];
    v = (v * table[t]) + select(turn, -turn, lower != INVERSE);
  }
  let to = row_at(p.y, r, p.cols) + c;
  if (ACCUM) {
    v += y[to];
  }
  y[to] = v;
}
