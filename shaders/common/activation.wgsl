// activation: act(v) and its derivative, for the file's const ACT, which counts
// as tensor.Act does. Every form is finite at any finite v: exp is taken of
// values that are not positive, and tanh, erf are built on it, since WGSL's tanh
// may overflow past 88 and WGSL has no erf.

// sigmoid is 1 / (1 + e^-v).
fn sigmoid(v: f32) -> f32 {
  let e = exp(-abs(v));
  return select(e, 1.0, v >= 0.0) / (1.0 + e);
}

// sigmoid_slope is sigmoid'(v) = e / (1 + e)^2, even in v.
fn sigmoid_slope(v: f32) -> f32 {
  let e = exp(-abs(v));
  return e / ((1.0 + e) * (1.0 + e));
}

// tanh_safe is (1 - e) / (1 + e) with e = e^-2|v|; near 0, where that cancels, a
// polynomial in v^2 (minimax on |v| <= 0.6, relative error 1e-7).
fn tanh_safe(v: f32) -> f32 {
  let a = abs(v);
  if (a < 0.6) {
    let u = v * v;
    let q = (((((0.01657799 * u) - 0.052847923) * u) + 0.13325461) * u) - 0.33333245;
    return v + ((v * u) * q);
  }
  let e = exp(-2.0 * min(a, 20.0));
  let t = (1.0 - e) / (1.0 + e);
  return select(-t, t, v >= 0.0);
}

// normal_tail is Q(a) = (1 - erf(a/sqrt 2)) / 2, a >= 0, as e^(-a^2/2) t P(t) with
// t = 1 / (1 + 0.35 a); P is minimax (relative error of Q 4e-8). bell = e^(-a^2/2).
fn normal_tail(a: f32, bell: f32) -> f32 {
  let t = 1.0 / (1.0 + (0.35 * a));
  var q = -0.029609795;
  q = (q * t) + 0.14622421;
  q = (q * t) - 0.26033791;
  q = (q * t) + 0.16439174;
  q = (q * t) - 0.026633098;
  q = (q * t) + 0.10695824;
  q = (q * t) + 0.11947943;
  q = (q * t) + 0.13990827;
  q = (q * t) + 0.1396189;
  return (bell * t) * q;
}

// gelu is v Phi(v); past 15 the tail is 0 in f32.
fn gelu(v: f32) -> f32 {
  let a = min(abs(v), 15.0);
  let tail = normal_tail(a, exp(-0.5 * (a * a)));
  return select(v * tail, v - (v * tail), v >= 0.0);
}

// gelu_slope is Phi(v) + v phi(v).
fn gelu_slope(v: f32) -> f32 {
  let a = min(abs(v), 15.0);
  let bell = exp(-0.5 * (a * a));
  let tail = normal_tail(a, bell);
  return select(tail, 1.0 - tail, v >= 0.0) + ((clamp(v, -15.0, 15.0) * bell) * 0.39894228);
}

// gelu_tanh is v sigmoid(2u) with u = sqrt(2/pi) (v + 0.044715 v^3), the same as
// 0.5 v (1 + tanh u); past 30 the sigmoid is 0 or 1 in f32.
fn gelu_tanh(v: f32) -> f32 {
  let w = clamp(v, -30.0, 30.0);
  return v * sigmoid(1.5957691 * (w + (0.044715 * ((w * w) * w))));
}

fn gelu_tanh_slope(v: f32) -> f32 {
  let w = clamp(v, -30.0, 30.0);
  let z = 1.5957691 * (w + (0.044715 * ((w * w) * w)));
  return sigmoid(z) + ((w * sigmoid_slope(z)) * (1.5957691 * (1.0 + (0.134145 * (w * w)))));
}

// mish_ratio is tanh(log(1 + e^v)) = w / (w + 2) with w = e^v (e^v + 2); for v >= 0
// both sides times e^-2v. Gives (w, w + 2, scale), all with the same factor scale.
fn mish_ratio(v: f32) -> vec3<f32> {
  let e = exp(-abs(v));
  if (v >= 0.0) {
    let w = 1.0 + (2.0 * e);
    let scale = e * e;
    return vec3<f32>(w, w + (2.0 * scale), scale);
  }
  let w = e * (e + 2.0);
  return vec3<f32>(w, w + 2.0, 1.0);
}

fn mish(v: f32) -> f32 {
  let r = mish_ratio(v);
  return v * (r.x / r.y);
}

// mish_slope is t + v (1 - t^2) sigmoid(v), 1 - t^2 = 4 (w + 1) / (w + 2)^2.
fn mish_slope(v: f32) -> f32 {
  let r = mish_ratio(v);
  let bend = (4.0 * ((r.x + r.z) * r.z)) / (r.y * r.y);
  return (r.x / r.y) + ((v * bend) * sigmoid(v));
}

fn activate(v: f32) -> f32 {
  var y = v;
  switch ACT {
    case 1u: { y = gelu(v); }
    case 2u: { y = gelu_tanh(v); }
    case 3u: { y = v * sigmoid(v); }
    case 4u: { y = select(v, 0.0, v <= 0.0); }
    case 5u: { y = tanh_safe(v); }
    case 6u: { y = sigmoid(v); }
    case 7u: { y = mish(v); }
    case 8u: { y = abs(v); }
    default: {}
  }
  return y;
}

// slope is act'(v); 0 at the kink of relu and abs.
fn slope(v: f32) -> f32 {
  var y = 1.0;
  switch ACT {
    case 1u: { y = gelu_slope(v); }
    case 2u: { y = gelu_tanh_slope(v); }
    case 3u: { y = sigmoid(v) + (v * sigmoid_slope(v)); }
    case 4u: { y = select(0.0, 1.0, v > 0.0); }
    case 5u: { y = 4.0 * sigmoid_slope(2.0 * v); }
    case 6u: { y = sigmoid_slope(v); }
    case 7u: { y = mish_slope(v); }
    case 8u: { y = sign(v); }
    default: {}
  }
  return y;
}
