// matmul: y = act(A B (+ y) + bias) + residual, for each of a batch of matrices
// A [M,K], stored [K,M] with TRANS_A; B [K,N], stored [N,K] with TRANS_B; y, residual,
// pre [M,N]; bias [N]. pre takes the value before act. Without shared memory: an
// invocation holds 4 x 4 of y in registers.   Accumulates in f32, blocks of 64 terms
// summed apart, which keeps the error of long sums down.
// Grid: one workgroup for each GY*4 x GX*4 tile of y and each matrix, folded to
// 2-D. Workgroup: GX x GY x 1.
// Bounds: what lies outside y is not stored. Ref: cpuref/linear.go, cpuref/matmul.go
const GX: u32 = 8u;
const GY: u32 = 64u / GX;
const TRANS_A: bool = false;
const TRANS_B: bool = false;
const VEC_A: bool = false;
const VEC_B: bool = false;
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

@compute @workgroup_size(GX, GY, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>) {
  let g = group_of(wid);
  let matrix = g / (p.tiles_m * p.tiles_n);
  let tile = g % (p.tiles_m * p.tiles_n);
  let row = (((tile / p.tiles_n) * GY) + lid.y) * 4u;
  let col = (((tile % p.tiles_n) * GX) + lid.x) * 4u;
  if ((g >= p.grid.y) || (row >= p.m) || (col >= p.n)) {
    return;
  }
  var sum = mat4x4<f32>();
  var k = 0u;
  while (k < p.k) {
    let end = min(k + 64u, p.k);
    var part = mat4x4<f32>();
    while (k < end) {
      part += b_block(matrix, col, k) * a_block(matrix, row, k);
      k += 4u;
    }
    sum += part;
  }
  finish(matrix, row, col, sum);
}
