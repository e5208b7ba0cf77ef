// shifted_exp: exp(v - top), 0 for a v that is -inf. Halves, since the difference
// itself may overflow; exp(-120) is 0 in f32. Needs order.
fn shifted_exp(v: f32, top: f32) -> f32 {
  let e = exp(2.0 * max((0.5 * v) - (0.5 * top), -60.0));
  return select(e, 0.0, is_masked(v));
}
