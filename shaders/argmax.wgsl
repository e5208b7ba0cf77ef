// argmax: y[r] = the lowest c with x[r,c] = max_c x[r,:]; with VALUE that x[r,c]
// x [R,C], C >= 1; y [R], bits of i32 or f32.
// Grid: one workgroup a row, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: rows >= R return before any barrier, as a whole workgroup.
// Ref: cpuref/argmax.go, cpuref/max_cols.go
const WG: u32 = 64u;
const VALUE: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  y: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

var<workgroup> keys: array<u32, WG>;
var<workgroup> places: array<u32, WG>;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = group_of(wid);
  if (row >= p.rows) {
    return;
  }
  let base = row_at(p.x, row, p.cols);
  // Every key of an element is above 0; no element stands past the last column.
  var key = 0u;
  var place = p.cols;
  for (var c = lid; c < p.cols; c = c + WG) {
    let k = order_key(x[base + (c * p.x.w)]);
    if (k > key) {
      key = k;
      place = c;
    }
  }
  keys[lid] = key;
  places[lid] = place;
  workgroupBarrier();
  for (var s = WG / 2u; s > 0u; s = s / 2u) {
    if (lid < s) {
      let k = keys[lid + s];
      let at = places[lid + s];
      if ((k > keys[lid]) || ((k == keys[lid]) && (at < places[lid]))) {
        keys[lid] = k;
        places[lid] = at;
      }
    }
    workgroupBarrier();
  }
  if (lid == 0u) {
    let c = select(places[0], 0u, places[0] == p.cols); // NaN alone: 0
    let to = row_at(p.y, row, 1u);
    if (VALUE) {
      y[to] = bitcast<u32>(x[base + (c * p.x.w)]);
    } else {
      y[to] = c;
    }
  }
}
