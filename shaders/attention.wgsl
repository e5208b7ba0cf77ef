// attention: out[r,h] = sum_j softmax_j(scale q[r,h] k[j,g]) keep(r,h,j) v[j,g] over the
// keys j that r sees, g = h / (H/KV); lse[r,h] = log sum_j e^(scale q k)
// q, out [R,H,D], k, v [S,KV,D], lse [R,H], or windows of their rows. Online softmax
// (Milakov and Gimelshein 2018) over four keys at a time: no scores in memory.
// A row in no sequence and one without keys give zeros; the latter's lse is none.
// Grid: one invocation for each row, head and 4*CHUNK of D (each takes all scores
// anew), rows of one head side by side, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: invocations past the last return. Ref: cpuref/attention.go
const WG: u32 = 64u;
const CHUNK: u32 = 8u;          // vec4 of a head that an invocation sums up
const VEC: bool = false;        // every head begins at a multiple of 4 elements and has a multiple
const MASK: u32 = 0u;           // see common/attention.wgsl
const DROPOUT: bool = false;
const LSE: bool = false;
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

// scores are the products of the query at x with four keys of k.
fn scores(x: u32, at: vec4<u32>) -> vec4<f32> {
  var s0 = vec4<f32>(0.0);
  var s1 = vec4<f32>(0.0);
  var s2 = vec4<f32>(0.0);
  var s3 = vec4<f32>(0.0);
  for (var i = 0u; 4u * i < p.dim; i++) {
    let one = q_four(x, i);
    s0 += one * k_four(at.x, i);
    s1 += one * k_four(at.y, i);
    s2 += one * k_four(at.z, i);
    s3 += one * k_four(at.w, i);
  }
  let ones = vec4<f32>(1.0);
  return vec4<f32>(dot(s0, ones), dot(s1, ones), dot(s2, ones), dot(s3, ones));
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = (group_of(wid) * WG) + lid;
  if (e >= (p.count * p.heads) * chunks()) {
    return;
  }
  let r = e % p.count;
  let head = (e / p.count) % p.heads;
  let chunk = (e / p.count) / p.heads;
  let row = p.first_row + r;
  let inner = (head / p.group) * p.dim;
  let at_q = p.q.x + (r * p.q.y) + (head * p.dim);
  var sum: array<vec4<f32>, CHUNK>;
  for (var i = 0u; i < CHUNK; i++) {
    sum[i] = vec4<f32>(0.0);
  }
  var largest = 0.0;
  var total = 0.0;
  let seq = row_seq(row);
  let at_out = p.out.x + (r * p.out.y) + (head * p.dim);
  if (CARRY && (seq >= 0)) {
    largest = before[p.before.x + (r * p.before.y) + head];
    total = select(0.0, 1.0, largest >= LOWEST);
    for (var i = 0u; i < CHUNK; i++) {
      let d = at_out + (4u * part(chunk, i));
      sum[i] = select(vec4<f32>(0.0), vec4<f32>(out[d], out[d + 1u], out[d + 2u], out[d + 3u]), vec4<bool>(total > 0.0) & real(part(chunk, i)));
    }
  }
  if (seq >= 0) {
    let some = keys_of(row, u32(seq));
    for (var j = some.x; j < some.y; j += 4u) {
      let key = four_of(j, some.y);
      let seen = keys_seen(row, j, key, some.y);
      if (!any(seen)) {
        continue;
      }
      let at = (key - vec4<u32>(p.first_key));
      let score = select(vec4<f32>(LOWEST), scores(at_q, vec4<u32>(p.k.x + inner) + (at * p.k.y)) * p.scale, seen);
      let top = max(max(score.x, score.y), max(score.z, score.w));
      if ((total == 0.0) || (top > largest)) {
        let shrink = select(exp(largest - top), 0.0, total == 0.0);
        total *= shrink;
        for (var i = 0u; i < CHUNK; i++) {
          sum[i] *= shrink;
        }
        largest = top;
      }
      let weight = select(vec4<f32>(0.0), exp(score - vec4<f32>(largest)), seen);
      total += (weight.x + weight.y) + (weight.z + weight.w);
      let share = weight * keeps(vec4<u32>(row), head, key);
      let at_v = vec4<u32>(p.v.x + inner) + (at * p.v.y);
      for (var i = 0u; i < CHUNK; i++) {
        let d = part(chunk, i);
        sum[i] += ((share.x * v_four(at_v.x, d)) + (share.y * v_four(at_v.y, d))) + ((share.z * v_four(at_v.z, d)) + (share.w * v_four(at_v.w, d)));
      }
    }
  }
  let norm = select(1.0 / total, 0.0, total == 0.0);
  for (var i = 0u; i < CHUNK; i++) {
    let d = 4u * ((chunk * CHUNK) + i);
    let x = sum[i] * norm;
    if (d < p.dim) { out[at_out + d] = x.x; }
    if (d + 1u < p.dim) { out[at_out + d + 1u] = x.y; }
    if (d + 2u < p.dim) { out[at_out + d + 2u] = x.z; }
    if (d + 3u < p.dim) { out[at_out + d + 3u] = x.w; }
  }
  if (LSE && (chunk == 0u)) {
    let at_lse = p.lse.x + (r * p.lse.y) + head;
    if (seq < 0) {
      lse[at_lse] = 0.0;
    } else {
      lse[at_lse] = select(largest + log(total), p.none, total == 0.0);
    }
  }
}
