// norm_backward: dh[r,c] = s * (g[c] - mean_c g - n[c] * mean_c(g n)) with g = dy * weight
// and n = (h - mean) * s, (mean, s) = stats[r] (layer_norm); without CENTER the term
// mean_c g is left out (rms_norm).
// dy, h, dh [R,C]; weight [C], absent without HAS_WEIGHT; stats [R,2]. ACCUM: dh += the same.
// Accumulates in f32, TERMS at a time.
// Grid: one workgroup a row, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: rows >= R return before any barrier, as a whole workgroup. Ref: cpuref/norm.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const CENTER: bool = true;
const HAS_WEIGHT: bool = true;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  dy: vec4<u32>,
  h: vec4<u32>,
  weight: vec4<u32>,
  stats: vec4<u32>,
  dh: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
}
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> h: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read_write> dh: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;

// gradient is g[c]; grad is where row r of dy begins.
fn gradient(grad: u32, c: u32) -> f32 {
  let v = dy[grad + (c * p.dy.w)];
  if (HAS_WEIGHT) {
    return v * weight[p.weight.x + (c * p.weight.w)];
  }
  return v;
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = group_of(wid);
  if (row >= p.rows) {
    return;
  }
  let grad = row_at(p.dy, row, p.cols);
  let base = row_at(p.h, row, p.cols);
  let to = row_at(p.dh, row, p.cols);
  let stat = row_at(p.stats, row, 2u);
  let mean = stats[stat];
  let s = stats[stat + p.stats.w];

  var total = vec2<f32>(0.0, 0.0);
  for (var c = lid; c < p.cols; c = c + (WG * TERMS)) {
    var part = vec2<f32>(0.0, 0.0);
    for (var k = 0u; k < TERMS; k = k + 1u) {
      let at = c + (k * WG);
      if (at < p.cols) {
        let g = gradient(grad, at);
        part = part + vec2<f32>(g, g * ((h[base + (at * p.h.w)] - mean) * s));
      }
    }
    total = total + part;
  }
  var means = group_sums(total, lid) / f32(p.cols);
  if (!CENTER) {
    means.x = 0.0;
  }

  for (var c = lid; c < p.cols; c = c + WG) {
    let n = (h[base + (c * p.h.w)] - mean) * s;
    let v = s * ((gradient(grad, c) - means.x) - (n * means.y));
    let at = to + (c * p.dh.w);
    if (ACCUM) {
      dh[at] = dh[at] + v;
    } else {
      dh[at] = v;
    }
  }
}
