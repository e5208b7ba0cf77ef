// max_cols_backward: dx[r,c] = dy[r,0] where arg[r] = c, else 0
// dx [R,C]; dy [R,1]; arg [R]. ACCUM: dx += the same.
// Grid: WG * PER elements of dx a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C are left out. Ref: cpuref/max_cols.go
const WG: u32 = 64u;
const PER: u32 = 4u;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  dy: vec4<u32>,
  arg: vec4<u32>,
  dx: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
}
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read> arg: array<i32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = (group_of(wid) * (WG * PER)) + lid;
  for (var k = 0u; k < PER; k = k + 1u) {
    let e = first + (k * WG);
    if (e < (p.rows * p.cols)) {
      let r = e / p.cols;
      let c = e % p.cols;
      let v = select(0.0, dy[row_at(p.dy, r, 1u)], arg[row_at(p.arg, r, 1u)] == i32(c));
      let to = row_at(p.dx, r, p.cols) + (c * p.dx.w);
      if (ACCUM) {
        dx[to] = dx[to] + v;
      } else {
        dx[to] = v;
      }
    }
  }
}
