// crf_rows: which rows take part in a chain, of the file's bindings keep, [rows], where its
// const KEEP is true, and tags, [rows], where TAGS is.

// takes_part says whether row r of the window does: keep is not 0, and the tag in [0,C).
fn takes_part(r: u32) -> bool {
  if (KEEP) {
    if (keep[row_at(p.keep, r, 1u)] == 0) {
      return false;
    }
  }
  if (TAGS) {
    return tag_of(r) < p.cols;
  }
  return true;
}

// tag_of is the tag of row r; a negative one is past every tag.
fn tag_of(r: u32) -> u32 {
  return u32(tags[row_at(p.tags, r, 1u)]);
}
