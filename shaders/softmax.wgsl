// softmax: y[r,c] = exp(x[r,c] - m) / s with m = max_c x[r,:], s = sum_c exp(x[r,:] - m)
// LOG, log_softmax: y[r,c] = x[r,c] - m - log(s).
// -inf is a masked element: probability 0, log -inf; a row of nothing else is all of these.
// x, y [R,C].   Accumulates in f32, TERMS at a time.
// Grid: one workgroup a row, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: rows >= R return before any barrier, as a whole workgroup. Ref: cpuref/softmax.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const LOG: bool = false;

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
  let row = group_of(wid);
  if (row >= p.rows) {
    return;
  }
  let base = row_at(p.x, row, p.cols);
  let to = row_at(p.y, row, p.cols);

  var high = -3.4028234e38;
  for (var c = lid; c < p.cols; c = c + WG) {
    let v = x[base + (c * p.x.w)];
    high = select(max(high, v), high, is_masked(v));
  }
  let top = group_max(high, lid);

  var total = 0.0;
  for (var c = lid; c < p.cols; c = c + (WG * TERMS)) {
    var part = 0.0;
    for (var k = 0u; k < TERMS; k = k + 1u) {
      let at = c + (k * WG);
      if (at < p.cols) {
        part = part + shifted_exp(x[base + (at * p.x.w)], top);
      }
    }
    total = total + part;
  }
  let sum = group_sum(total, lid);

  // The largest element adds 1, so a sum below 1 is that of a row without elements.
  let factor = select(0.0, 1.0 / max(sum, 1.0), sum >= 0.5);
  let log_sum = log(max(sum, 1.0));
  for (var c = lid; c < p.cols; c = c + WG) {
    let v = x[base + (c * p.x.w)];
    if (LOG) {
      y[to + (c * p.y.w)] = select((v - top) - log_sum, v, is_masked(v));
    } else {
      y[to + (c * p.y.w)] = shifted_exp(v, top) * factor;
    }
  }
}
