// crf_walk: the rows of a sequence in pieces, so that no dispatch runs long, by the file's
// takes_part and p.step and p.steps: a piece has steps rows from step on.

// kept_before is the last row before r, first or later, that takes part; r: none does.
fn kept_before(first: u32, r: u32) -> u32 {
  var k = r;
  while (k > first) {
    k = k - 1u;
    if (takes_part(k)) {
      return k;
    }
  }
  return r;
}

// kept_after is the first row from r on, before end, that takes part; end: none does.
fn kept_after(r: u32, end: u32) -> u32 {
  var k = r;
  while (k < end) {
    if (takes_part(k)) {
      return k;
    }
    k = k + 1u;
  }
  return end;
}

// done says whether a sequence of n rows has ended before this piece.
fn done(n: u32) -> bool { return (p.step > 0u) && (p.step >= n); }

// ends says whether it ends with this piece.
fn ends(n: u32) -> bool { return (p.step + p.steps) >= n; }
