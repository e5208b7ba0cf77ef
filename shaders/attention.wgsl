// attention: out[r,h] = sum_j softmax_j(scale q[r,h] k[j,g]) keep(r,h,j) v[j,g] over the
// keys j that r sees, g = h / (H/KV); lse[r,h] = log sum_j e^(scale q k)
// q, out [R,H,D], k, v [S,KV,D], lse [R,H], or windows of their rows. Online softmax
// (Milakov and Gimelshein 2018) of four rows over four keys at a time: no scores in
// memory.
// A row without keys gives zeros, and none as its lse. Rows in no sequence are left.
// Grid: one invocation for each four rows, head and 4*CHUNK of D (each takes all scores
// anew), rows of one head side by side, folded to 2-D. The fours of sequence b are
// numbered from b * longest on; RAGGED: from start/4 + b on, which is few numbers where
// most sequences are far shorter than the longest.
// Workgroup: WG x 1 x 1.
// Bounds: invocations past the last, past the sequence or outside the window of q
// return. Ref: cpuref/attention.go
const WG: u32 = 64u;
const CHUNK: u32 = 8u;          // vec4 of a head that an invocation sums up
const VEC: bool = false;        // every head begins at a multiple of 4 elements and has a multiple
const MASK: u32 = 0u;           // see common/attention.wgsl
const DROPOUT: bool = false;
const LSE: bool = false;
const RAGGED: bool = false;
const CARRY: bool = false;      // out and before, an lse, hold the result over the keys before the window

struct Params {
  grid: vec4<u32>,
  q: vec4<u32>,
  k: vec4<u32>,
  v: vec4<u32>,
  rows: vec4<u32>,
  keys: vec4<u32>,
  before: vec4<u32>,
  out: vec4<u32>,
  lse: vec4<u32>,
  batch: u32,
  all_rows: u32,    // R of the whole call
  all_keys: u32,    // S of the whole call
  first_row: u32,   // of the window of q
  first_key: u32,   // of the window of k
  count: u32,       // rows in the window of q
  held: u32,        // rows in the window of k
  heads: u32,       // H
  group: u32,       // H/KV
  dim: u32,         // D
  left: i32,        // in positions, -1 none
  right: i32,
  causal: u32,
  scale: f32,
  longest: u32,     // fours of rows in the longest sequence
  fours: u32,       // of all: B * longest; RAGGED: R/4 + B
  none: f32,        // lse of a query without keys
  seed_low: u32,
  seed_high: u32,
  threshold: u32,
  keep_scale: f32,
}
@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> rows: array<i32>;
@group(0) @binding(4) var<storage, read> keys: array<i32>;
@group(0) @binding(5) var<storage, read> before: array<f32>;
@group(0) @binding(6) var<storage, read_write> out: array<f32>;
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;
@group(0) @binding(8) var<uniform> p: Params;

fn q_one(e: u32) -> f32 { return q[e >> 2u][e & 3u]; }
fn q_four(at: u32, i: u32) -> vec4<f32> {
  if (VEC) {
    return q[(at >> 2u) + i];
  }
  let e = lanes(at, i);
  return select(vec4<f32>(0.0), vec4<f32>(q_one(e.x), q_one(e.y), q_one(e.z), q_one(e.w)), real(i));
}
fn k_one(e: u32) -> f32 { return k[e >> 2u][e & 3u]; }
fn k_four(at: u32, i: u32) -> vec4<f32> {
  if (VEC) {
    return k[(at >> 2u) + i];
  }
  let e = lanes(at, i);
  return select(vec4<f32>(0.0), vec4<f32>(k_one(e.x), k_one(e.y), k_one(e.z), k_one(e.w)), real(i));
}
fn v_one(e: u32) -> f32 { return v[e >> 2u][e & 3u]; }
fn v_four(at: u32, i: u32) -> vec4<f32> {
  if (VEC) {
    return v[(at >> 2u) + i];
  }
  let e = lanes(at, i);
  return select(vec4<f32>(0.0), vec4<f32>(v_one(e.x), v_one(e.y), v_one(e.z), v_one(e.w)), real(i));
}

// scores has the products of q and k for row j and four keys as column j.
fn scores(at_q: vec4<u32>, at_k: vec4<u32>) -> mat4x4<f32> {
  var s = mat4x4<f32>();
  for (var i = 0u; 4u * i < p.dim; i++) {
    let four = mat4x4<f32>(k_four(at_k.x, i), k_four(at_k.y, i), k_four(at_k.z, i), k_four(at_k.w, i));
    s += mat4x4<f32>(q_four(at_q.x, i) * four, q_four(at_q.y, i) * four, q_four(at_q.z, i) * four, q_four(at_q.w, i) * four);
  }
  return s;
}

