// pool_attention_backward: dx[r,c] = a[r] * dy[b,c] + dz[r] * weight[c] for row r of
// sequence b, 0 in a gap
// dx [rows,C]; a, dz [rows]; weight [1,C]; dy [seqs,C]. Of the layout's R rows dx, a and
// dz hold first_row on, of its B sequences dy holds first_seq on. ACCUM: dx += the same.
// Grid: WG * PER elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past rows*C are left out. Ref: cpuref/pool.go
const WG: u32 = 64u;
const PER: u32 = 4u;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  a: vec4<u32>,
  dz: vec4<u32>,
  weight: vec4<u32>,
  dy: vec4<u32>,
  lay: vec4<u32>,
  dx: vec4<u32>,
  rows: u32,
  cols: u32,       // C
  batch: u32,      // B
  total: u32,      // R
  first_seq: u32,
  first_row: u32,
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> dz: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read> lay: array<i32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;

// value is that of row i of this part.
fn value(i: u32, c: u32) -> f32 {
  let b = sequence_of(p.first_row + i);
  if (b < 0) {
    return 0.0;
  }
  let g = dy[row_at(p.dy, u32(b) - p.first_seq, p.cols) + (c * p.dy.w)];
  return (a[row_at(p.a, i, 1u)] * g) + (dz[row_at(p.dz, i, 1u)] * weight[p.weight.x + (c * p.weight.w)]);
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = (group_of(wid) * (WG * PER)) + lid;
  for (var k = 0u; k < PER; k = k + 1u) {
    let e = first + (k * WG);
    if (e < (p.rows * p.cols)) {
      let r = e / p.cols;
      let c = e % p.cols;
      let v = value(r, c);
      let to = row_at(p.dx, r, p.cols) + (c * p.dx.w);
      if (ACCUM) {
        dx[to] = dx[to] + v;
      } else {
        dx[to] = v;
      }
    }
  }
}
