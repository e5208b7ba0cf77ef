// sum_rows: y[i,c] = sum_r f(r,c) over part i of the rows, r from i * per on
// MODE 0: f = x[r,c]. 1: f = x[r,c] * w[r,0], 0 where w[r,0] is 0.
// 2: f = x[r,c] * (h[r,c] - w[r,0]) * w[r,1], the gradient of a norm's weight (x: dy; w:
// its statistics).
// x, h [R,C]; w [R,1] or [R,2]; y [parts,C]. ACCUM: y += the same.
// Accumulates in f32, TERMS at a time.
// Grid: one workgroup for WX columns of a part, folded to 2-D. Workgroup: TILE x 1 x 1.
// Bounds: parts past the last return before any barrier, as a whole workgroup; columns
// >= C add nothing. Ref: cpuref/sum.go, cpuref/norm.go
const TILE: u32 = 256u;
const WX: u32 = 32u;
const TERMS: u32 = 16u;
const MODE: u32 = 0u;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  h: vec4<u32>,
  w: vec4<u32>,
  y: vec4<u32>,
  rows: u32,   // R
  cols: u32,   // C
  parts: u32,
  per: u32,    // rows of a part
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> h: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

fn term(r: u32, c: u32) -> f32 {
  var v = x[row_at(p.x, r, p.cols) + (c * p.x.w)];
  if (MODE == 1u) {
    let f = w[row_at(p.w, r, 1u)];
    v = select(v * f, 0.0, f == 0.0); // x of a row in a gap may be NaN
  }
  if (MODE == 2u) {
    let at = row_at(p.w, r, 2u);
    v = v * ((h[row_at(p.h, r, p.cols) + (c * p.h.w)] - w[at]) * w[at + p.w.w]);
  }
  return v;
}

@compute @workgroup_size(TILE, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let blocks = ((p.cols + WX) - 1u) / WX;
  let part = group_of(wid) / blocks;
  if (part >= p.parts) {
    return;
  }
  let c = ((group_of(wid) % blocks) * WX) + (lid % WX);
  let end = min(p.rows, (part + 1u) * p.per);
  var total = 0.0;
  if (c < p.cols) {
    for (var r = (part * p.per) + (lid / WX); r < end; r = r + (WY * TERMS)) {
      var some = 0.0;
      for (var k = 0u; k < TERMS; k = k + 1u) {
        let at = r + (k * WY);
        if (at < end) {
          some = some + term(at, c);
        }
      }
      total = total + some;
    }
  }
  let sum = lane_sum(total, lid);
  if ((lid < WX) && (c < p.cols)) {
    let to = row_at(p.y, part, p.cols) + (c * p.y.w);
    if (ACCUM) {
      y[to] = y[to] + sum;
    } else {
      y[to] = sum;
    }
  }
}