// sees says which of the keys j .. j+3 before stop a row sees.
fn sees(row: u32, some: vec2<u32>, j: u32, stop: u32, key: vec4<u32>) -> vec4<bool> {
  let number = vec4<u32>(j) + vec4<u32>(0u, 1u, 2u, 3u);
  return ((number >= vec4<u32>(some.x)) & (number < vec4<u32>(min(some.y, stop)))) & in_range(row, key);
}

fn masked(score: vec4<f32>, seen: vec4<bool>) -> vec4<f32> { return select(vec4<f32>(LOWEST), score * p.scale, seen); }

fn top(v: vec4<f32>) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }

// weights are e^(score - largest) of what is seen.
fn weights(score: vec4<f32>, largest: f32, seen: vec4<bool>) -> vec4<f32> {
  return select(vec4<f32>(0.0), exp(score - vec4<f32>(largest)), seen);
}

// scaled is a block whose column j is multiplied by f[j].
fn scaled(m: mat4x4<f32>, f: vec4<f32>) -> mat4x4<f32> {
  return mat4x4<f32>(m[0] * f.x, m[1] * f.y, m[2] * f.z, m[3] * f.w);
}

// weighed is the sum of four values with shares. A value that is not seen is left out,
// since it need not be a number, and 0 times that is none.
fn weighed(v: mat4x4<f32>, share: vec4<f32>, seen: vec4<bool>) -> vec4<f32> {
  let none = vec4<f32>(0.0);
  return mat4x4<f32>(select(none, v[0], seen.x), select(none, v[1], seen.y), select(none, v[2], seen.z), select(none, v[3], seen.w)) * share;
}

// The result so far: of each row a column, its largest score and the sum of e^(score -
// largest).
var<private> sum: array<mat4x4<f32>, CHUNK>;
var<private> largest: vec4<f32>;
var<private> total: vec4<f32>;

// Four is what an invocation computes.
struct Four {
  row: vec4<u32>,
  at_q: vec4<u32>,
  inner: u32,       // where the head begins in a row of k and v
  head: u32,
  chunk: u32,
  some: array<vec2<u32>, 4>,  // the keys of each row
}

// add adds the keys j .. j+3 before stop. whole: every row sees all four.
fn add(f: Four, j: u32, stop: u32, whole: bool) {
  let key = four_of(j, stop);
  let at = key - vec4<u32>(p.first_key);
  let s = scores(f.at_q, vec4<u32>(p.k.x + f.inner) + (at * p.k.y));
  let seen0 = vec4<bool>(whole) | sees(f.row.x, f.some[0], j, stop, key);
  let seen1 = vec4<bool>(whole) | sees(f.row.y, f.some[1], j, stop, key);
  let seen2 = vec4<bool>(whole) | sees(f.row.z, f.some[2], j, stop, key);
  let seen3 = vec4<bool>(whole) | sees(f.row.w, f.some[3], j, stop, key);
  let s0 = masked(s[0], seen0);
  let s1 = masked(s[1], seen1);
  let s2 = masked(s[2], seen2);
  let s3 = masked(s[3], seen3);
  let next = max(largest, vec4<f32>(top(s0), top(s1), top(s2), top(s3)));
  if (any(next > largest)) {
    let shrink = select(exp(largest - next), vec4<f32>(0.0), total == vec4<f32>(0.0));
    total *= shrink;
    for (var i = 0u; i < CHUNK; i++) {
      sum[i] = scaled(sum[i], shrink);
    }
    largest = next;
  }
  let w = mat4x4<f32>(weights(s0, largest.x, seen0), weights(s1, largest.y, seen1),
    weights(s2, largest.z, seen2), weights(s3, largest.w, seen3));
  total += vec4<f32>(1.0) * w;
  var share = w;
  if (DROPOUT) {
    share = mat4x4<f32>(w[0] * keeps(f.row.xxxx, f.head, key), w[1] * keeps(f.row.yyyy, f.head, key),
      w[2] * keeps(f.row.zzzz, f.head, key), w[3] * keeps(f.row.wwww, f.head, key));
  }
  let at_v = vec4<u32>(p.v.x + f.inner) + (at * p.v.y);
  for (var i = 0u; i < CHUNK; i++) {
    let d = part(f.chunk, i);
    let v = mat4x4<f32>(v_four(at_v.x, d), v_four(at_v.y, d), v_four(at_v.z, d), v_four(at_v.w, d));
    if (whole || (MASK == 0u)) {
      sum[i] += v * share;
    } else {
      sum[i] += mat4x4<f32>(weighed(v, share[0], seen0), weighed(v, share[1], seen1), weighed(v, share[2], seen2), weighed(v, share[3], seen3));
    }
  }
}

// before_at is the lse of a row so far, LOWEST where it saw no keys.
fn before_at(row: u32, head: u32) -> f32 {
  return max(before[p.before.x + ((row - p.first_row) * p.before.y) + head], LOWEST);
}

