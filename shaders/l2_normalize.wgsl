// l2_normalize: y[r,c] = x[r,c] / max(n, eps) with n = sqrt(sum_c x[r,:]^2)
// BACKWARD: of dy, dx[r,c] = (dy[r,c] - u[c] * sum_c(u dy)) / n with u = x / n where
// n > eps, else dy[r,c] / eps; without it dy is absent and dx is y.
// x, dy, dx [R,C]. ACCUM: dx += the same.   Accumulates in f32, TERMS at a time.
// Grid: one workgroup a row, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: rows >= R return before any barrier, as a whole workgroup. Ref: cpuref/l2_normalize.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const BACKWARD: bool = true;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  x: vec4<u32>,
  dy: vec4<u32>,
  dx: vec4<u32>,
  rows: u32,  // R
  cols: u32,  // C
  eps: f32,
}
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let row = group_of(wid);
  if (row >= p.rows) {
    return;
  }
  let base = row_at(p.x, row, p.cols);
  let grad = row_at(p.dy, row, p.cols);
  let to = row_at(p.dx, row, p.cols);

  // The sums of x^2 and of x dy.
  var total = vec2<f32>(0.0, 0.0);
  for (var c = lid; c < p.cols; c = c + (WG * TERMS)) {
    var part = vec2<f32>(0.0, 0.0);
    for (var k = 0u; k < TERMS; k = k + 1u) {
      let at = c + (k * WG);
      if (at < p.cols) {
        let v = x[base + (at * p.x.w)];
        var g = 0.0;
        if (BACKWARD) {
          g = dy[grad + (at * p.dy.w)];
        }
        part = part + vec2<f32>(v * v, v * g);
      }
    }
    total = total + part;
  }
  let sums = group_sums(total, lid);
  let n = sqrt(sums.x);
  let scale = 1.0 / max(max(n, p.eps), 1.1754944e-38); // a row of zeros stays, for eps 0 too
  // Below eps the divisor does not depend on x.
  let along = select(0.0, (sums.y * scale) * scale, n > p.eps);

  for (var c = lid; c < p.cols; c = c + WG) {
    var v = x[base + (c * p.x.w)];
    if (BACKWARD) {
      v = dy[grad + (c * p.dy.w)] - (v * along);
    }
    v = v * scale;
    let at = to + (c * p.dx.w);
    if (ACCUM) {
      dx[at] = dx[at] + v;
    } else {
      dx[at] = v;
    }
  }
}
