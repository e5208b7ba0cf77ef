// product: blocks of the factors and the result of a product, of the file's bindings
// and of its consts TRANS_A, TRANS_B, VEC_A, VEC_B, ACCUM, BIAS, ACT, PRE, RESIDUAL.
// matrix is a number in the batch. Rows and columns past the end read the last ones,
// terms past K are 0. VEC_A, VEC_B: the stored rows of a factor begin at multiples of 4
// elements and have multiples of 4.

fn next_four(i: u32, size: u32) -> vec4<u32> { return min(vec4<u32>(i) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(size - 1u)); }
fn a_one(i: u32) -> f32 { return a[i >> 2u][i & 3u]; }
fn b_one(i: u32) -> f32 { return b[i >> 2u][i & 3u]; }

// a_across is A[row, k .. k+3] of the matrix that begins at at.
fn a_across(at: u32, row: u32, k: u32) -> vec4<f32> {
  if (k >= p.k) {
    return vec4<f32>(0.0);
  }
  if (VEC_A) {
    return a[(at + (row * p.lda) + k) >> 2u];
  }
  let i = next_four(k, p.k);
  let e = vec4<u32>(at) + select((vec4<u32>(row * p.lda) + i), (i * p.lda) + vec4<u32>(row), TRANS_A);
  return select(vec4<f32>(0.0), vec4<f32>(a_one(e.x), a_one(e.y), a_one(e.z), a_one(e.w)), (vec4<u32>(k) + vec4<u32>(0u, 1u, 2u, 3u)) == i);
}

// a_down is A[row .. row+3, k] of an A stored by columns, with VEC_A.
fn a_down(at: u32, row: u32, k: u32) -> vec4<f32> {
  if (k >= p.k) {
    return vec4<f32>(0.0);
  }
  return a[(at + (k * p.lda) + row) >> 2u];
}

// a_block has A[row + j, k .. k+3] as column j.
fn a_block(matrix: u32, row: u32, k: u32) -> mat4x4<f32> {
  let at = row_at(p.a, matrix, select(p.m, p.k, TRANS_A) * p.lda);
  if (TRANS_A && VEC_A) {
    let r = min(row, p.m - 4u);
    return transpose(mat4x4<f32>(a_down(at, r, k), a_down(at, r, k + 1u), a_down(at, r, k + 2u), a_down(at, r, k + 3u)));
  }
  let r = next_four(row, p.m);
  return mat4x4<f32>(a_across(at, r.x, k), a_across(at, r.y, k), a_across(at, r.z, k), a_across(at, r.w, k));
}

// b_across is B[k, cols] of the matrix that begins at at, stored by rows.
fn b_across(at: u32, cols: vec4<u32>, k: u32) -> vec4<f32> {
  if (k >= p.k) {
    return vec4<f32>(0.0);
  }
  let e = vec4<u32>(at + (k * p.ldb)) + cols;
  if (VEC_B) {
    return b[e.x >> 2u];
  }
  return vec4<f32>(b_one(e.x), b_one(e.y), b_one(e.z), b_one(e.w));
}

// b_down is B[k .. k+3, col] of a B stored by columns.
fn b_down(at: u32, col: u32, k: u32) -> vec4<f32> {
  if (k >= p.k) {
    return vec4<f32>(0.0);
  }
  let i = next_four(k, p.k);
  let e = vec4<u32>(at + (col * p.ldb)) + i;
  if (VEC_B) {
    return b[e.x >> 2u];
  }
  return select(vec4<f32>(0.0), vec4<f32>(b_one(e.x), b_one(e.y), b_one(e.z), b_one(e.w)), (vec4<u32>(k) + vec4<u32>(0u, 1u, 2u, 3u)) == i);
}

// b_block has B[k + i, col .. col+3] as column i, so that b_block * a_block has the
// sums for row + j as column j.
fn b_block(matrix: u32, col: u32, k: u32) -> mat4x4<f32> {
  let at = row_at(p.b, matrix, select(p.k, p.n, TRANS_B) * p.ldb);
  let c = next_four(col, p.n);
  if (TRANS_B) {
    return transpose(mat4x4<f32>(b_down(at, c.x, k), b_down(at, c.y, k), b_down(at, c.z, k), b_down(at, c.w, k)));
  }
  return mat4x4<f32>(b_across(at, c, k), b_across(at, c, k + 1u), b_across(at, c, k + 2u), b_across(at, c, k + 3u));
}

// finish gives y[row .. row+3, col .. col+3] its sums, row + j in column j. The loops
// run over scalars, which keeps the epilogue in the shader once.
fn finish(matrix: u32, row: u32, col: u32, sums: mat4x4<f32>) {
  var all = sums;
  let base = row_at(p.y, matrix, p.m * p.ldy);
  let rows = min(4u, max(p.m, row) - row);
  let cols = min(4u, max(p.n, col) - col);
  for (var i = 0u; i < rows; i++) {
    let r = row + i;
    for (var j = 0u; j < cols; j++) {
      let c = col + j;
      let to = base + (r * p.ldy) + c;
      var v = all[i][j];
      if (ACCUM) {
        v += y[to];
      }
      if (BIAS) {
        v += bias[p.bias.x + (c * p.bias.w)];
      }
      if (PRE) {
        pre[p.pre.x + (r * p.pre.y) + c] = v;
      }
      v = activate(v);
      if (RESIDUAL) {
        v += residual[p.residual.x + (r * p.residual.y) + c];
      }
      y[to] = v;
    }
  }
}