// put stores four elements from d of a row and head on top of share of those so far.
fn put(row: u32, head: u32, d: u32, x: vec4<f32>, share: f32) {
  let at = p.out.x + ((row - p.first_row) * p.out.y) + (head * p.dim);
  var four = x;
  for (var c = 0u; (c < 4u) && (d + c < p.dim); c++) {
    if (CARRY) {
      four[c] += share * out[at + d + c];
    }
    out[at + d + c] = four[c];
  }
}

fn put_lse(row: u32, head: u32, largest: f32, total: f32) {
  lse[p.lse.x + ((row - p.first_row) * p.lse.y) + head] = select(largest + log(total), p.none, total == 0.0);
}

// fours_from is the number of the first four of a sequence; sequence_at is the sequence
// that a four belongs to, if it is not past the end of that, or before the first one.
fn fours_from(b: u32) -> u32 {
  if (RAGGED) {
    return (row_start(b) / 4u) + b;
  }
  return b * p.longest;
}
fn sequence_at(four: u32) -> u32 {
  if (!RAGGED) {
    return four / p.longest;
  }
  var lo = 0u;
  var hi = p.batch;
  while ((lo + 1u) < hi) {
    let mid = lo + ((hi - lo) / 2u);
    if (fours_from(mid) <= four) {
      lo = mid;
    } else {
      hi = mid;
    }
  }
  return lo;
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = (group_of(wid) * WG) + lid;
  let four = e % p.fours;
  let head = (e / p.fours) % p.heads;
  let chunk = (e / p.fours) / p.heads;
  if (chunk >= chunks()) {
    return;
  }
  let b = sequence_at(four);
  let first = row_start(b) + (4u * (four - fours_from(b)));
  let last = min(row_start(b) + row_count(b), p.first_row + p.count);
  if ((four < fours_from(b)) || (first >= last) || (first + 3u < p.first_row)) {
    return;
  }
  let row = clamp(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.first_row), vec4<u32>(last - 1u));
  let inner = (head / p.group) * p.dim;
  let at_q = vec4<u32>(p.q.x + (head * p.dim)) + ((row - vec4<u32>(p.first_row)) * p.q.y);
  for (var i = 0u; i < CHUNK; i++) {
    sum[i] = mat4x4<f32>();
  }
  largest = vec4<f32>(LOWEST);
  total = vec4<f32>(0.0);
  let some = array<vec2<u32>, 4>(keys_of(row.x, b), keys_of(row.y, b), keys_of(row.z, b), keys_of(row.w, b));
  let f = Four(row, at_q, inner, head, chunk, some);
  let start_key = min(min(some[0].x, some[1].x), min(some[2].x, some[3].x));
  let end = max(max(some[0].y, some[1].y), max(some[2].y, some[3].y));
  if (MASK == 1u) {
    // All four see the keys low to high, by fours, and not all those around them. These
    // come first, since they are as many for neighbours, while the others are not.
    let low = max(max(some[0].x, some[1].x), max(some[2].x, some[3].x));
    let most = min(min(some[0].y, some[1].y), min(some[2].y, some[3].y));
    let high = low + (((max(most, low) - low) / 4u) * 4u);
    var j = select(start_key, high, start_key == low);
    while (j < end) {
      let stop = select(end, low, j < low);
      add(f, j, stop, false);
      j = min(j + 4u, stop);
      j = select(j, high, j == low);
    }
    for (j = low; j < high; j += 4u) {
      add(f, j, high, true);
    }
  } else {
    for (var j = start_key; j < end; j += 4u) {
      add(f, j, end, false);
    }
  }
  var share = vec4<f32>(0.0);
  if (CARRY) {
    let lse_before = vec4<f32>(before_at(row.x, head), before_at(row.y, head), before_at(row.z, head), before_at(row.w, head));
    let next = max(largest, lse_before);
    let shrink = select(exp(largest - next), vec4<f32>(0.0), total == vec4<f32>(0.0));
    share = select(vec4<f32>(0.0), exp(lse_before - next), lse_before > vec4<f32>(LOWEST));
    for (var i = 0u; i < CHUNK; i++) {
      sum[i] = scaled(sum[i], shrink);
    }
    total = (total * shrink) + share;
    largest = next;
  }
  let norm = select(vec4<f32>(1.0) / total, vec4<f32>(0.0), total == vec4<f32>(0.0));
  share *= norm;
  // A loop over the rows there are keeps the stores in the shader once.
  var rows_at = row;
  var shares = share;
  let start = max(first, p.first_row) - first;
  for (var i = 0u; i < CHUNK; i++) {
    var x = scaled(sum[i], norm);
    for (var j = start; j < min(4u, last - first); j++) {
      put(rows_at[j], head, 4u * ((chunk * CHUNK) + i), x[j], shares[j]);
    }
  }
  if (LSE && (chunk == 0u)) {
    var tops = largest;
    var totals = total;
    for (var j = start; j < min(4u, last - first); j++) {
      put_lse(rows_at[j], head, tops[j], totals[j]);
    }
  }
}
