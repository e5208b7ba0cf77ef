// reduce_pair: sums of two values from each of the file's WG invocations, by a
// tree, so that the order is the same in every run. To be called in uniform flow.
var<workgroup> scratch: array<vec2<f32>, WG>;

fn group_sums(v: vec2<f32>, lid: u32) -> vec2<f32> {
  workgroupBarrier(); // the last result has been read
  scratch[lid] = v;
  workgroupBarrier();
  for (var s = WG / 2u; s > 0u; s = s / 2u) {
    if (lid < s) {
      scratch[lid] = scratch[lid] + scratch[lid + s];
    }
    workgroupBarrier();
  }
  return scratch[0];
}
