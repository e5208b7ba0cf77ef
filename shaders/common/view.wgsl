// view: where the elements of an operand lie.
// A view is (first element, stride of axis 0, rows per index of axis 0, step
// between columns), all in elements of the bound window; see kernels/operand.go.
// Params begin with grid: (workgroups along x, workgroups in all, 0, 0).

// group_of is the number of a workgroup in a grid that is folded onto y.
fn group_of(wid: vec3<u32>) -> u32 {
  return wid.x + (wid.y * p.grid.x);
}

// row_at is the first element of row r of a view whose rows have cols columns.
// Column c lies at row_at(..) + c * v.w.
fn row_at(v: vec4<u32>, r: u32, cols: u32) -> u32 {
  return v.x + ((r / v.z) * v.y) + ((r % v.z) * cols);
}
