// crf: the scores of a chain over p.cols (C) tags, of the file's binding m, a dense [C+2,C]:
// the transitions from i to j, the ends, the starts. LOWEST is below every score.

const LOWEST: f32 = -3.4028234e38;

fn transition(i: u32, j: u32) -> f32 { return m[(p.m.x + (i * p.cols)) + j]; }
fn end_of(i: u32) -> f32 { return m[(p.m.x + (p.cols * p.cols)) + i]; }
fn start_of(i: u32) -> f32 { return m[(p.m.x + ((p.cols + 1u) * p.cols)) + i]; }
