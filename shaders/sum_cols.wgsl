// sum_cols: y[r] = sum_c x[r,c]
// x [R,C]; y [R,1]. ACCUM: y += the same.   Accumulates in f32, TERMS at a time.
// Grid: one workgroup a row, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: rows >= R return before any barrier, as a whole workgroup. Ref: cpuref/sum.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const ACCUM: bool = false;

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
  var total = 0.0;
  for (var c = lid; c < p.cols; c = c + (WG * TERMS)) {
    var part = 0.0;
    for (var k = 0u; k < TERMS; k = k + 1u) {
      let at = c + (k * WG);
      if (at < p.cols) {
        part = part + x[base + (at * p.x.w)];
      }
    }
    total = total + part;
  }
  let sum = group_sum(total, lid);
  if (lid == 0u) {
    let to = row_at(p.y, row, 1u);
    if (ACCUM) {
      y[to] = y[to] + sum;
    } else {
      y[to] = sum;
    }
  }
}
