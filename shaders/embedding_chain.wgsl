// embedding_chain: next[r] is the next row after r with the same id, R if there is
// none; R + next where a row before r has the id too, so that r begins no chain
// ids, next [R]. Ids outside [0,total) and skip begin no chain.
// Grid: WG rows a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: rows past R return. Ref: cpuref/embedding.go
const WG: u32 = 64u;

struct Params {
  grid: vec4<u32>,
  ids: vec4<u32>,
  next: vec4<u32>,
  rows: u32,
  total: u32,
  skip: i32,   // -1: none
}
@group(0) @binding(0) var<storage, read> ids: array<i32>;
@group(0) @binding(1) var<storage, read_write> next: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let r = (group_of(wid) * WG) + lid;
  if (r >= p.rows) {
    return;
  }
  let id = ids[row_at(p.ids, r, 1u)];
  var first = (id >= 0) && (u32(id) < p.total) && (id != p.skip);
  for (var i = 0u; first && (i < r); i++) {
    first = ids[row_at(p.ids, i, 1u)] != id;
  }
  var n = r + 1u;
  while (n < p.rows) {
    if (ids[row_at(p.ids, n, 1u)] == id) {
      break;
    }
    n++;
  }
  next[p.next.x + r] = n + select(p.rows, 0u, first);
}
