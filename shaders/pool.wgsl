// pool: y[b,c] = sum_r f(r) x[r,c] over the rows of sequence b; 0 without rows
// MODE, as tensor.Pooling: 0 cls, the first row; 1 last, the last; 2 mean, f = 1/Len;
// 4 attention, f = w[r].
// x [rows,C]; w [rows]; y [seqs,C]. Of the layout's B sequences these are first_seq on,
// of its R rows x and w hold first_row on.   Accumulates in f32, TERMS at a time.
// Grid: one workgroup for WX columns of a sequence, folded to 2-D. Workgroup: TILE x 1 x 1.
// Bounds: sequences past the last return before any barrier, as a whole workgroup;
// columns >= C add nothing. Ref: cpuref/pool.go
const TILE: u32 = 256u;
const WX: u32 = 32u;
const TERMS: u32 = 16u;
const MODE: u32 = 2u;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  w: vec4<u32>,
  lay: vec4<u32>,
  y: vec4<u32>,
  cols: u32,       // C
  batch: u32,      // B
  total: u32,      // R
  seqs: u32,
  first_seq: u32,
  first_row: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> lay: array<i32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

fn term(r: u32, c: u32) -> f32 {
  let v = x[row_at(p.x, r - p.first_row, p.cols) + (c * p.x.w)];
  if (MODE == 4u) {
    return v * w[row_at(p.w, r - p.first_row, 1u)];
  }
  return v;
}

@compute @workgroup_size(TILE, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let blocks = ((p.cols + WX) - 1u) / WX;
  let b = group_of(wid) / blocks;
  if (b >= p.seqs) {
    return;
  }
  let c = ((group_of(wid) % blocks) * WX) + (lid % WX);
  let rows = rows_of(p.first_seq + b);
  var base = rows.x;
  var end = rows.x + rows.y;
  switch MODE {
    case 0u: { end = min(end, base + 1u); }
    case 1u: { base = max(base + 1u, end) - 1u; }
    default: {}
  }
  var total = 0.0;
  if (c < p.cols) {
    for (var r = base + (lid / WX); r < end; r = r + (WY * TERMS)) {
      var some = 0.0;
      for (var k = 0u; k < TERMS; k = k + 1u) {
        let at = r + (k * WY);
        if (at < end) {
          some = some + term(at, c);
        }
      }
      total = total + some;
    }
  }
  var v = lane_sum(total, lid);
  if (MODE == 2u) {
    v = v / f32(max(rows.y, 1u));
  }
  if ((lid < WX) && (c < p.cols)) {
    y[row_at(p.y, b, p.cols) + (c * p.y.w)] = v;
  }
}
