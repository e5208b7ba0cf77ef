// crf_marginals: the probability q of each tag at each row k = 1..n of a sequence that takes
// part, from the forward variables a of crf_log_likelihood: q_n = softmax(a_n + end),
// q_k-1[i] = sum_j e_k[i,j] with e_k[i,j] = q_k[j] softmax_i(a_k-1[i] + T[i,j]).
// SCORES, with t the tags: the gradient of llh by the scores is added to g, sum_k
// ([t_k-1 = i][t_k = j] - e_k[i,j]), and for end and start [t_k = j] - q_k[j] at k = n and 1.
// a, q [rows,C]; m [C+2,C], see crf, the starts unused; tags, keep [rows]; g [seqs,C+2,C],
// in the order of m. q is left as it is at rows that take no part. Of the layout's B
// sequences these are first_seq on, of its R rows the window holds first_row on; of each
// sequence a piece, see crf_walk, in rows from its end, after the pieces behind it.
// Grid: one workgroup a sequence, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: sequences past the last, and those that have ended, return before any barrier,
// as a whole workgroup; C <= ROOM. Ref: cpuref/crf.go
const WG: u32 = 64u;
const ROOM: u32 = 1024u;
const HALVES: u32 = 2048u; // 2 ROOM
const KEEP: bool = false;
const TAGS: bool = true;
const SCORES: bool = true;

struct Params {
  grid: vec4<u32>,
  a: vec4<u32>,
  m: vec4<u32>,
  tags: vec4<u32>,
  keep: vec4<u32>,
  lay: vec4<u32>,
  q: vec4<u32>,
  g: vec4<u32>,
  cols: u32,       // C
  batch: u32,      // B
  total: u32,      // R
  seqs: u32,
  first_seq: u32,
  first_row: u32,
  step: u32,
  steps: u32,
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> m: array<f32>;
@group(0) @binding(2) var<storage, read> tags: array<i32>;
@group(0) @binding(3) var<storage, read> keep: array<i32>;
@group(0) @binding(4) var<storage, read> lay: array<i32>;
@group(0) @binding(5) var<storage, read_write> q: array<f32>;
@group(0) @binding(6) var<storage, read_write> g: array<f32>;
@group(0) @binding(7) var<uniform> p: Params;

// held are the probabilities of the last two rows, in turn; logs is, for each tag j of the
// later row, log sum_i exp(a[i] + T[i,j]).
var<workgroup> held: array<f32, HALVES>;
var<workgroup> logs: array<f32, ROOM>;

// variable is a[i] of the row at base.
fn variable(base: u32, i: u32) -> f32 { return a[base + (i * p.a.w)]; }

// leave is log sum_i exp(a[i] + T[i,j]) of the row at base.
fn leave(base: u32, j: u32) -> f32 {
  var top = LOWEST;
  for (var i = 0u; i < p.cols; i = i + 1u) {
    top = max(top, variable(base, i) + transition(i, j));
  }
  var sum = 0.0;
  for (var i = 0u; i < p.cols; i = i + 1u) {
    sum = sum + exp((variable(base, i) + transition(i, j)) - top);
  }
  return top + log(sum);
}

// ending is log sum_i exp(a[i] + end[i]) of the row at base.
fn ending(base: u32) -> f32 {
  var top = LOWEST;
  for (var i = 0u; i < p.cols; i = i + 1u) {
    top = max(top, variable(base, i) + end_of(i));
  }
  var sum = 0.0;
  for (var i = 0u; i < p.cols; i = i + 1u) {
    sum = sum + exp((variable(base, i) + end_of(i)) - top);
  }
  return top + log(sum);
}

// add adds v to element e of the scores' gradients of sequence b.
fn add(b: u32, e: u32, v: f32) {
  let at = row_at(p.g, b, (p.cols + 2u) * p.cols) + e;
  g[at] = g[at] + v;
}

fn one(yes: bool) -> f32 { return select(0.0, 1.0, yes); }

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
  let end = (rows.x - p.first_row) + rows.y;
  let closing = end - p.step;
  let opening = end - min(p.step + p.steps, rows.y);
  var now = 0u; // where in held the later row's probabilities begin
  var tag = 0u; // its tag
  let next = kept_after(closing, end, lid);
  var begun = next < end;
  if (begun) {
    for (var j = lid; j < p.cols; j = j + WG) {
      held[j] = q[row_at(p.q, next, p.cols) + (j * p.q.w)];
    }
    if (TAGS) {
      tag = tag_of(next);
    }
  }
  workgroupBarrier();
  for (var n = closing; n > opening; n = n - 1u) {
    let r = n - 1u;
    if (takes_part(r)) {
      let base = row_at(p.a, r, p.cols);
      if (begun) {
        for (var j = lid; j < p.cols; j = j + WG) {
          logs[j] = leave(base, j);
        }
      }
      workgroupBarrier();
      let after = tag;
      if (TAGS) {
        tag = tag_of(r);
      }
      let to = row_at(p.q, r, p.cols);
      if (begun) {
        // The sum is 1 but for rounding, which is not to grow from row to row.
        var sum = 0.0;
        for (var j = 0u; j < p.cols; j = j + 1u) {
          sum = sum + held[now + j];
        }
        for (var i = lid; i < p.cols; i = i + WG) {
          let v = variable(base, i);
          var all = 0.0;
          for (var j = 0u; j < p.cols; j = j + 1u) {
            let e = (held[now + j] / sum) * exp((v + transition(i, j)) - logs[j]);
            all = all + e;
            if (SCORES) {
              add(b, (i * p.cols) + j, one((i == tag) && (j == after)) - e);
            }
          }
          held[(ROOM - now) + i] = all;
          q[to + (i * p.q.w)] = all;
        }
      } else {
        let z = ending(base);
        for (var i = lid; i < p.cols; i = i + WG) {
          let v = exp((variable(base, i) + end_of(i)) - z);
          held[(ROOM - now) + i] = v;
          q[to + (i * p.q.w)] = v;
          if (SCORES) {
            add(b, (p.cols * p.cols) + i, one(i == tag) - v);
          }
        }
      }
      now = ROOM - now;
      begun = true;
      workgroupBarrier();
    }
  }
  if (SCORES && (begun && ends(rows.y))) {
    for (var i = lid; i < p.cols; i = i + WG) {
      add(b, ((p.cols + 1u) * p.cols) + i, one(i == tag) - held[now + i]);
    }
  }
}
