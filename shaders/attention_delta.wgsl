// attention_delta: stat[r,h] = (lse[r,h], out[r,h] . dout[r,h]), what the gradients of
// attention need of a query
// out, dout [R,H,D], lse [R,H], stat [R,H,2], or windows of their rows.
// Grid: WG pairs of row and head a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: pairs past R*H return. Ref: cpuref/attention.go
const WG: u32 = 64u;

struct Params {
  grid: vec4<u32>,
  out: vec4<u32>,
  dout: vec4<u32>,
  lse: vec4<u32>,
  stat: vec4<u32>,
  count: u32,  // rows
  heads: u32,
  dim: u32,
}
@group(0) @binding(0) var<storage, read> out: array<f32>;
@group(0) @binding(1) var<storage, read> dout: array<f32>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read_write> stat: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = (group_of(wid) * WG) + lid;
  if (e >= p.count * p.heads) {
    return;
  }
  let r = e / p.heads;
  let h = e % p.heads;
  var sum = 0.0;
  for (var d = 0u; d < p.dim; d++) {
    let at = (h * p.dim) + d;
    sum += out[p.out.x + (r * p.out.y) + at] * dout[p.dout.x + (r * p.dout.y) + at];
  }
  let to = p.stat.x + (2u * e);
  stat[to] = lse[p.lse.x + (r * p.lse.y) + h];
  stat[to + 1u] = sum;
}
