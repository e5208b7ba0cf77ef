// pool_attention_score: out[r,0] = exp(t), t = tanh(sum_c weight[c] x[r,c] + bias); 0 in a gap
// BACKWARD: out[r,0] = sum_c dy[b,c] x[r,c] for row r of sequence b, out[r,1] = 1 - t^2;
// without it dy is absent. t lies within -1 and 1, so that exp needs no shift.
// x [rows,C]; weight [1,C]; bias [1]; dy [seqs,C]; out [rows,1] or [rows,2]. Of the
// layout's R rows x and out hold first_row on, of its B sequences dy holds first_seq on.
// Accumulates in f32, TERMS at a time.
// Grid: one workgroup a row, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: rows past the last return before any barrier, as a whole workgroup.
// Ref: cpuref/pool.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const BACKWARD: bool = true;
const ACT: u32 = 5u; // tanh, of common/activation.wgsl

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  weight: vec4<u32>,
  bias: vec4<u32>,
  dy: vec4<u32>,
  lay: vec4<u32>,
  out: vec4<u32>,
  rows: u32,
  cols: u32,       // C
  batch: u32,      // B
  total: u32,      // R
  first_seq: u32,
  first_row: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read> lay: array<i32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = group_of(wid);
  if (row >= p.rows) {
    return;
  }
  let b = sequence_of(p.first_row + row);
  let base = row_at(p.x, row, p.cols);
  let grad = row_at(p.dy, u32(max(b, i32(p.first_seq))) - p.first_seq, p.cols);
  // The sums of weight x and of dy x.
  var total = vec2<f32>(0.0, 0.0);
  for (var c = lid; c < p.cols; c = c + (WG * TERMS)) {
    var part = vec2<f32>(0.0, 0.0);
    for (var k = 0u; k < TERMS; k = k + 1u) {
      let at = c + (k * WG);
      if (at < p.cols) {
        let v = x[base + (at * p.x.w)];
        var g = 0.0;
        if (BACKWARD) {
          g = dy[grad + (at * p.dy.w)];
        }
        part = part + vec2<f32>(v * weight[p.weight.x + (at * p.weight.w)], v * g);
      }
    }
    total = total + part;
  }
  let sums = group_sums(total, lid);
  if (lid == 0u) {
    let z = sums.x + bias[p.bias.x];
    if (BACKWARD) {
      let to = row_at(p.out, row, 2u);
      out[to] = select(sums.y, 0.0, b < 0);
      out[to + p.out.w] = slope(z);
    } else {
      out[row_at(p.out, row, 1u)] = select(exp(activate(z)), 0.0, b < 0);
    }
  }
}
