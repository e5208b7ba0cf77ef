// conv: which rows of a sequence meet in a convolution over its columns, of the
// file's p.taps (K, odd). Columns ascend within a sequence, so that rows at most K/2
// columns apart are at most K/2 rows apart. Needs layout.

// position_of is the column of row r.
fn position_of(r: u32) -> i32 {
  return lay[(p.lay.x + (2u * p.batch)) + r];
}

// near gives the rows that may be at most K/2 columns from row r: the first and the
// one after the last; none for a row in a gap.
fn near(r: u32) -> vec2<u32> {
  let b = sequence_of(r);
  if (b < 0) {
    return vec2<u32>(0u, 0u);
  }
  let rows = rows_of(u32(b));
  let reach = p.taps / 2u;
  return vec2<u32>(max(rows.x, r - min(r, reach)), min(rows.x + rows.y, (r + reach) + 1u));
}

// tap_of is the tap by which row n counts for row r; K or more: it does not.
fn tap_of(n: u32, r: u32) -> u32 {
  return u32((position_of(n) - position_of(r)) + i32(p.taps / 2u));
}
