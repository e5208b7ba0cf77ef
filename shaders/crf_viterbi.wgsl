// crf_viterbi: the scores d of the best paths of each sequence that end with each tag, over
// its rows k = 1..n that take part: d_1 = start + x_1, d_k[j] = x_k[j] + max_i(d_k-1[i] +
// T[i,j]), less max d_k-1; back[k,j] the lowest such i; d is that of row n. score is what
// was taken off and the best of d + end; 0 without rows. The path is made by crf_path.
// x [rows,C]; m [C+2,C], see crf; keep [rows]; back [rows,C]; d [seqs,C]; score [seqs].
// Of the layout's B sequences these are first_seq on, of its R rows the window holds
// first_row on; of each sequence a piece, see crf_walk, after the pieces before it.
// Accumulates in f32, TERMS at a time.
// Grid: one workgroup a sequence, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: sequences past the last, and those that have ended, return before any barrier,
// as a whole workgroup; C <= ROOM. Ref: cpuref/crf.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const ROOM: u32 = 1024u;
const HALVES: u32 = 2048u; // 2 ROOM
const KEEP: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  m: vec4<u32>,
  keep: vec4<u32>,
  lay: vec4<u32>,
  back: vec4<u32>,
  d: vec4<u32>,
  score: vec4<u32>,
  cols: u32,       // C
  batch: u32,      // B
  total: u32,      // R
  seqs: u32,
  first_seq: u32,
  first_row: u32,
  step: u32,
  steps: u32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> m: array<f32>;
@group(0) @binding(2) var<storage, read> keep: array<i32>;
@group(0) @binding(3) var<storage, read> lay: array<i32>;
@group(0) @binding(4) var<storage, read_write> back: array<u32>;
@group(0) @binding(5) var<storage, read_write> d: array<f32>;
@group(0) @binding(6) var<storage, read_write> score: array<f32>;
@group(0) @binding(7) var<uniform> p: Params;

// held are the scores of the last two rows, in turn.
var<workgroup> held: array<f32, HALVES>;

fn takes_part(r: u32) -> bool {
  if (KEEP) {
    return keep[row_at(p.keep, r, 1u)] != 0;
  }
  return true;
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let b = group_of(wid);
  if (b >= p.seqs) {
    return;
  }
  let rows = rows_of(p.first_seq + b);
  if (done(rows.y)) {
    return;
  }
  let first = rows.x - p.first_row;
  let opening = first + p.step;
  let closing = first + min(p.step + p.steps, rows.y);
  let kept = row_at(p.d, b, p.cols);
  var now = 0u; // where in held the last row's scores begin
  var begun = kept_before(first, opening, lid) < opening;
  if (begun) {
    for (var j = lid; j < p.cols; j = j + WG) {
      held[j] = d[kept + j];
    }
  }
  workgroupBarrier();
  var sum = 0.0;
  var part = 0.0;
  var terms = 0u;
  for (var r = opening; r < closing; r = r + 1u) {
    if (takes_part(r)) {
      let base = row_at(p.x, r, p.cols);
      var shift = 0.0;
      if (begun) {
        shift = held[now];
        for (var i = 1u; i < p.cols; i = i + 1u) {
          shift = max(shift, held[now + i]);
        }
      }
      for (var j = lid; j < p.cols; j = j + WG) {
        var best = 0u;
        var top = 0.0;
        if (begun) {
          top = held[now] + transition(0u, j);
          for (var i = 1u; i < p.cols; i = i + 1u) {
            let v = held[now + i] + transition(i, j);
            if (v > top) {
              top = v;
              best = i;
            }
          }
        } else {
          top = start_of(j);
        }
        held[(ROOM - now) + j] = (top - shift) + x[base + (j * p.x.w)];
        back[row_at(p.back, r, p.cols) + j] = best;
      }
      part = part + shift;
      terms = terms + 1u;
      if (terms == TERMS) {
        sum = sum + part;
        part = 0.0;
        terms = 0u;
      }
      now = ROOM - now;
      begun = true;
      workgroupBarrier();
    }
  }
  for (var j = lid; j < p.cols; j = j + WG) {
    d[kept + j] = held[now + j];
  }
  if (lid == 0u) {
    if (begun && ends(rows.y)) {
      var top = held[now] + end_of(0u);
      for (var i = 1u; i < p.cols; i = i + 1u) {
        top = max(top, held[now + i] + end_of(i));
      }
      part = part + top;
    }
    let to = row_at(p.score, b, 1u);
    if (p.step > 0u) {
      sum = sum + score[to];
    }
    score[to] = sum + part;
  }
}
