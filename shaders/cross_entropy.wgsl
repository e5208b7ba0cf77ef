// cross_entropy: y[r,0] = l, PAIRS: y[r,1] = w[t], of the target t of row r, with log p =
// x[r,:] - m - log(sum_c exp(x[r,:] - m)), m = max_c x[r,:], and e = smoothing:
// l = -w[t] log p[t]; SMOOTH: l = -(1-e) w[t] log p[t] - e/C sum_c w[c] log p[c].
// A row with target ignore or outside [0,C) has l and w[t] 0.
// x [R,C]; t [R]; w [C], WEIGHTED alone, else ones; y [R,1] or [R,2]. Accumulates in f32,
// TERMS at a time.
// Grid: one workgroup a row, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: rows >= R, and those that do not count, return before any barrier, as a whole
// workgroup. Ref: cpuref/cross_entropy.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const WEIGHTED: bool = false;
const SMOOTH: bool = false;
const PAIRS: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  t: vec4<u32>,
  w: vec4<u32>,
  y: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
  ignore: i32,
  smoothing: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> t: array<i32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

fn write(row: u32, loss: f32, weight: f32) {
  let to = row_at(p.y, row, select(1u, 2u, PAIRS));
  y[to] = loss;
  if (PAIRS) {
    y[to + p.y.w] = weight;
  }
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = group_of(wid);
  if (row >= p.rows) {
    return;
  }
  let class_of = t[row_at(p.t, row, 1u)];
  if ((class_of == p.ignore) || ((class_of < 0) || (u32(class_of) >= p.cols))) {
    if (lid == 0u) {
      write(row, 0.0, 0.0);
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
  let log_sum = log(max(group_sum(total, lid), 1.0));

  var even = 0.0;
  if (SMOOTH) {
    total = 0.0;
    for (var c = lid; c < p.cols; c = c + (WG * TERMS)) {
      var part = 0.0;
      for (var k = 0u; k < TERMS; k = k + 1u) {
        let at = c + (k * WG);
        if (at < p.cols) {
          part = part + (weight_of(at) * ((top - x[base + (at * p.x.w)]) + log_sum));
        }
      }
      total = total + part;
    }
    even = (p.smoothing / f32(p.cols)) * group_sum(total, lid);
  }
  if (lid == 0u) {
    let weight = weight_of(u32(class_of));
    let hard = weight * ((top - x[base + (u32(class_of) * p.x.w)]) + log_sum);
    write(row, select(hard, ((1.0 - p.smoothing) * hard) + even, SMOOTH), weight);
  }
}
