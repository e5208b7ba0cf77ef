// conv_rows_weight: dw[o,i,k] = sum_r dy[r,o] x[n,i] over the rows r of all sequences, n
// the row of r's sequence at column pos[r] + k - K/2, the gradient of conv_rows; BIAS, of
// its bias: dw[o] = sum_r dy[r,o]
// x [rows,Cin], absent for BIAS; dy [rows,Cout]; dw [Cout,Cin,K] as rows of K, or [Cout].
// Of the layout's R rows dy holds first to first+rows, x first_x on. ACCUM: dw += the same.
// Grid: one workgroup an element of dw, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past the last return before any barrier, as a whole workgroup.
// Ref: cpuref/conv_rows.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const BIAS: bool = false;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  dy: vec4<u32>,
  lay: vec4<u32>,
  dw: vec4<u32>,
  elements: u32,  // of dw
  rows: u32,      // of dy
  cols_in: u32,   // Cin
  cols: u32,      // Cout
  taps: u32,      // K
  batch: u32,     // B
  total: u32,     // R
  first: u32,
  first_x: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> lay: array<i32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

// neighbour is x[n,i] of the row n that counts for row r by the tap, 0 without one.
fn neighbour(r: u32, i: u32, tap: u32) -> f32 {
  let range = near(r);
  for (var n = range.x; n < range.y; n = n + 1u) {
    if (tap_of(n, r) == tap) {
      return x[row_at(p.x, n - p.first_x, p.cols_in) + (i * p.x.w)];
    }
  }
  return 0.0;
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = group_of(wid);
  if (e >= p.elements) {
    return;
  }
  let tap = e % p.taps;
  let i = (e / p.taps) % p.cols_in;
  let o = (e / p.taps) / p.cols_in;
  var sum = 0.0;
  for (var r = lid; r < p.rows; r = r + (WG * TERMS)) {
    var part = 0.0;
    for (var k = 0u; k < TERMS; k = k + 1u) {
      let at = r + (k * WG);
      if ((at < p.rows) && (sequence_of(p.first + at) >= 0)) {
        var v = dy[row_at(p.dy, at, p.cols) + (o * p.dy.w)];
        if (!BIAS) {
          v = v * neighbour(p.first + at, i, tap);
        }
        part = part + v;
      }
    }
    sum = sum + part;
  }
  let all = group_sum(sum, lid);
  if (lid == 0u) {
    let to = row_at(p.dw, e / p.taps, p.taps) + (tap * p.dw.w);
    if (ACCUM) {
      dw[to] = dw[to] + all;
    } else {
      dw[to] = all;
    }
  }
}
