// crf_walk: the rows of a sequence in pieces, so that no dispatch runs long, by the file's
// takes_part and p.step and p.steps: a piece has steps rows from step on. Where few rows
// take part, the next one may lie far outside the piece: the file's WG invocations look
// for it together. kept_before and kept_after are to be called in uniform flow, once.

// nearest is how near to the end of the search the row found lies; 0: none does.
var<workgroup> nearest: atomic<u32>;

// kept_before is the last row before r, first or later, that takes part; r: none does.
fn kept_before(first: u32, r: u32, lid: u32) -> u32 {
  for (var back = lid; back < (r - first); back = back + WG) {
    if (takes_part((r - 1u) - back)) {
      atomicMax(&nearest, r - back);
      break;
    }
  }
  workgroupBarrier();
  let found = atomicLoad(&nearest);
  return select(found - 1u, r, found == 0u);
}

// kept_after is the first row from r on, before end, that takes part; end: none does.
fn kept_after(r: u32, end: u32, lid: u32) -> u32 {
  for (var k = r + lid; k < end; k = k + WG) {
    if (takes_part(k)) {
      atomicMax(&nearest, end - k);
      break;
    }
  }
  workgroupBarrier();
  return end - atomicLoad(&nearest);
}

// done says whether a sequence of n rows has ended before this piece.
fn done(n: u32) -> bool { return (p.step > 0u) && (p.step >= n); }

// ends says whether it ends with this piece.
fn ends(n: u32) -> bool { return (p.step + p.steps) >= n; }
