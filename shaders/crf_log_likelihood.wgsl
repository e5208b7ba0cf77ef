// crf_log_likelihood: alphas a and llh of each sequence, over its rows k = 1..n that take part:
// a_1 = start + x_1, a_k[j] = x_k[j] + log sum_i exp(a_k-1[i] - max a_k-1 + T[i,j]);
// TAGS: llh = sum_k (x_k[y_k] + T[y_k-1,y_k] - max a_k-1) + start[y_1] + end[y_n] -
// log sum_i exp(a_n[i] + end[i]), y the tags; 0 without rows. Without TAGS no llh is made.
// x, a [rows,C]; m [C+2,C], see crf; tags, keep [rows]; llh [seqs]. Of the layout's B
// sequences these are first_seq on, of its R rows the window holds first_row on; of each
// sequence a piece, see crf_walk, after the pieces before it. a is left as it is at rows
// that take no part.   Accumulates in f32, TERMS at a time.
// Grid: one workgroup a sequence, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: sequences past the last, and those that have ended, return before any barrier,
// as a whole workgroup; C <= ROOM. Ref: cpuref/crf.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const ROOM: u32 = 1024u;
const HALVES: u32 = 2048u; // 2 ROOM
const KEEP: bool = false;
const TAGS: bool = true;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  m: vec4<u32>,
  tags: vec4<u32>,
  keep: vec4<u32>,
  lay: vec4<u32>,
  a: vec4<u32>,
  llh: vec4<u32>,
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
@group(0) @binding(2) var<storage, read> tags: array<i32>;
@group(0) @binding(3) var<storage, read> keep: array<i32>;
@group(0) @binding(4) var<storage, read> lay: array<i32>;
@group(0) @binding(5) var<storage, read_write> a: array<f32>;
@group(0) @binding(6) var<storage, read_write> llh: array<f32>;
@group(0) @binding(7) var<uniform> p: Params;

// held are the variables of the last two rows, in turn.
var<workgroup> held: array<f32, HALVES>;

// arrive is log sum_i exp(held[i] + T[i,j]) less shift, held from now on.
fn arrive(now: u32, j: u32, shift: f32) -> f32 {
  var top = LOWEST;
  for (var i = 0u; i < p.cols; i = i + 1u) {
    top = max(top, held[now + i] + transition(i, j));
  }
  var sum = 0.0;
  for (var i = 0u; i < p.cols; i = i + 1u) {
    sum = sum + exp((held[now + i] + transition(i, j)) - top);
  }
  return (top - shift) + log(sum);
}

// ending is log sum_i exp(held[i] + end[i]).
fn ending(now: u32) -> f32 {
  var top = LOWEST;
  for (var i = 0u; i < p.cols; i = i + 1u) {
    top = max(top, held[now + i] + end_of(i));
  }
  var sum = 0.0;
  for (var i = 0u; i < p.cols; i = i + 1u) {
    sum = sum + exp((held[now + i] + end_of(i)) - top);
  }
  return top + log(sum);
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
  var now = 0u; // where in held the last row's variables begin
  var before = 0u; // its tag
  let last = kept_before(first, opening, lid);
  var begun = last < opening;
  if (begun) {
    for (var j = lid; j < p.cols; j = j + WG) {
      held[j] = a[row_at(p.a, last, p.cols) + (j * p.a.w)];
    }
    if (TAGS) {
      before = tag_of(last);
    }
  }
  workgroupBarrier();
  var sum = 0.0;
  var part = 0.0;
  var terms = 0u;
  for (var r = opening; r < closing; r = r + 1u) {
    if (takes_part(r)) {
      let base = row_at(p.x, r, p.cols);
      let to = row_at(p.a, r, p.cols);
      var shift = 0.0;
      if (begun) {
        shift = held[now];
        for (var i = 1u; i < p.cols; i = i + 1u) {
          shift = max(shift, held[now + i]);
        }
      }
      for (var j = lid; j < p.cols; j = j + WG) {
        var v = x[base + (j * p.x.w)];
        if (begun) {
          v = v + arrive(now, j, shift);
        } else {
          v = v + start_of(j);
        }
        held[(ROOM - now) + j] = v;
        a[to + (j * p.a.w)] = v;
      }
      if (TAGS) {
        let y = tag_of(r);
        part = part + x[base + (y * p.x.w)];
        if (begun) {
          part = part + (transition(before, y) - shift);
        } else {
          part = part + start_of(y);
        }
        before = y;
        terms = terms + 1u;
        if (terms == TERMS) {
          sum = sum + part;
          part = 0.0;
          terms = 0u;
        }
      }
      now = ROOM - now;
      begun = true;
      workgroupBarrier();
    }
  }
  if (TAGS && (lid == 0u)) {
    if (begun && ends(rows.y)) {
      part = part + (end_of(before) - ending(now));
    }
    let to = row_at(p.llh, b, 1u);
    if (p.step > 0u) {
      sum = sum + llh[to];
    }
    llh[to] = sum + part;
  }
}
