// embedding_backward: dweight[v,c] (+)= sum of dy[r,c] over the rows r with ids[r] = v
// ids, next [R] (embedding_chain), dy [R,C], dweight [V,C]; the sums run in the order
// of the rows, blocks of 64 summed apart. Of dweight the window holds rows first to
// first+held. Rows of dweight that no id names are left alone.
// Grid: WG elements of dy a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C, and rows that begin no chain, return. Ref: cpuref/embedding.go
const WG: u32 = 64u;

struct Params {
  grid: vec4<u32>,
  ids: vec4<u32>,
  next: vec4<u32>,
  dy: vec4<u32>,
  dweight: vec4<u32>,
  rows: u32,
  cols: u32,
  first: u32,
  held: u32,
}
@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(1) var<storage, read> next: array<u32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dweight: array<f32>;
@group(0) @binding(4) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let e = (group_of(wid) * WG) + lid;
  if (e >= p.rows * p.cols) {
    return;
  }
  var r = e / p.cols;
  let c = e % p.cols;
  let at = u32(ids[row_at(p.ids, r, 1u)]) - p.first; // wraps below the window
  if ((next[p.next.x + r] > p.rows) || (at >= p.held)) {
    return;
  }
  var sum = 0.0;
  while (r < p.rows) {
    var part = 0.0;
    for (var i = 0u; (i < 64u) && (r < p.rows); i++) {
      part += dy[row_at(p.dy, r, p.cols) + c];
      let n = next[p.next.x + r];
      r = select(n, n - p.rows, n > p.rows);
    }
    sum += part;
  }
  dweight[row_at(p.dweight, at, p.cols) + c] += sum;
}
