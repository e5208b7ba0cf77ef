// softmax_backward: dx[r,c] = y[r,c] * (dy[r,c] - sum_c y[r,:] dy[r,:])
// LOG, of log_softmax: dx[r,c] = dy[r,c] - exp(y[r,c]) * sum_c dy[r,:].
// y, dy, dx [R,C]. ACCUM: dx += the same.   Accumulates in f32, TERMS at a time.
// Grid: one workgroup a row, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: rows >= R return before any barrier, as a whole workgroup. Ref: cpuref/softmax.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const LOG: bool = false;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  y: vec4<u32>,
  dy: vec4<u32>,
  dx: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
}
@group(0) @binding(0) var<storage, read> y: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = group_of(wid);
  if (row >= p.rows) {
    return;
  }
  let base = row_at(p.y, row, p.cols);
  let grad = row_at(p.dy, row, p.cols);
  let to = row_at(p.dx, row, p.cols);

  var total = 0.0;
  for (var c = lid; c < p.cols; c = c + (WG * TERMS)) {
    var part = 0.0;
    for (var k = 0u; k < TERMS; k = k + 1u) {
      let at = c + (k * WG);
      if (at < p.cols) {
        let g = dy[grad + (at * p.dy.w)];
        if (LOG) {
          part = part + g;
        } else {
          part = part + (y[base + (at * p.y.w)] * g);
        }
      }
    }
    total = total + part;
  }
  let sum = group_sum(total, lid);

  for (var c = lid; c < p.cols; c = c + WG) {
    let out = y[base + (c * p.y.w)];
    let g = dy[grad + (c * p.dy.w)];
    var v = 0.0;
    if (LOG) {
      v = g - (select(exp(out), 0.0, is_masked(out)) * sum);
    } else {
      v = out * (g - sum);
    }
    let at = to + (c * p.dx.w);
    if (ACCUM) {
      dx[at] = dx[at] + v;
    } else {
      dx[at] = v;
    }
  }
}
