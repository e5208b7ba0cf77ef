// conv_rows: y[r,o] = b[o] + sum_n sum_i w[o,i,k] x[n,i] over the rows n of r's sequence
// at column pos[r] + k - K/2; 0 for a row in a gap. BACKWARD, the gradient of x (x: dy, y:
// dx): y[r,o] = sum_n sum_i w[i,o,K-1-k] x[n,i].
// x [rows,Cin]; w [Cout,Cin,K], for BACKWARD [Cin,Cout,K], as rows of K; b [Cout], BIAS
// alone; y [rows,Cout]. Of the layout's R rows y holds first on, x first_x on; of the
// inputs i a piece, opening to before closing. ACCUM: y += the same.   Accumulates in
// f32, TERMS at a time.
// Grid: WG elements of y a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past rows*Cout return. Ref: cpuref/conv_rows.go
const WG: u32 = 64u;
const TERMS: u32 = 64u;
const BIAS: bool = false;
const BACKWARD: bool = false;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  w: vec4<u32>,
  b: vec4<u32>,
  lay: vec4<u32>,
  y: vec4<u32>,
  rows: u32,     // of y
  cols_in: u32,  // Cin
  cols: u32,     // Cout
  taps: u32,     // K
  batch: u32,    // B
  total: u32,    // R
  first: u32,
  first_x: u32,
  opening: u32,  // of the inputs
  closing: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> lay: array<i32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> p: Params;

// weight_at is where the weight of input i and a tap lies.
fn weight_at(i: u32, o: u32, tap: u32) -> u32 {
  if (BACKWARD) {
    return row_at(p.w, (i * p.cols) + o, p.taps) + ((p.taps - 1u) - tap);
  }
  return row_at(p.w, (o * p.cols_in) + i, p.taps) + tap;
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = (group_of(wid) * WG) + lid;
  if (e >= (p.rows * p.cols)) {
    return;
  }
  let r = p.first + (e / p.cols);
  let o = e % p.cols;
  let range = near(r);
  var total = 0.0;
  if (BIAS && (range.y > range.x)) {
    total = b[p.b.x + (o * p.b.w)];
  }
  for (var n = range.x; n < range.y; n = n + 1u) {
    let tap = tap_of(n, r);
    if (tap < p.taps) {
      let base = row_at(p.x, n - p.first_x, p.cols_in);
      var i = p.opening;
      while (i < p.closing) {
        let end = min(i + TERMS, p.closing);
        var part = 0.0;
        while (i < end) {
          part = part + (w[weight_at(i, o, tap)] * x[base + (i * p.x.w)]);
          i = i + 1u;
        }
        total = total + part;
      }
    }
  }
  let to = row_at(p.y, e / p.cols, p.cols) + (o * p.y.w);
  if (ACCUM) {
    y[to] = y[to] + total;
  } else {
    y[to] = total;
  }
}
