// norm: y[r,c] = (h[r,c] - mean_c h[r,:]) * s * weight[c] + bias[c] with h = x + residual
// and s = 1 / sqrt(var_c h[r,:] + eps), the population variance (layer_norm); without
// CENTER y[r,c] = h[r,c] * s * weight[c], s = 1 / sqrt(mean_c h[r,:]^2 + eps) (rms_norm).
// x, residual, y, sum [R,C]; weight, bias [C]; stats [R,2] = (mean, s), mean 0 for rms_norm.
// What HAS_ denies is absent.   Accumulates in f32, TERMS at a time.
// Grid: one workgroup a row, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: rows >= R return before any barrier, as a whole workgroup. Ref: cpuref/norm.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const CENTER: bool = true;
const HAS_WEIGHT: bool = true;
const HAS_BIAS: bool = true;
const HAS_RESIDUAL: bool = true;
const HAS_Y: bool = true;
const HAS_SUM: bool = true;
const HAS_STATS: bool = true;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  weight: vec4<u32>,
  bias: vec4<u32>,
  residual: vec4<u32>,
  y: vec4<u32>,
  sum: vec4<u32>,
  stats: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
  eps: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> sum: array<f32>;
@group(0) @binding(6) var<storage, read_write> stats: array<f32>;
@group(0) @binding(7) var<uniform> p: Params;

// term is h[r,c]; base and add are where row r of x and residual begin.
fn term(base: u32, add: u32, c: u32) -> f32 {
  let v = x[base + (c * p.x.w)];
  if (HAS_RESIDUAL) {
    return v + residual[add + (c * p.residual.w)];
  }
  return v;
}

// sums are those of h - shift and of its square.
fn sums(base: u32, add: u32, shift: f32, lid: u32) -> vec2<f32> {
  var total = vec2<f32>(0.0, 0.0);
  for (var c = lid; c < p.cols; c = c + (WG * TERMS)) {
    var part = vec2<f32>(0.0, 0.0);
    for (var k = 0u; k < TERMS; k = k + 1u) {
      let at = c + (k * WG);
      if (at < p.cols) {
        let d = term(base, add, at) - shift;
        part = part + vec2<f32>(d, d * d);
      }
    }
    total = total + part;
  }
  return group_sums(total, lid);
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = group_of(wid);
  if (row >= p.rows) {
    return;
  }
  let base = row_at(p.x, row, p.cols);
  let add = row_at(p.residual, row, p.cols);
  let width = f32(p.cols);

  // Two passes, and a correction of the mean by what the second one finds left of
  // it: a constant row then gives exact zeros, and a far mean costs no digits.
  var mean = 0.0;
  if (CENTER) {
    mean = sums(base, add, 0.0, lid).x / width;
  }
  let found = sums(base, add, mean, lid) / width;
  var rest = 0.0;
  if (CENTER) {
    rest = found.x;
  }
  let s = inverseSqrt(max(found.y - (rest * rest), 0.0) + p.eps);

  if (HAS_STATS && (lid == 0u)) {
    let at = row_at(p.stats, row, 2u);
    stats[at] = mean + rest;
    stats[at + p.stats.w] = s;
  }
  if (!HAS_Y && !HAS_SUM) {
    return;
  }
  let to = row_at(p.y, row, p.cols);
  let to_sum = row_at(p.sum, row, p.cols);
  for (var c = lid; c < p.cols; c = c + WG) {
    let h = term(base, add, c);
    if (HAS_SUM) {
      sum[to_sum + (c * p.sum.w)] = h;
    }
    if (HAS_Y) {
      var v = ((h - mean) - rest) * s;
      if (HAS_WEIGHT) {
        v = v * weight[p.weight.x + (c * p.weight.w)];
      }
      if (HAS_BIAS) {
        v = v + bias[p.bias.x + (c * p.bias.w)];
      }
      y[to + (c * p.y.w)] = v;
    }
  }
}
