// tile: sums over rows by a workgroup of WX columns times WY lanes of rows, TILE =
// WX * WY invocations; a tree over the lanes, so that the order is the same in every
// run. To be called in uniform flow.
const WY: u32 = TILE / WX;
var<workgroup> scratch: array<f32, TILE>;

// lane_sum is the sum over the lanes of one column, complete in lane 0 alone.
fn lane_sum(v: f32, lid: u32) -> f32 {
  scratch[lid] = v;
  workgroupBarrier();
  for (var s = WY / 2u; s > 0u; s = s / 2u) {
    if (lid < (s * WX)) {
      scratch[lid] = scratch[lid] + scratch[lid + (s * WX)];
    }
    workgroupBarrier();
  }
  return scratch[lid % WX];
}
