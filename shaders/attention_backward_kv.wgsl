// attention_backward_kv: the gradient of k, or with OF_V of v: dk[j,g] (+)= scale sum_r,h
// ds(r,h,j) q[r,h], dv[j,g] (+)= sum_r,h keep w(r,h,j) dout[r,h] over the rows r that see j
// and the heads h of group g; w and ds as in attention_backward_q
// q, dout [R,H,D], k, v, dk, dv [S,KV,D], stat [R,H,2] of (lse, delta), or windows of
// their rows; windows of q add up. Rows in no sequence get zeros.
// Grid: one invocation for each key row, kv head and 4*CHUNK of D (each takes all
// scores anew), rows of one head side by side, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: invocations past the last return. Ref: cpuref/attention.go
const WG: u32 = 64u;
const CHUNK: u32 = 8u;          // vec4 of a head that an invocation sums up
const VEC: bool = false;        // every head begins at a multiple of 4 elements and has a multiple
const MASK: u32 = 0u;           // see common/attention.wgsl
const DROPOUT: bool = false;
const ACCUM: bool = false;
const OF_V: bool = false;

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
  count: u32,       // rows in the window of k
  held: u32,        // rows in the window of q
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

// scores are the products of k at x with four rows of q.
fn scores(x: u32, at: vec4<u32>) -> vec4<f32> {
  var s0 = vec4<f32>(0.0);
  var s1 = vec4<f32>(0.0);
  var s2 = vec4<f32>(0.0);
  var s3 = vec4<f32>(0.0);
  for (var i = 0u; 4u * i < p.dim; i++) {
    let one = k_four(x, i);
    s0 += one * q_four(at.x, i);
    s1 += one * q_four(at.y, i);
    s2 += one * q_four(at.z, i);
    s3 += one * q_four(at.w, i);
  }
  let ones = vec4<f32>(1.0);
  return vec4<f32>(dot(s0, ones), dot(s1, ones), dot(s2, ones), dot(s3, ones));
}

// slopes are the products of v at x with four rows of dout.
fn slopes(x: u32, at: vec4<u32>) -> vec4<f32> {
  var s0 = vec4<f32>(0.0);
  var s1 = vec4<f32>(0.0);
  var s2 = vec4<f32>(0.0);
  var s3 = vec4<f32>(0.0);
  for (var i = 0u; 4u * i < p.dim; i++) {
    let one = v_four(x, i);
    s0 += one * dout_four(at.x, i);
    s1 += one * dout_four(at.y, i);
    s2 += one * dout_four(at.z, i);
    s3 += one * dout_four(at.w, i);
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
  if (e >= (p.count * (p.heads / p.group)) * chunks()) {
    return;
  }
  let r = e % p.count;
  let head = (e / p.count) % (p.heads / p.group); // of k and v
  let chunk = (e / p.count) / (p.heads / p.group);
  let row = p.first_key + r;
  let at_k = p.k.x + (r * p.k.y) + (head * p.dim);
  let at_v = p.v.x + (r * p.v.y) + (head * p.dim);
  var sum: array<vec4<f32>, CHUNK>;
  for (var i = 0u; i < CHUNK; i++) {
    sum[i] = vec4<f32>(0.0);
  }
  let seq = key_seq(row);
  if (seq >= 0) {
    let some = rows_of(row, u32(seq));
    for (var h = head * p.group; h < (head + 1u) * p.group; h++) {
      for (var j = some.x; j < some.y; j += 4u) {
        let four = four_of(j, some.y);
        let seen = rows_seen(row, j, four, some.y);
        if (!any(seen)) {
          continue;
        }
        let query = seen_only(four, seen);
        let at = query - vec4<u32>(p.first_row);
        let at_q = vec4<u32>(p.q.x + (h * p.dim)) + (at * p.q.y);
        let at_d = vec4<u32>(p.dout.x + (h * p.dim)) + (at * p.dout.y);
        let at_s = vec4<u32>(p.stat.x + (2u * h)) + (at * p.stat.y);
        let lse = vec4<f32>(stat[at_s.x], stat[at_s.y], stat[at_s.z], stat[at_s.w]);
        let weight = select(vec4<f32>(0.0), exp(select(vec4<f32>(LOWEST), (scores(at_k, at_q) * p.scale) - lse, seen)), seen);
        let keep = keeps(query, h, vec4<u32>(row));
        if (OF_V) {
          let w = weight * keep;
          for (var i = 0u; i < CHUNK; i++) {
            let d = part(chunk, i);
            sum[i] += ((w.x * dout_four(at_d.x, d)) + (w.y * dout_four(at_d.y, d))) + ((w.z * dout_four(at_d.z, d)) + (w.w * dout_four(at_d.w, d)));
          }
        } else {
          let delta = vec4<f32>(stat[at_s.x + 1u], stat[at_s.y + 1u], stat[at_s.z + 1u], stat[at_s.w + 1u]);
          let ds = select(vec4<f32>(0.0), weight * ((slopes(at_v, at_d) * keep) - delta), seen);
          for (var i = 0u; i < CHUNK; i++) {
            let d = part(chunk, i);
            sum[i] += ((ds.x * q_four(at_q.x, d)) + (ds.y * q_four(at_q.y, d))) + ((ds.z * q_four(at_q.z, d)) + (ds.w * q_four(at_q.w, d)));
          }
        }
      }
    }
  }
  let to = p.dx.x + (r * p.dx.y) + (head * p.dim);
  for (var i = 0u; i < CHUNK; i++) {
    let d = 4u * ((chunk * CHUNK) + i);
    let x = sum[i] * select(p.scale, 1.0, OF_V);
    put(to, d, x.x);
    put(to, d + 1u, x.y);
    put(to, d + 2u, x.z);
    put(to, d + 3u, x.w);
  }
}
