// bce_with_logits_backward: dx[e] = (1 / (1 + exp(-x)) - t) dy, x = x[e], t = t[e], dy = dy[e]
// x, t, dy, dx of one shape, seen as [R,C]. ACCUM: dx += the same.
// Grid: WG * PER elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C are left out. Ref: cpuref/bce_with_logits.go
const WG: u32 = 64u;
const PER: u32 = 4u;
const DENSE: bool = false;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  t: vec4<u32>,
  dy: vec4<u32>,
  dx: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> t: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = first_element(wid, lid);
  for (var k = 0u; k < PER; k = k + 1u) {
    let i = first + (k * WG);
    if (i < (p.rows * p.cols)) {
      let v = x[place(p.x, i)];
      let e = exp(-abs(v));
      let sigmoid = select(e, 1.0, v >= 0.0) / (1.0 + e);
      let g = (sigmoid - t[place(p.t, i)]) * dy[place(p.dy, i)];
      let to = place(p.dx, i);
      if (ACCUM) {
        dx[to] = dx[to] + g;
      } else {
        dx[to] = g;
      }
    }
  }
}
