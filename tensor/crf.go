package tensor

import "fmt"

// MaxTags is the largest number of tags of a CRF.
const MaxTags = 1024

func crfRows() rows {
	tol := func(c *Call) Tol { return tolSum(c.Src[0].Dim(1) + c.Rows.MaxLen()) }
	return rows{
		OpCRFLogLikelihood: {Name: "crf_log_likelihood", Check: checkCRFLogLikelihood, Grad: gradCRF, Reads: 1<<1 | 1<<3 | 1<<4 | 1<<5 | 1<<9,
			Aux: func(c *Call, a *[MaxDst]Spec) { a[1] = c.Src[0].Spec }, Tol: tol},
		OpCRFLogLikelihoodBackward: {Name: "crf_log_likelihood_backward", Check: checkCRFBackward, Accum: true,
			Tol: func(c *Call) Tol { return tolSum(c.Src[0].Dim(1) + c.Src[0].Dim(0)) }},
		OpCRFViterbi:   {Name: "crf_viterbi", Check: checkCRFViterbi, Tol: tol},
		OpCRFMarginals: {Name: "crf_marginals", Check: checkCRFMarginals, Tol: tol},
	}
}

// CRF are the parameters of a linear-chain conditional random field over C tags
// (Lafferty, McCallum, Pereira 2001). A tag path y over the rows t1..tn of a sequence
// that take part has the score
//
//	Start[y1] + sum over k of E[tk,yk] + sum over k > 1 of Transitions[y(k-1),yk] + End[yn]
//
// with E the emissions. All values are finite: what is forbidden has -1e4 added to it.
//
// Each operation takes keep, I32 [R] or absent: a row with 0 is jumped over, as if it
// were not there. So is a row in no sequence.
type CRF struct {
	Transitions Tensor // [C,C], from i to j
	Start, End  Tensor // [C]
}

// CRFLogLikelihood is the logarithm of the probability of the path tags in each
// sequence, its score less log Z, the logarithm of the sum of e^score over all paths
// (the forward algorithm); 0 for a sequence of which no row takes part. A row with a tag
// outside [0,C) is jumped over too, so that labels may hold IgnoreIndex; what CRFViterbi
// gives is a path. emissions [R,C] with C up to MaxTags; tags I32 [R]; keep I32 [R] or
// absent; result [B]. Gradients to emissions and parameters.
func CRFLogLikelihood(s Stream, emissions Tensor, p CRF, tags, keep Tensor, rows *Layout) (Tensor, error) {
	if rows == nil {
		return Tensor{}, fmt.Errorf("crf_log_likelihood: row layout is absent: %w", ErrShape)
	}
	return run1(s, Of(F32, rows.Batch()), Call{Op: OpCRFLogLikelihood, Src: src(emissions, p.Transitions, p.Start, p.End, tags, keep), Rows: rows})
}

// CRFViterbi is the path of the highest score of each sequence, and that score (Viterbi
// 1967); of equals the lowest tag is taken, from the last row back. emissions [R,C] with
// C up to MaxTags; keep I32 [R] or absent; path I32 [R], -1 at rows that take no part;
// score [B], 0 for a sequence of which no row does. Not differentiable.
func CRFViterbi(s Stream, emissions Tensor, p CRF, keep Tensor, rows *Layout) (path, score Tensor, err error) {
	if rows == nil {
		return path, score, fmt.Errorf("crf_viterbi: row layout is absent: %w", ErrShape)
	}
	if score, err = NewTemp(s, Of(F32, rows.Batch())); err != nil {
		return path, Tensor{}, err
	}
	c := Call{Op: OpCRFViterbi, Src: src(emissions, p.Transitions, p.Start, p.End, keep), Rows: rows}
	c.Dst[1] = score
	if path, err = run1(s, Of(I32, rows.Rows()), c); err != nil {
		s.Free(score.Buf)
		return Tensor{}, Tensor{}, err
	}
	return path, score, nil
}

// CRFMarginals is the probability of each tag at each row, over all paths of its
// sequence: a row that takes part sums to 1, others are 0. emissions [R,C] with C up to
// MaxTags; keep I32 [R] or absent; result [R,C]. Not differentiable.
func CRFMarginals(s Stream, emissions Tensor, p CRF, keep Tensor, rows *Layout) (Tensor, error) {
	return run1(s, emissions.Spec, Call{Op: OpCRFMarginals, Src: src(emissions, p.Transitions, p.Start, p.End, keep), Rows: rows})
}

