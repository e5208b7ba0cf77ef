// matmul_tiled: what matmul computes, with tiles of the factors in workgroup memory
// Operands as in matmul. A workgroup holds a 64 x 64 tile of y, 4 x 4 of it an
// invocation, and goes through K in steps of STEP terms: half of the invocations
// load the tile of A, half that of B, 4 x 4 elements each.   Accumulates in f32, the
// terms of a step summed apart.
// Grid: one workgroup for each 64 x 64 tile of y and each matrix, folded to 2-D.
// Workgroup: 16 x 16 x 1.
// Bounds: groups past the last return as a whole; what lies outside y is not stored.
// Ref: cpuref/linear.go, cpuref/matmul.go
const STEP: u32 = 32u;
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

// Row i holds term i of the step: four rows of A, or four columns of B, a vec4.
var<workgroup> tile_a: array<vec4<f32>, 512>;
var<workgroup> tile_b: array<vec4<f32>, 512>;

@compute @workgroup_size(16, 16, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_id) lid: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  let g = group_of(wid);
  if (g >= p.grid.y) {
    return;
  }
  let matrix = g / (p.tiles_m * p.tiles_n);
  let tile = g % (p.tiles_m * p.tiles_n);
  let row = (tile / p.tiles_n) * 64u;
  let col = (tile % p.tiles_n) * 64u;
  // Neighbours load neighbouring terms where these lie side by side, else
  // neighbouring rows or columns.
  let load = index % 128u;
  let by_terms = select(TRANS_B, !TRANS_A, index < 128u);
  let term = 4u * select(load / 16u, load % 8u, by_terms);
  let lane = select(load % 16u, load / 8u, by_terms);
  var sum = mat4x4<f32>();
  for (var k = 0u; k < p.k; k += STEP) {
    if (index < 128u) {
      let block = transpose(a_block(matrix, row + (4u * lane), k + term));
      tile_a[(term * 16u) + lane] = block[0];
      tile_a[((term + 1u) * 16u) + lane] = block[1];
      tile_a[((term + 2u) * 16u) + lane] = block[2];
      tile_a[((term + 3u) * 16u) + lane] = block[3];
    } else {
      let block = b_block(matrix, col + (4u * lane), k + term);
      tile_b[(term * 16u) + lane] = block[0];
      tile_b[((term + 1u) * 16u) + lane] = block[1];
      tile_b[((term + 2u) * 16u) + lane] = block[2];
      tile_b[((term + 3u) * 16u) + lane] = block[3];
    }
    workgroupBarrier();
    var part = mat4x4<f32>();
    for (var i = 0u; i < STEP; i++) {
      let left = tile_a[(i * 16u) + lid.y];
      let right = tile_b[(i * 16u) + lid.x];
      part += mat4x4<f32>(right * left.x, right * left.y, right * left.z, right * left.w);
    }
    sum += part;
    workgroupBarrier();
  }
  finish(matrix, row + (4u * lid.y), col + (4u * lid.x), sum);
}
