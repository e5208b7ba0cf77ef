// crf_path: the best tags of each sequence, from the lowest best of d + end back along
// back, see crf_viterbi.
// m [C+2,C], see crf; keep, path [rows]; back [rows,C]; d [seqs,C]. path is left as it is
// at rows that take no part. Of the layout's B sequences these are first_seq
// on, of its R rows the window holds first_row on; of each sequence a piece of steps rows,
// from its end, step rows after that; d keeps in its first element the tag in between.
// Grid: WG sequences a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: sequences past the last, and those that have ended, return. Ref: cpuref/crf.go
const WG: u32 = 64u;
const KEEP: bool = false;

struct Params {
  grid: vec4<u32>,
  m: vec4<u32>,
  keep: vec4<u32>,
  lay: vec4<u32>,
  back: vec4<u32>,
  d: vec4<u32>,
  path: vec4<u32>,
  cols: u32,       // C
  batch: u32,      // B
  total: u32,      // R
  seqs: u32,
  first_seq: u32,
  first_row: u32,
  step: u32,
  steps: u32,
}
@group(0) @binding(0) var<storage, read> m: array<f32>;
@group(0) @binding(1) var<storage, read> keep: array<i32>;
@group(0) @binding(2) var<storage, read> lay: array<i32>;
@group(0) @binding(3) var<storage, read> back: array<u32>;
@group(0) @binding(4) var<storage, read_write> d: array<f32>;
@group(0) @binding(5) var<storage, read_write> path: array<i32>;
@group(0) @binding(6) var<uniform> p: Params;

fn takes_part(r: u32) -> bool {
  if (KEEP) {
    return keep[row_at(p.keep, r, 1u)] != 0;
  }
  return true;
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let b = (group_of(wid) * WG) + lid;
  if (b >= p.seqs) {
    return;
  }
  let rows = rows_of(p.first_seq + b);
  let kept = row_at(p.d, b, p.cols);
  if (p.step >= rows.y) {
    return;
  }
  var tag = 0u;
  if (p.step > 0u) {
    tag = u32(d[kept]);
  } else {
    var top = d[kept] + end_of(0u);
    for (var i = 1u; i < p.cols; i = i + 1u) {
      let v = d[kept + i] + end_of(i);
      if (v > top) {
        top = v;
        tag = i;
      }
    }
  }
  let first = rows.x - p.first_row;
  let closing = first + (rows.y - p.step);
  let opening = first + (rows.y - min(p.step + p.steps, rows.y));
  for (var n = closing; n > opening; n = n - 1u) {
    let r = n - 1u;
    if (takes_part(r)) {
      path[row_at(p.path, r, 1u)] = i32(tag);
      tag = back[row_at(p.back, r, p.cols) + tag];
    }
  }
  d[kept] = f32(tag);
}