// wantTags: [R,C] with 1 to MaxTags tags.
func wantTags(name string, x *Tensor) error {
	if err := wantF32(name, x, 2, 2); err != nil {
		return err
	}
	if n := x.Dim(1); n < 1 || n > MaxTags {
		return fmt.Errorf("%s is %v, want 1 to %d tags: %w", name, x.Spec, MaxTags, ErrUnsupported)
	}
	return nil
}

// checkCRF: emissions [R,C], transitions [C,C], start [C], end [C], and keep? [R] as
// operand k.
func checkCRF(c *Call, k int) error {
	e := &c.Src[0]
	if err := all(wantTags("emissions", e), wantLayout("row", c.Rows, e.Dim(0))); err != nil {
		return err
	}
	n := e.Dim(1)
	return all(wantSpec("transitions", &c.Src[1], F32, n, n), wantSpec("start", &c.Src[2], F32, n), wantSpec("end", &c.Src[3], F32, n),
		optional(&c.Src[k], func() error { return wantSpec("keep", &c.Src[k], I32, e.Dim(0)) }))
}

// checkCRFLogLikelihood: emissions, transitions, start, end, tags, keep? -> llh [B],
// alphas? [R,C]: with a(k) that of the k-th row that takes part, a(1) = start + E and
// a(k)[j] = E[j] + log sum over i of e^(a(k-1)[i] - max a(k-1) + transitions[i,j]); 0 at
// the other rows.
func checkCRFLogLikelihood(c *Call) error {
	if err := all(only(c, 2, 6), checkCRF(c, 5)); err != nil {
		return err
	}
	e := &c.Src[0]
	return all(wantSpec("tags", &c.Src[4], I32, e.Dim(0)), wantSpec("llh", &c.Dst[0], F32, c.Rows.Batch()),
		optional(&c.Dst[1], func() error { return wantSame("alphas", &c.Dst[1], e) }))
}

// checkCRFBackward: alphas, transitions, end, tags, keep?, dLLH [B] -> dEmissions?,
// dTransitions?, dStart?, dEnd?.
func checkCRFBackward(c *Call) error {
	a := &c.Src[0]
	if err := all(only(c, 4, 6), wantTags("alphas", a), wantLayout("row", c.Rows, a.Dim(0))); err != nil {
		return err
	}
	r, n := a.Dim(0), a.Dim(1)
	return all(wantSpec("transitions", &c.Src[1], F32, n, n), wantSpec("end", &c.Src[2], F32, n), wantSpec("tags", &c.Src[3], I32, r),
		optional(&c.Src[4], func() error { return wantSpec("keep", &c.Src[4], I32, r) }),
		wantSpec("dLLH", &c.Src[5], F32, c.Rows.Batch()),
		optional(&c.Dst[0], func() error { return wantSame("dEmissions", &c.Dst[0], a) }),
		optional(&c.Dst[1], func() error { return wantSpec("dTransitions", &c.Dst[1], F32, n, n) }),
		optional(&c.Dst[2], func() error { return wantSpec("dStart", &c.Dst[2], F32, n) }),
		optional(&c.Dst[3], func() error { return wantSpec("dEnd", &c.Dst[3], F32, n) }))
}

// checkCRFViterbi: emissions, transitions, start, end, keep? -> path I32 [R], score? [B].
func checkCRFViterbi(c *Call) error {
	if err := all(only(c, 2, 5), checkCRF(c, 4)); err != nil {
		return err
	}
	return all(wantSpec("path", &c.Dst[0], I32, c.Src[0].Dim(0)),
		optional(&c.Dst[1], func() error { return wantSpec("score", &c.Dst[1], F32, c.Rows.Batch()) }))
}

// checkCRFMarginals: emissions, transitions, start, end, keep? -> marginals [R,C].
func checkCRFMarginals(c *Call) error {
	return all(only(c, 1, 5), checkCRF(c, 4), wantSame("marginals", &c.Dst[0], &c.Src[0]))
}

func gradCRF(g Grads, c *Call) error {
	dy, want, err := g.Of(c.Dst[0])
	if err != nil || !want {
		return err
	}
	d, any, err := wanted(g, c.Src[:4]...)
	if err != nil || !any {
		return err
	}
	return Exec(g, Call{Op: OpCRFLogLikelihoodBackward, Dst: dst(d[:4]...),
		Src: src(c.Dst[1], c.Src[1], c.Src[3], c.Src[4], c.Src[5], dy), Rows: c.Rows, Accum: true})
}
