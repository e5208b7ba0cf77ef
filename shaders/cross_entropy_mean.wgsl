// cross_entropy_mean: y[0] = sums[0] / sums[1], 0 where sums[1] is 0
// sums [1,2]; y [1].
// Grid: one workgroup. Workgroup: 1 x 1 x 1.
// Bounds: one element. Ref: cpuref/cross_entropy.go
struct Params {
  grid: vec4<u32>,
  sums: vec4<u32>,
  y: vec4<u32>,
}
@group(0) @binding(0) var<storage, read> sums: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(1, 1, 1)
fn main() {
  let n = sums[p.sums.x + p.sums.w];
  y[p.y.x] = select(sums[p.sums.x] / n, 0.0, n == 0.0);
}
