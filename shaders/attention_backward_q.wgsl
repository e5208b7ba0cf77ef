// attention_backward_q: dq[r,h] (+)= scale sum_j ds(r,h,j) k[j,g] over the keys j that r
// sees, with w = e^(scale q k - lse), ds = w (keep dout v - delta), g = h / (H/KV)
// (Dao et al. 2022, algorithm 4)
// q, dout, dq [R,H,D], k, v [S,KV,D], stat [R,H,2] of (lse, delta), or windows of
// their rows; windows of k add up. Rows in no sequence get zeros.
// Grid: one invocation for each row, head and 4*CHUNK of D (each takes all scores
// anew), rows of one head side by side, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: invocations past the last return. Ref: cpuref/attention.go
const WG: u32 = 64u;
const CHUNK: u32 = 8u;          // vec4 of a head that an invocation sums up
const VEC: bool = false;        // every head begins at a multiple of 4 elements and has a multiple
const MASK: u32 = 0u;           // see common/attention.wgsl
const DROPOUT: bool = false;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  q: vec4<u32>,
  k: vec4<u32>,
  v: vec4<u32>,
  dout: vec4<u32>,
  stat: vec4<u32>,
  rows: vec4<u32>,
  keys: vec4<u32>,
  dx: vec4<u32>,
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
  seed_low: u32,
  seed_high: u32,
  threshold: u32,
  keep_scale: f32,
}
@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> dout: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> stat: array<f32>;
@group(0) @binding(5) var<storage, read> rows: array<i32>;
@group(0) @binding(6) var<storage, read> keys: array<i32>;
@group(0) @binding(7) var<storage, read_write> dx: array<f32>;
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
fn dout_one(e: u32) -> f32 { return dout[e >> 2u][e & 3u]; }
fn dout_four(at: u32, i: u32) -> vec4<f32> {
  if (VEC) {
    return dout[(at >> 2u) + i];
  }
  let e = lanes(at, i);
  return select(vec4<f32>(0.0), vec4<f32>(dout_one(e.x), dout_one(e.y), dout_one(e.z), dout_one(e.w)), real(i));
}

// scores are the products of q at x with four rows of k.
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

// slopes are the products of dout at x with four rows of v.
fn slopes(x: u32, at: vec4<u32>) -> vec4<f32> {
  var s0 = vec4<f32>(0.0);
  var s1 = vec4<f32>(0.0);
  var s2 = vec4<f32>(0.0);
  var s3 = vec4<f32>(0.0);
  for (var i = 0u; 4u * i < p.dim; i++) {
    let one = dout_four(x, i);
    s0 += one * v_four(at.x, i);
    s1 += one * v_four(at.y, i);
    s2 += one * v_four(at.z, i);
    s3 += one * v_four(at.w, i);
  }
  let ones = vec4<f32>(1.0);
  return vec4<f32>(dot(s0, ones), dot(s1, ones), dot(s2, ones), dot(s3, ones));
}

fn put(to: u32, d: u32, x: f32) {
  if (d >= p.dim) {
    return;
  }
  if (ACCUM) {
    dx[to + d] += x;
  } else {
    dx[to + d] = x;
  }
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
  let at_d = p.dout.x + (r * p.dout.y) + (head * p.dim);
  let at_s = p.stat.x + (r * p.stat.y) + (2u * head);
  var sum: array<vec4<f32>, CHUNK>;
  for (var i = 0u; i < CHUNK; i++) {
    sum[i] = vec4<f32>(0.0);
  }
  let seq = row_seq(row);
  if (seq >= 0) {
    let some = keys_of(row, u32(seq));
    for (var j = some.x; j < some.y; j += 4u) {
      let four = four_of(j, some.y);
      let seen = keys_seen(row, j, four, some.y);
      if (!any(seen)) {
        continue;
      }
      let key = seen_only(four, seen);
      let at = key - vec4<u32>(p.first_key);
      let at_k = vec4<u32>(p.k.x + inner) + (at * p.k.y);
      let score = select(vec4<f32>(LOWEST), (scores(at_q, at_k) * p.scale) - vec4<f32>(stat[at_s]), seen);
      let slope = (slopes(at_d, vec4<u32>(p.v.x + inner) + (at * p.v.y)) * keeps(vec4<u32>(row), head, key)) - vec4<f32>(stat[at_s + 1u]);
      let ds = select(vec4<f32>(0.0), exp(score) * slope, seen);
      for (var i = 0u; i < CHUNK; i++) {
        let d = part(chunk, i);
        sum[i] += ((ds.x * k_four(at_k.x, d)) + (ds.y * k_four(at_k.y, d))) + ((ds.z * k_four(at_k.z, d)) + (ds.w * k_four(at_k.w, d)));
      }
    }
  }
  let to = p.dx.x + (r * p.dx.y) + (head * p.dim);
  for (var i = 0u; i < CHUNK; i++) {
    let d = 4u * ((chunk * CHUNK) + i);
    let x = sum[i] * p.scale;
    put(to, d, x.x);
    put(to, d + 1u, x.y);
    put(to, d + 2u, x.z);
    put(to, d + 3u, x.w);
  }
}
