// reduce: sum, maximum of one value from each of the file's WG invocations, by a
// tree, so that the order is the same in every run. To be called in uniform flow.
var<workgroup> scratch: array<f32, WG>;

fn group_sum(v: f32, lid: u32) -> f32 {
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

fn group_max(v: f32, lid: u32) -> f32 {
  workgroupBarrier();
  scratch[lid] = v;
  workgroupBarrier();
  for (var s = WG / 2u; s > 0u; s = s / 2u) {
    if (lid < s) {
      scratch[lid] = max(scratch[lid], scratch[lid + s]);
    }
    workgroupBarrier();
  }
  return scratch[0];
}
