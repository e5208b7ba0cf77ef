package nn

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// Init draws the values of a fresh parameter of shape [out, in] (or [n]).
type Init struct {
	kind kind
	a, b float64
}

type kind uint8

const (
	constant kind = iota
	uniform
	normal
	truncated
	glorot
	he
)

// The initializers of spec 5.5.
var (
	Zeros = Init{}
	Ones  = Init{kind: constant, a: 1}
	// GlorotUniform is uniform in +-sqrt(6/(in+out)).
	GlorotUniform = Init{kind: glorot}
	// HeNormal is a truncated normal of std sqrt(2/in)/0.87962566.
	HeNormal = Init{kind: he}
)

// Constant fills with v.
func Constant(v float64) Init { return Init{kind: constant, a: v} }

// Uniform draws from [lo, hi).
func Uniform(lo, hi float64) Init { return Init{kind: uniform, a: lo, b: hi} }

// Normal draws from N(0, std).
func Normal(std float64) Init { return Init{kind: normal, a: std} }

// TruncatedNormal draws from N(0, std) and redraws outside two std, without a
// correction of the variance.
func TruncatedNormal(std float64) Init { return Init{kind: truncated, a: std} }

// truncatedStd is the standard deviation of a unit normal cut at two.
const truncatedStd = 0.87962566

// random makes numbers of the bits of a PCG seeded by (seed, name), so that every
// backend and every version of the standard library gives the same weights.
type random struct {
	src   *rand.PCG
	spare float64
	have  bool
}

func newRandom(seed uint64, name string) *random {
	h := fnv.New64a()
	h.Write([]byte(name))
	return &random{src: rand.NewPCG(seed, h.Sum64())}
}

// float is uniform in [0, 1) with 53 bits.
func (r *random) float() float64 { return float64(r.src.Uint64()>>11) / (1 << 53) }

// normal is a unit normal by the polar method (Marsaglia and Bray 1964).
func (r *random) normal() float64 {
	if r.have {
		r.have = false
		return r.spare
	}
	for {
		u, v := 2*r.float()-1, 2*r.float()-1
		if q := u*u + v*v; q > 0 && q < 1 {
			f := math.Sqrt(-2 * math.Log(q) / q)
			r.spare, r.have = v*f, true
			return u * f
		}
	}
}

func (r *random) truncated() float64 {
	for {
		if x := r.normal(); math.Abs(x) <= 2 {
			return x
		}
	}
}

// fill draws the next values of a parameter with the given fans.
func (in Init) fill(r *random, v []float32, fanIn, fanOut int) {
	draw := func() float64 { return in.a }
	switch in.kind {
	case uniform:
		draw = func() float64 { return in.a + (in.b-in.a)*r.float() }
	case normal:
		draw = func() float64 { return in.a * r.normal() }
	case truncated:
		draw = func() float64 { return in.a * r.truncated() }
	case glorot:
		lim := math.Sqrt(6 / float64(fanIn+fanOut))
		draw = func() float64 { return lim * (2*r.float() - 1) }
	case he:
		std := math.Sqrt(2/float64(fanIn)) / truncatedStd
		draw = func() float64 { return std * r.truncated() }
	}
	for i := range v {
		v[i] = float32(draw())
	}
}
