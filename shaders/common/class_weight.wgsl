// class_weight: the file's binding w, [C], where its const WEIGHTED is true, else ones.

const LOWEST: f32 = -3.4028234e38;

fn weight_of(c: u32) -> f32 {
  if (WEIGHTED) {
    return w[p.w.x + (c * p.w.w)];
  }
  return 1.0;
}
