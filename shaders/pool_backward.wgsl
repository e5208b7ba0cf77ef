// pool_backward: dx[r,c] = f(r) * dy[b,c] for row r of sequence b, 0 in a gap
// MODE, as tensor.Pooling: f is 1 at 0 (cls) the first row, 1 (last) the last row, else
// 0; 2 (mean) f = 1/Len; 3 (max) f = 1 where arg[b,c] = r, else 0.
// dx [rows,C]; dy, arg [seqs,C], arg for max alone. Of the layout's R rows dx holds
// first_row on, of its B sequences dy and arg hold first_seq on. ACCUM: dx += the same.
// Grid: WG * PER elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past rows*C are left out. Ref: cpuref/pool.go
const WG: u32 = 64u;
const PER: u32 = 4u;
const MODE: u32 = 2u;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  dy: vec4<u32>,
  arg: vec4<u32>,
  lay: vec4<u32>,
  dx: vec4<u32>,
  rows: u32,
  cols: u32,       // C
  batch: u32,      // B
  total: u32,      // R
  first_seq: u32,
  first_row: u32,
}
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> arg: array<i32>;
@group(0) @binding(2) var<storage, read> lay: array<i32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

fn value(r: u32, c: u32) -> f32 {
  let b = sequence_of(r);
  if (b < 0) {
    return 0.0;
  }
  let rows = rows_of(u32(b));
  let at = u32(b) - p.first_seq;
  var v = dy[row_at(p.dy, at, p.cols) + (c * p.dy.w)];
  switch MODE {
    case 0u: { v = select(0.0, v, r == rows.x); }
    case 1u: { v = select(0.0, v, (r + 1u) == (rows.x + rows.y)); }
    case 3u: { v = select(0.0, v, arg[row_at(p.arg, at, p.cols) + (c * p.arg.w)] == i32(r)); }
    default: { v = v / f32(rows.y); }
  }
  return v;
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = (group_of(wid) * (WG * PER)) + lid;
  for (var k = 0u; k < PER; k = k + 1u) {
    let e = first + (k * WG);
    if (e < (p.rows * p.cols)) {
      let r = e / p.cols;
      let c = e % p.cols;
      let v = value(p.first_row + r, c);
      let to = row_at(p.dx, r, p.cols) + (c * p.dx.w);
      if (ACCUM) {
        dx[to] = dx[to] + v;
      } else {
        dx[to] = v;
      }
    }
  }
}
