// order: f32 compared as integers, so that infinities count although a shader may
// assume that there are none.

// order_key grows with v; -0 and 0 have one key, a positive NaN the largest ones.
fn order_key(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  if ((bits & 0x80000000u) == 0u) {
    return bits | 0x80000000u;
  }
  return select(~bits, 0x80000000u, bits == 0x80000000u);
}

// is_masked says whether v is -inf.
fn is_masked(v: f32) -> bool {
  return bitcast<u32>(v) == 0xff800000u;
}
