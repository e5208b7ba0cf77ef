// gated_backward: one gradient of y = act(a) * b, act the file's ACT (0: identity)
// OF_B false: d[e] = act'(a[e]) * b[e] * dy[e]; true: d[e] = act(a[e]) * dy[e].
// a, b, dy, d of one shape, seen as [R,C]. ACCUM: d += the same. The two gradients
// may lie in one buffer, so each is a dispatch of its own.
// Grid: WG * PER elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C are left out. Ref: cpuref/gated.go
const WG: u32 = 64u;
const PER: u32 = 4u;
const DENSE: bool = false;
const ACT: u32 = 1u;
const OF_B: bool = false;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  a: vec4<u32>,
  b: vec4<u32>,
  dy: vec4<u32>,
  d: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> d: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = first_element(wid, lid);
  for (var k = 0u; k < PER; k = k + 1u) {
    let e = first + (k * WG);
    if (e < p.rows * p.cols) {
      let gate = a[place(p.a, e)];
      var v = dy[place(p.dy, e)];
      if (OF_B) {
        v = v * activate(gate);
      } else {
        v = v * (slope(gate) * b[place(p.b, e)]);
      }
      let to = place(p.d, e);
      if (ACCUM) {
        d[to] = d[to] + v;
      } else {
        d[to] = v;
      }
    }
  }
}
