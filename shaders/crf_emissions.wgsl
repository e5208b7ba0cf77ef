// crf_emissions: dx[r,j] = dy[b] ([t[r] = j] - q[r,j]) for row r of sequence b that takes part,
// t the tags and q the marginals, the gradient of the log-likelihood; 0 for other rows
// q, dx [rows,C]; tags, keep [rows]; dy [seqs]. Of the layout's R rows the window holds
// first_row on, of its B sequences dy holds first_seq on. ACCUM: dx += the same.
// Grid: WG * PER elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past rows*C are left out. Ref: cpuref/crf.go
const WG: u32 = 64u;
const PER: u32 = 4u;
const KEEP: bool = false;
const TAGS: bool = true;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  q: vec4<u32>,
  tags: vec4<u32>,
  keep: vec4<u32>,
  lay: vec4<u32>,
  dy: vec4<u32>,
  dx: vec4<u32>,
  rows: u32,
  cols: u32,       // C
  batch: u32,      // B
  total: u32,      // R
  first_seq: u32,
  first_row: u32,
}
@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> tags: array<i32>;
@group(0) @binding(2) var<storage, read> keep: array<i32>;
@group(0) @binding(3) var<storage, read> lay: array<i32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;
@group(0) @binding(6) var<uniform> p: Params;

fn value(r: u32, j: u32) -> f32 {
  let b = sequence_of(p.first_row + r);
  if (b < 0) {
    return 0.0;
  }
  if (!takes_part(r)) {
    return 0.0;
  }
  let d = select(0.0, 1.0, tag_of(r) == j) - q[row_at(p.q, r, p.cols) + (j * p.q.w)];
  return dy[row_at(p.dy, u32(b) - p.first_seq, 1u)] * d;
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = (group_of(wid) * (WG * PER)) + lid;
  for (var k = 0u; k < PER; k = k + 1u) {
    let e = first + (k * WG);
    if (e < (p.rows * p.cols)) {
      let r = e / p.cols;
      let j = e % p.cols;
      let v = value(r, j);
      let to = row_at(p.dx, r, p.cols) + (j * p.dx.w);
      if (ACCUM) {
        dx[to] = dx[to] + v;
      } else {
        dx[to] = v;
      }
    }
  }
}
