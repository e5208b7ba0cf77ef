// pool_max: y[b,c] = max x[r,c] over the rows of sequence b, 0 without rows; with
// WANT_ROW the lowest such r in its place, -1 without rows
// x [rows,C]; y [seqs,C], bits of f32 or i32. Of the layout's B sequences these are
// first_seq on, of its R rows x holds first_row on.
// Grid: one workgroup for WX columns of a sequence, folded to 2-D. Workgroup: TILE x 1 x 1.
// Bounds: sequences past the last return before any barrier, as a whole workgroup;
// columns >= C find nothing. Ref: cpuref/pool.go
const TILE: u32 = 256u;
const WX: u32 = 32u;
const WY: u32 = TILE / WX;
const WANT_ROW: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
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
@group(0) @binding(1) var<storage, read> lay: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
@group(0) @binding(3) var<uniform> p: Params;

var<workgroup> keys: array<u32, TILE>;
var<workgroup> places: array<u32, TILE>;

@compute @workgroup_size(TILE, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let blocks = ((p.cols + WX) - 1u) / WX;
  let b = group_of(wid) / blocks;
  if (b >= p.seqs) {
    return;
  }
  let c = ((group_of(wid) % blocks) * WX) + (lid % WX);
  let rows = rows_of(p.first_seq + b);
  let end = rows.x + rows.y;
  // Every key of an element is above 0; no element stands past the last row.
  var key = 0u;
  var place = end;
  if (c < p.cols) {
    for (var r = rows.x + (lid / WX); r < end; r = r + WY) {
      let k = order_key(x[row_at(p.x, r - p.first_row, p.cols) + (c * p.x.w)]);
      if (k > key) {
        key = k;
        place = r;
      }
    }
  }
  keys[lid] = key;
  places[lid] = place;
  workgroupBarrier();
  for (var s = WY / 2u; s > 0u; s = s / 2u) {
    if (lid < (s * WX)) {
      let k = keys[lid + (s * WX)];
      let at = places[lid + (s * WX)];
      if ((k > keys[lid]) || ((k == keys[lid]) && (at < places[lid]))) {
        keys[lid] = k;
        places[lid] = at;
      }
    }
    workgroupBarrier();
  }
  if ((lid < WX) && (c < p.cols)) {
    let to = row_at(p.y, b, p.cols) + (c * p.y.w);
    let at = select(places[lid], rows.x, places[lid] == end); // NaN alone: the first row
    if (rows.y == 0u) {
      y[to] = select(0u, 0xffffffffu, WANT_ROW);
    } else if (WANT_ROW) {
      y[to] = at;
    } else {
      y[to] = bitcast<u32>(x[row_at(p.x, at - p.first_row, p.cols) + (c * p.x.w)]);
    }
  }
}
