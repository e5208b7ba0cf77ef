// dropout: the counter hash of tensor.DropoutBits.

// mix32 is MurmurHash3's 32-bit finalizer (Appleby, fmix32).
fn mix32(v: u32) -> u32 {
  var h = v;
  h = (h ^ (h >> 16u)) * 0x85ebca6bu;
  h = (h ^ (h >> 13u)) * 0xc2b2ae35u;
  return h ^ (h >> 16u);
}

// dropout_bits are the bits of element i under the seed in p.
fn dropout_bits(i: u32) -> u32 {
  return mix32(mix32(i ^ p.seed_low) + p.seed_high);
}
