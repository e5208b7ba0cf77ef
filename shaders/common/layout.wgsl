// layout: where the sequences lie, of the file's binding lay, which holds Start[B] |
// Len[B] | Pos[R] | Seq[R], and of p.lay, p.batch (B) and p.total (R).

// rows_of gives first row and number of rows of sequence b.
fn rows_of(b: u32) -> vec2<u32> {
  return vec2<u32>(u32(lay[p.lay.x + b]), u32(lay[(p.lay.x + p.batch) + b]));
}

// sequence_of is the sequence of row r, -1 in a gap.
fn sequence_of(r: u32) -> i32 {
  return lay[((p.lay.x + (2u * p.batch)) + p.total) + r];
}
