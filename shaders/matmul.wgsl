// matmul: y = act(A B (+ y) + bias) + residual, for each of a batch of matrices
// A [M,K], stored [K,M] with TRANS_A; B [K,N], stored [N,K] with TRANS_B; y, residual,
// pre [M,N]; bias [N]. pre takes the value before act. Without shared memory: an
// invocation holds a tile of 4 x 4 of y in registers.   Accumulates in f32, blocks
// of 64 terms summed apart, which keeps the error of long sums down.
// Grid: one workgroup for each GY*4 x GX*4 tile of y and each matrix, folded to
// 2-D. Workgroup: GX x GY x 1.
// Bounds: rows and columns outside y read the last one and are not stored; terms
// past K read as 0. Ref: cpuref/linear.go, cpuref/matmul.go
const GX: u32 = 8u;
const GY: u32 = 8u;
const TRANS_A: bool = false;
const TRANS_B: bool = false;
const VEC_A: bool = false;     // rows of A begin at multiples of 4 elements and have multiples of 4
const VEC_B: bool = false;     // so do those of B
const ACCUM: bool = false;     // y is added to the product
const BIAS: bool = false;
const ACT: u32 = 0u;           // as tensor.Act
const PRE: bool = false;
const RESIDUAL: bool = false;

struct Params {
  grid: vec4<u32>,
  a: vec4<u32>,         // rows: the matrices
  b: vec4<u32>,
  bias: vec4<u32>,
  residual: vec4<u32>,  // rows: those of y
  y: vec4<u32>,         // rows: the matrices
  pre: vec4<u32>,       // rows: those of y
  m: u32,
  n: u32,
  k: u32,
  lda: u32,             // elements between stored rows
  ldb: u32,
  ldy: u32,
  tiles_m: u32,
  tiles_n: u32,
}
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read> residual: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> pre: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;

fn a_at(i: u32) -> f32 { return a[i >> 2u][i & 3u]; }
fn b_at(i: u32) -> f32 { return b[i >> 2u][i & 3u]; }

// a_row is A[row, k .. k+3].
fn a_row(start: u32, row: u32, k: u32) -> vec4<f32> {
  if (VEC_A) {
    return a[(start + (row * p.lda) + k) >> 2u];
  }
  let step = select(1u, p.lda, TRANS_A);
  let at = start + select((row * p.lda) + k, (k * p.lda) + row, TRANS_A);
  let last = p.k - 1u - k;
  let v = vec4<f32>(a_at(at), a_at(at + (min(1u, last) * step)), a_at(at + (min(2u, last) * step)), a_at(at + (min(3u, last) * step)));
  return select(vec4<f32>(0.0), v, vec4<u32>(0u, 1u, 2u, 3u) <= vec4<u32>(last));
}

// a_col is A[row .. row+3, k] for an A stored by columns, four of them at once.
fn a_col(start: u32, row: u32, k: u32) -> vec4<f32> {
  if (k >= p.k) {
    return vec4<f32>(0.0);
  }
  return a[(start + (k * p.lda) + row) >> 2u];
}

// b_col is B[k .. k+3, col] for a B stored by columns.
fn b_col(start: u32, col: u32, k: u32) -> vec4<f32> {
  let at = start + (col * p.ldb) + k;
  if (VEC_B) {
    return b[at >> 2u];
  }
  let last = p.k - 1u - k;
  let v = vec4<f32>(b_at(at), b_at(at + min(1u, last)), b_at(at + min(2u, last)), b_at(at + min(3u, last)));
  return select(vec4<f32>(0.0), v, vec4<u32>(0u, 1u, 2u, 3u) <= vec4<u32>(last));
}

// b_row is B[k, cols] for a B stored by rows.
fn b_row(start: u32, cols: vec4<u32>, k: u32) -> vec4<f32> {
  if (k >= p.k) {
    return vec4<f32>(0.0);
  }
  let at = start + (k * p.ldb);
  if (VEC_B) {
    return b[(at + cols.x) >> 2u];
  }
  return vec4<f32>(b_at(at + cols.x), b_at(at + cols.y), b_at(at + cols.z), b_at(at + cols.w));
}

