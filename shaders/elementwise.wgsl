// elementwise: add, y[r,c] = a[r,c] + scale * b, or with MUL mul, y[r,c] = a[r,c] * b
// a, y [R,C]. BCAST, as tensor.Broadcast: 0 b [R,C]; 1 b one element; 2 b [C], one
// row for all; 3 b [R,1], one value a row. ACCUM: y += the same.
// Grid: WG * PER elements a workgroup, folded to 2-D. Workgroup: WG x 1 x 1.
// Bounds: elements past R*C are left out. Ref: cpuref/elementwise.go
const WG: u32 = 64u;
const PER: u32 = 4u;
const DENSE: bool = false;
const MUL: bool = false;
const BCAST: u32 = 0u;
const ACCUM: bool = false;

struct Params {
  grid: vec4<u32>,
  a: vec4<u32>,
  b: vec4<u32>,
  y: vec4<u32>,
  rows: u32,   // R
  cols: u32,   // C
  scale: f32,  // add alone
}
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

// second is where the element of b lies that meets element e of a.
fn second(e: u32) -> u32 {
  var at = p.b.x;
  switch BCAST {
    case 0u: { at = place(p.b, e); }
    case 2u: { at = at + ((e % p.cols) * p.b.w); }
    case 3u: { at = row_at(p.b, e / p.cols, 1u); }
    default: {}
  }
  return at;
}

@compute @workgroup_size(WG, 1, 1)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
  let first = first_element(wid, lid);
  for (var k = 0u; k < PER; k = k + 1u) {
    let e = first + (k * WG);
    if (e < p.rows * p.cols) {
      var v = a[place(p.a, e)];
      if (MUL) {
        v = v * b[second(e)];
      } else {
        v = v + (p.scale * b[second(e)]);
      }
      let to = place(p.y, e);
      if (ACCUM) {
        y[to] = y[to] + v;
      } else {
        y[to] = v;
      }
    }
  }
}
