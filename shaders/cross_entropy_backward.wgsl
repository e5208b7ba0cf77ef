// cross_entropy_backward: dx[r,c] = g w[t] (p[c] - [c = t]), of the target t of row r, with
// p the softmax of x[r,:]; SMOOTH: dx[r,c] = g ((1-e) w[t] (p[c] - [c = t]) + e/C (p[c] sum w
// - w[c])), e = smoothing. A row with target ignore or outside [0,C) has dx 0.
// MODE, as tensor.Reduction: g is 0 none dy[r]; 1 sum dy[0]; 2 mean dy[0] / total[0], 0
// where total[0] is.
// x, dx [R,C]; t [R]; w [C], WEIGHTED alone, else ones; dy [R] or [1]; total [1], of a mean.
// ACCUM: dx += the same.   Accumulates in f32, TERMS at a time.
// Grid: one workgroup a row, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: rows >= R, and those that do not count, return before any barrier, as a whole
// workgroup. Ref: cpuref/cross_entropy.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const MODE: u32 = 0u;
const WEIGHTED: bool = false;
const SMOOTH: bool = false;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  t: vec4<u32>,
  w: vec4<u32>,
  dy: vec4<u32>,
  total: vec4<u32>,
  dx: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
  ignore: i32,
  smoothing: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> t: array<i32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read> total: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;

fn gradient_of(row: u32) -> f32 {
  if (MODE == 0u) {
    return dy[row_at(p.dy, row, 1u)];
  }
  let g = dy[p.dy.x];
  if (MODE == 1u) {
    return g;
  }
  let n = total[p.total.x];
  return select(g / n, 0.0, n == 0.0);
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = group_of(wid);
  if (row >= p.rows) {
    return;
  }
  let to = row_at(p.dx, row, p.cols);
  let class_of = t[row_at(p.t, row, 1u)];
  if ((class_of == p.ignore) || ((class_of < 0) || (u32(class_of) >= p.cols))) {
    if (!ACCUM) {
      for (var c = lid; c < p.cols; c = c + WG) {
        dx[to + (c * p.dx.w)] = 0.0;
      }
    }
    return;
  }
  let base = row_at(p.x, row, p.cols);

  var high = LOWEST;
  for (var c = lid; c < p.cols; c = c + WG) {
    let v = x[base + (c * p.x.w)];
    high = select(max(high, v), high, is_masked(v));
  }
  let top = group_max(high, lid);
  var exps = 0.0;
  var weights = 0.0;
  for (var c = lid; c < p.cols; c = c + (WG * TERMS)) {
    var part = 0.0;
    var some = 0.0;
    for (var k = 0u; k < TERMS; k = k + 1u) {
      let at = c + (k * WG);
      if (at < p.cols) {
        part = part + shifted_exp(x[base + (at * p.x.w)], top);
        some = some + weight_of(at);
      }
    }
    exps = exps + part;
    weights = weights + some;
  }
  let sum = max(group_sum(exps, lid), 1.0);
  let g = gradient_of(row);
  var hard = g * weight_of(u32(class_of));
  var even = 0.0;
  var scale = hard;
  if (SMOOTH) {
    hard = (1.0 - p.smoothing) * hard;
    even = (g * p.smoothing) / f32(p.cols);
    scale = hard + (even * group_sum(weights, lid));
  }
  for (var c = lid; c < p.cols; c = c + WG) {
    var v = scale * (shifted_exp(x[base + (c * p.x.w)], top) / sum);
    if (SMOOTH) {
      v = v - (even * weight_of(c));
    }
    v = v - select(0.0, hard, c == u32(class_of));
    let at = to + (c * p.dx.w);
    if (ACCUM) {
      dx[at] = dx[at] + v;
    } else {
      dx[at] = v;
    }
  }
}
