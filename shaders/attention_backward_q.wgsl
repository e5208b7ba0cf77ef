// attention_backward_q: dq[r,h] (+)= scale sum_j ds(r,h,j) k[j,g] over the keys j that r
// sees, with w = e^(scale q k - lse), ds = w (keep dout v - delta), g = h / (H/KV)
// (Dao et al. 2022, algorithm 4)
// q, dout, dq [R,H,D], k, v [S,KV,D], stat [R,H,2] of (lse, delta), or windows of
// their rows. Rows in no sequence get zeros.
// Grid: one invocation for each row and head, rows of one head side by side, folded
// to 2-D. Workgroup: WG x 1 x 1.
// Bounds: pairs past R*H return. Ref: cpuref/attention.go
const WG: u32 = 64u;
const HEAD_DIM: u32 = 64u;      // D
const VEC: bool = false;        // every head begins at a multiple of 4 elements
const MASK: u32 = 0u;           // see common/attention.wgsl
const DROPOUT: bool = false;
const ACCUM: bool = false;
const ND: u32 = (HEAD_DIM + 3u) / 4u;

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
  all_heads: u32,   // H of the whole call
  first_row: u32,   // of the window of q
  first_key: u32,   // of the window of k
  first_head: u32,  // of the window of q
  count: u32,       // rows in the window of q
  heads: u32,       // in the window of q
  group: u32,       // H/KV
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

// The four elements 4i .. 4i+3 of the head that begins at at; 0 past D.
fn lane(at: u32, d: u32) -> u32 { return at + min(d, HEAD_DIM - 1u); }
fn tail(i: u32) -> vec4<bool> { return (vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u)) < vec4<u32>(HEAD_DIM); }
fn q_one(e: u32) -> f32 { return q[e >> 2u][e & 3u]; }
fn q_four(at: u32, i: u32) -> vec4<f32> {
  if (VEC) {
    return q[(at >> 2u) + i];
  }
  let x = vec4<f32>(q_one(lane(at, 4u * i)), q_one(lane(at, (4u * i) + 1u)), q_one(lane(at, (4u * i) + 2u)), q_one(lane(at, (4u * i) + 3u)));
  return select(vec4<f32>(0.0), x, tail(i));
}
fn k_one(e: u32) -> f32 { return k[e >> 2u][e & 3u]; }
fn k_four(at: u32, i: u32) -> vec4<f32> {
  if (VEC) {
    return k[(at >> 2u) + i];
  }
  let x = vec4<f32>(k_one(lane(at, 4u * i)), k_one(lane(at, (4u * i) + 1u)), k_one(lane(at, (4u * i) + 2u)), k_one(lane(at, (4u * i) + 3u)));
  return select(vec4<f32>(0.0), x, tail(i));
}
fn v_one(e: u32) -> f32 { return v[e >> 2u][e & 3u]; }
fn v_four(at: u32, i: u32) -> vec4<f32> {
  if (VEC) {
    return v[(at >> 2u) + i];
  }
  let x = vec4<f32>(v_one(lane(at, 4u * i)), v_one(lane(at, (4u * i) + 1u)), v_one(lane(at, (4u * i) + 2u)), v_one(lane(at, (4u * i) + 3u)));
  return select(vec4<f32>(0.0), x, tail(i));
}
fn dout_one(e: u32) -> f32 { return dout[e >> 2u][e & 3u]; }
fn dout_four(at: u32, i: u32) -> vec4<f32> {
  if (VEC) {
    return dout[(at >> 2u) + i];
  }
  let x = vec4<f32>(dout_one(lane(at, 4u * i)), dout_one(lane(at, (4u * i) + 1u)), dout_one(lane(at, (4u * i) + 2u)), dout_one(lane(at, (4u * i) + 3u)));
  return select(vec4<f32>(0.0), x, tail(i));
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = (group_of(wid) * WG) + lid;
  if (e >= p.count * p.heads) {
    return;
  }
  let head = e / p.count;
  let r = e % p.count;
  let row = p.first_row + r;
  var query: array<vec4<f32>, ND>;
  var slope: array<vec4<f32>, ND>;
  var sum: array<vec4<f32>, ND>;
  for (var i = 0u; i < ND; i++) {
    query[i] = q_four(p.q.x + (r * p.q.y) + (head * HEAD_DIM), i) * p.scale;
    slope[i] = dout_four(p.dout.x + (r * p.dout.y) + (head * HEAD_DIM), i);
    sum[i] = vec4<f32>(0.0);
  }
  let seq = row_seq(row);
  if (seq >= 0) {
    let at_stat = p.stat.x + (r * p.stat.y) + (2u * head);
    let lse = stat[at_stat];
    let delta = stat[at_stat + 1u];
    var start = key_start(u32(seq));
    var to = start + key_count(u32(seq));
    var range = vec2<i32>(0);
    if (MASK != 0u) {
      range = seen_by(row_pos(row));
    }
    if (MASK == 1u) {
      start = keys_from(start, to, range.x, false);
      to = keys_from(start, to, range.y, true);
    }
    let inner = (head / p.group) * HEAD_DIM;
    for (var j = start; j < to; j++) {
      if (MASK == 2u) {
        if (!within(key_pos(j), range)) {
          continue;
        }
      }
      let at_k = p.k.x + ((j - p.first_key) * p.k.y) + inner;
      let at_v = p.v.x + ((j - p.first_key) * p.v.y) + inner;
      var dots = vec4<f32>(0.0);
      var slopes = vec4<f32>(0.0);
      for (var i = 0u; i < ND; i++) {
        dots += query[i] * k_four(at_k, i);
        slopes += slope[i] * v_four(at_v, i);
      }
      let weight = exp(((dots.x + dots.y) + (dots.z + dots.w)) - lse);
      let along = (slopes.x + slopes.y) + (slopes.z + slopes.w);
      let ds = weight * ((kept(row, head, j) * along) - delta);
      for (var i = 0u; i < ND; i++) {
        sum[i] += ds * k_four(at_k, i);
      }
    }
  }
  let to = p.dx.x + (r * p.dx.y) + (head * HEAD_DIM);
  for (var d = 0u; d < HEAD_DIM; d++) {
    let x = sum[d >> 2u][d & 3u] * p.scale;
    if (ACCUM) {
      dx[to + d] += x;
    } else {
      dx[to + d] = x;
    }
  }
}
