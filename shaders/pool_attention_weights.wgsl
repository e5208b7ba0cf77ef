// pool_attention_weights: out[r,0] /= sum out[:,0] over the rows of a sequence
// BACKWARD: out[r,0] = a[r] * (out[r,0] - sum a out[:,0]) * out[r,1], the gradient before
// the tanh; without it a is absent.
// out [rows,1] or [rows,2], in place; a [rows]. Rows in gaps are left as they are. Of the
// layout's B sequences these are first_seq on, of its R rows out and a hold first_row on.
// Accumulates in f32, TERMS at a time.
// Grid: one workgroup a sequence, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: sequences past the last return before any barrier, as a whole workgroup.
// Ref: cpuref/pool.go
const WG: u32 = 64u;
const TERMS: u32 = 16u;
const BACKWARD: bool = true;

struct Params {
  grid: vec4<u32>,
  a: vec4<u32>,
  lay: vec4<u32>,
  out: vec4<u32>,
  batch: u32,      // B
  total: u32,      // R
  seqs: u32,
  first_seq: u32,
  first_row: u32,
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> lay: array<i32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let b = group_of(wid);
  if (b >= p.seqs) {
    return;
  }
  let rows = rows_of(p.first_seq + b);
  let first = rows.x - p.first_row;
  let end = first + rows.y;
  var total = 0.0;
  for (var r = first + lid; r < end; r = r + (WG * TERMS)) {
    var part = 0.0;
    for (var k = 0u; k < TERMS; k = k + 1u) {
      let at = r + (k * WG);
      if (at < end) {
        let v = out[row_at(p.out, at, 1u)];
        if (BACKWARD) {
          part = part + (a[row_at(p.a, at, 1u)] * v);
        } else {
          part = part + v;
        }
      }
    }
    total = total + part;
  }
  let sum = group_sum(total, lid);
  for (var r = first + lid; r < end; r = r + WG) {
    let at = row_at(p.out, r, 1u);
    if (BACKWARD) {
      out[at] = (a[row_at(p.a, r, 1u)] * (out[at] - sum)) * out[at + p.out.w];
    } else {
      out[at] = out[at] / sum;
    }
  }
}