fn store(matrix: u32, row: u32, col: u32, sum: f32) {
  if ((row >= p.m) || (col >= p.n)) {
    return;
  }
  let to = row_at(p.y, matrix, p.m * p.ldy) + (row * p.ldy) + col;
  var v = sum;
  if (ACCUM) {
    v += y[to];
  }
  if (BIAS) {
    v += bias[p.bias.x + (col * p.bias.w)];
  }
  if (PRE) {
    pre[p.pre.x + (row * p.pre.y) + col] = v;
  }
  v = activate(v);
  if (RESIDUAL) {
    v += residual[p.residual.x + (row * p.residual.y) + col];
  }
  y[to] = v;
}

@compute @workgroup_size(GX, GY, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>) {
  let g = group_of(wid);
  if (g >= p.grid.y) {
    return;
  }
  let tiles = p.tiles_m * p.tiles_n;
  let matrix = g / tiles;
  let tile = g % tiles;
  let row = (((tile / p.tiles_n) * GY) + lid.y) * 4u;
  let col = (((tile % p.tiles_n) * GX) + lid.x) * 4u;
  let rows = min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.m - 1u));
  let cols = min(vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.n - 1u));
  let start_a = row_at(p.a, matrix, select(p.m, p.k, TRANS_A) * p.lda);
  let start_b = row_at(p.b, matrix, select(p.k, p.n, TRANS_B) * p.ldb);

  var y0 = vec4<f32>(0.0);
  var y1 = vec4<f32>(0.0);
  var y2 = vec4<f32>(0.0);
  var y3 = vec4<f32>(0.0);
  var k = 0u;
  while (k < p.k) {
    let end = min(k + 64u, p.k);
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
    while (k < end) {
      var a0: vec4<f32>;
      var a1: vec4<f32>;
      var a2: vec4<f32>;
      var a3: vec4<f32>;
      if (TRANS_A && VEC_A) {
        let c0 = a_col(start_a, rows.x, k);
        let c1 = a_col(start_a, rows.x, k + 1u);
        let c2 = a_col(start_a, rows.x, k + 2u);
        let c3 = a_col(start_a, rows.x, k + 3u);
        a0 = vec4<f32>(c0.x, c1.x, c2.x, c3.x);
        a1 = vec4<f32>(c0.y, c1.y, c2.y, c3.y);
        a2 = vec4<f32>(c0.z, c1.z, c2.z, c3.z);
        a3 = vec4<f32>(c0.w, c1.w, c2.w, c3.w);
      } else {
        a0 = a_row(start_a, rows.x, k);
        a1 = a_row(start_a, rows.y, k);
        a2 = a_row(start_a, rows.z, k);
        a3 = a_row(start_a, rows.w, k);
      }
      var b0: vec4<f32>;
      var b1: vec4<f32>;
      var b2: vec4<f32>;
      var b3: vec4<f32>;
      if (TRANS_B) {
        let w0 = b_col(start_b, cols.x, k);
        let w1 = b_col(start_b, cols.y, k);
        let w2 = b_col(start_b, cols.z, k);
        let w3 = b_col(start_b, cols.w, k);
        b0 = vec4<f32>(w0.x, w1.x, w2.x, w3.x);
        b1 = vec4<f32>(w0.y, w1.y, w2.y, w3.y);
        b2 = vec4<f32>(w0.z, w1.z, w2.z, w3.z);
        b3 = vec4<f32>(w0.w, w1.w, w2.w, w3.w);
      } else {
        b0 = b_row(start_b, cols, k);
        b1 = b_row(start_b, cols, k + 1u);
        b2 = b_row(start_b, cols, k + 2u);
        b3 = b_row(start_b, cols, k + 3u);
      }
      s0 += (a0.x * b0) + (a0.y * b1) + (a0.z * b2) + (a0.w * b3);
      s1 += (a1.x * b0) + (a1.y * b1) + (a1.z * b2) + (a1.w * b3);
      s2 += (a2.x * b0) + (a2.y * b1) + (a2.z * b2) + (a2.w * b3);
      s3 += (a3.x * b0) + (a3.y * b1) + (a3.z * b2) + (a3.w * b3);
      k += 4u;
    }
    y0 += s0;
    y1 += s1;
    y2 += s2;
    y3 += s3;
    k = end;
  }
  for (var j = 0u; j < 4u; j++) {
    store(matrix, row, col + j, y0[j]);
    store(matrix, row + 1u, col + j, y1[j]);
    store(matrix, row + 2u, col + j, y2[j]);
    store(matrix, row + 3u, col + j, y3[j]);
  }
}
