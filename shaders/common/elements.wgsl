// elements: element by element over views of one shape, PER of them an invocation,
// WG apart. Needs view, and of the file WG, PER, DENSE and p.rows, p.cols.

// place is where element e of a view lies: column e % cols of row e / cols. DENSE:
// every view is one run of elements.
fn place(v: vec4<u32>, e: u32) -> u32 {
  if (DENSE) {
    return v.x + e;
  }
  return row_at(v, e / p.cols, p.cols) + ((e % p.cols) * v.w);
}

// first_element is the first of an invocation's elements.
fn first_element(wid: vec3<u32>, lid: u32) -> u32 {
  return (group_of(wid) * (WG * PER)) + lid;
}
