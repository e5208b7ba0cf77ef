package kernels

import (
	"github.com/cephalo-ml/cephalo/shaders"
	"github.com/cephalo-ml/cephalo/tensor"
)

const (
	crfGroup     = 64 // WG, invocations of a workgroup that takes a sequence
	crfWideGroup = 256
	crfWide      = 64 // tags past which it is the wide one

	// crfTurns is the number of turns of all loops that a dispatch takes, about: a
	// software renderer ends every loop of an invocation at 65,535, without a word, and
	// systems end what runs for seconds.
	crfTurns = 40000

	crfBlock = 2048 // rows whose gradients are summed one by one, about
)

// chain is what the kernels of a CRF share: n tags, the scores in one matrix, tags and
// keep where they are given.
type chain struct {
	s          *stream
	l          *tensor.Layout
	n          int
	m          operand
	tags, keep operand
}

// chain calls fn with the scores side by side, as crf.wgsl has them: bindings are few.
// start may be absent.
func (s *stream) chain(l *tensor.Layout, transitions, end, start, tags, keep tensor.Tensor, fn func(c *chain) error) error {
	n := transitions.Dim(0)
	return s.withTemp(tensor.Of(tensor.F32, n+2, n), func(m tensor.Tensor) error {
		if err := s.copy(transitions, rowsAt(m, 0, n)); err != nil {
			return err
		}
		if err := s.copy(end, rowAt(m, n)); err != nil {
			return err
		}
		if start.Present() {
			if err := s.copy(start, rowAt(m, n+1)); err != nil {
				return err
			}
		}
		return fn(&chain{s, l, n, flat(m), axis0(tags), axis0(keep)})
	})
}

// rowsAt are n rows of a dense matrix from lo on, rowAt is row i as a vector.
func rowsAt(m tensor.Tensor, lo, n int) tensor.Tensor {
	m.Off += 4 * int64(lo) * int64(m.Stride)
	m.Shape[0] = int32(n)
	return m
}

func rowAt(m tensor.Tensor, i int) tensor.Tensor {
	m.Off += 4 * int64(i) * int64(m.Stride)
	m.Spec, m.Stride = tensor.Of(tensor.F32, m.Dim(1)), 1
	return m
}

// run dispatches a kernel that takes a sequence with each workgroup, piece by piece, see
// crf_walk.wgsl. rows are its operands that have the layout's rows, seqs one that has a
// row for each sequence.
func (c *chain) run(file string, rows []operand, seqs operand, operands func(at span) []operand, consts ...shaders.Const) error {
	k := kernelOf(file, append([]shaders.Const{set("WG", c.group()), setIf("KEEP", c.keep.present())}, consts...)...)
	return c.s.spans(c.l, rows, seqs, func(at span) error {
		ops := operands(at)
		return c.pieces(c.steps(), func(step int) error { return c.dispatch(k, at.seqs, ops, at, step, c.steps()) })
	})
}

func (c *chain) group() int {
	if c.n > crfWide {
		return crfWideGroup
	}
	return crfGroup
}

// steps is how many rows of a sequence a dispatch takes. A row takes up to 2 loops over
// all tags, and 3 for each tag of an invocation.
func (c *chain) steps() int {
	return max(crfTurns/(2*c.n+(3*c.n+4)*groupsOf(c.n, c.group())), 1)
}

// pieces calls fn with the first row of each piece of the longest sequence.
func (c *chain) pieces(steps int, fn func(step int) error) error {
	for step := 0; step == 0 || step < c.l.MaxLen(); step += steps {
		if err := fn(step); err != nil {
			return err
		}
	}
	return nil
}

func (c *chain) dispatch(k kernel, groups int, ops []operand, at span, step, steps int) error {
	return c.s.dispatch(k, groups, ops, u32(c.n), u32(c.l.Batch()), u32(c.l.Rows()),
		u32(at.seqs), u32(at.seq), u32(at.row), u32(step), u32(steps))
}

// forward makes alphas and, with tags, log-likelihoods.
func (c *chain) forward(x, alphas, llh operand) error {
	return c.run("crf_log_likelihood", []operand{x, c.tags, c.keep, alphas}, llh, func(at span) []operand {
		return []operand{at.rowsOf(x), c.m, at.rowsOf(c.tags), at.rowsOf(c.keep), layout(c.l), at.rowsOf(alphas), at.seqsOf(llh)}
	}, setIf("TAGS", c.tags.present()))
}

// marginals makes q.
func (c *chain) marginals(alphas, q operand) error {
	return c.run("crf_marginals", []operand{alphas, c.tags, c.keep, q}, operand{}, func(at span) []operand {
		return c.backward(alphas, q, operand{}, at)
	}, setIf("TAGS", c.tags.present()), setIf("SCORES", false))
}

// backward are the operands of crf_marginals.
func (c *chain) backward(alphas, q, g operand, at span) []operand {
	return []operand{at.rowsOf(alphas), c.m, at.rowsOf(c.tags), at.rowsOf(c.keep), layout(c.l), at.rowsOf(q), at.seqsOf(g)}
}

// gradients makes q and in g the gradients of each sequence's log-likelihood by the
// scores. Those of a long sequence are summed block by block, and then the blocks:
// a sum of that many terms one by one loses digits.
func (c *chain) gradients(alphas, q operand, g tensor.Tensor) error {
	if err := c.s.fill(g, f32(0)); err != nil {
		return err
	}
	k := kernelOf("crf_marginals", set("WG", c.group()), setIf("KEEP", c.keep.present()), setIf("TAGS", true), setIf("SCORES", true))
	of := func(g operand, step int) error {
		return c.s.spans(c.l, []operand{alphas, c.tags, c.keep, q}, g, func(at span) error {
			return c.dispatch(k, at.seqs, c.backward(alphas, q, g, at), at, step, c.steps())
		})
	}
	block := c.steps() * max(crfBlock/c.steps(), 1)
	if c.l.MaxLen() <= block {
		return c.pieces(c.steps(), func(step int) error { return of(flat(g), step) })
	}
	return c.s.withTemp(g.Spec, func(part tensor.Tensor) error {
		return c.pieces(block, func(first int) error {
			if err := c.s.fill(part, f32(0)); err != nil {
				return err
			}
			for step := first; step < min(first+block, c.l.MaxLen()); step += c.steps() {
				if err := of(flat(part), step); err != nil {
					return err
				}
			}
			return c.s.eachElement("scale", elements(part, g), []uint32{f32(1), f32(0)}, setIf("ACCUM", true))
		})
	})
}

// crfLogLikelihood writes the results of sequences into memory of its own: alphas may
// lie in the buffer of the result. So it does with alphas where nobody asks for them.
func crfLogLikelihood(s *stream, c *tensor.Call) error {
	x, alphas := flat(c.Src[0]), c.Dst[1]
	if !alphas.Present() {
		buf, err := s.temp(max(c.Src[0].Bytes(), 4))
		if err != nil {
			return err
		}
		defer s.Free(buf)
		alphas = tensor.View(buf, c.Src[0].Spec)
	} else if err := s.fill(alphas, f32(0)); err != nil {
		return err
	}
	return s.chain(c.Rows, c.Src[1], c.Src[3], c.Src[2], c.Src[4], c.Src[5], func(ch *chain) error {
		return s.withTemp(tensor.Of(tensor.F32, c.Rows.Batch()), func(llh tensor.Tensor) error {
			if err := ch.forward(x, flat(alphas), axis0(llh)); err != nil {
				return err
			}
			return s.copy(llh, c.Dst[0])
		})
	})
}

func crfMarginals(s *stream, c *tensor.Call) error {
	if err := s.fill(c.Dst[0], f32(0)); err != nil {
		return err
	}
	return s.chain(c.Rows, c.Src[1], c.Src[3], c.Src[2], tensor.Tensor{}, c.Src[4], func(ch *chain) error {
		return s.withTemp(c.Src[0].Spec, func(alphas tensor.Tensor) error {
			if err := ch.forward(flat(c.Src[0]), flat(alphas), operand{}); err != nil {
				return err
			}
			return ch.marginals(flat(alphas), flat(c.Dst[0]))
		})
	})
}

// crfBackward makes the marginals and the gradients of each sequence by the scores, then
// weighs them with dLLH.
func crfBackward(s *stream, c *tensor.Call) error {
	alphas, dy := flat(c.Src[0]), axis0(c.Src[5])
	scores := c.Dst[1].Present() || c.Dst[2].Present() || c.Dst[3].Present()
	return s.chain(c.Rows, c.Src[1], c.Src[2], tensor.Tensor{}, c.Src[3], c.Src[4], func(ch *chain) error {
		return s.withTemp(c.Src[0].Spec, func(q tensor.Tensor) error {
			if !scores {
				if err := ch.marginals(alphas, flat(q)); err != nil {
					return err
				}
				return ch.emissions(flat(q), dy, c)
			}
			return s.withTemp(tensor.Of(tensor.F32, c.Rows.Batch(), (ch.n+2)*ch.n), func(g tensor.Tensor) error {
				if err := ch.gradients(alphas, flat(q), g); err != nil {
					return err
				}
				if err := ch.emissions(flat(q), dy, c); err != nil {
					return err
				}
				return ch.sums(flat(g), dy, c)
			})
		})
	})
}

// emissions is the gradient of the emissions, where it is asked for.
func (c *chain) emissions(q, dy operand, call *tensor.Call) error {
	dx := flat(call.Dst[0])
	if !dx.present() {
		return nil
	}
	k := kernelOf("crf_emissions", set("WG", elementGroup), set("PER", perInvocation), setIf("KEEP", c.keep.present()), setIf("TAGS", true), setIf("ACCUM", call.Accum))
	return c.s.rowSpans(c.l, []operand{dx, q, c.tags, c.keep}, func(part []operand, at span) error {
		ops := [...]operand{part[1], part[2], part[3], layout(c.l), at.seqsOf(dy), part[0]}
		return c.s.dispatch(k, groupsOf(at.rows*c.n, elementGroup*perInvocation), ops[:],
			u32(at.rows), u32(c.n), u32(c.l.Batch()), u32(c.l.Rows()), u32(at.seq), u32(at.row))
	})
}

// sums adds up the gradients of the scores over the sequences and moves them to where
// they are asked for.
func (c *chain) sums(g, dy operand, call *tensor.Call) error {
	return c.s.withTemp(tensor.Of(tensor.F32, c.n+2, c.n), func(sum tensor.Tensor) error {
		line := operand{buf: sum.Buf.(*buffer), rows: 1, cols: g.cols, inner: 1, stride: g.cols, step: 1}
		if err := c.s.sumRows(sumWeighted, g, operand{}, dy, line, false); err != nil {
			return err
		}
		for i, part := range [...]tensor.Tensor{rowsAt(sum, 0, c.n), rowAt(sum, c.n+1), rowAt(sum, c.n)} { // transitions, start, end
			to := call.Dst[1+i]
			if !to.Present() {
				continue
			}
			if err := c.s.eachElement("scale", elements(part, to), []uint32{f32(1), f32(0)}, setIf("ACCUM", call.Accum)); err != nil {
				return err
			}
		}
		return nil
	})
}

// path follows the best tags back; a row takes a turn.
func (c *chain) path(back, d, path operand) error {
	k := kernelOf("crf_path", set("WG", elementGroup), setIf("KEEP", c.keep.present()))
	return c.s.spans(c.l, []operand{c.keep, back, path}, d, func(at span) error {
		ops := []operand{c.m, at.rowsOf(c.keep), layout(c.l), at.rowsOf(back), at.seqsOf(d), at.rowsOf(path)}
		return c.pieces(crfTurns, func(step int) error {
			return c.dispatch(k, groupsOf(at.seqs, elementGroup), ops, at, step, crfTurns)
		})
	})
}

// crfViterbi writes the scores into memory of its own: they may lie in the buffer of
// the path.
func crfViterbi(s *stream, c *tensor.Call) error {
	x, path, none := flat(c.Src[0]), axis0(c.Dst[0]), int32(-1)
	if err := s.fill(c.Dst[0], i32(none)); err != nil {
		return err
	}
	return s.chain(c.Rows, c.Src[1], c.Src[3], c.Src[2], tensor.Tensor{}, c.Src[4], func(ch *chain) error {
		return s.withTemp(c.Src[0].Spec, func(pointers tensor.Tensor) error {
			return s.withTemp(tensor.Of(tensor.F32, c.Rows.Batch(), ch.n), func(state tensor.Tensor) error {
				return s.withTemp(tensor.Of(tensor.F32, c.Rows.Batch()), func(score tensor.Tensor) error {
					back, d, best := flat(pointers), flat(state), axis0(score)
					err := ch.run("crf_viterbi", []operand{x, ch.keep, back}, d, func(at span) []operand {
						return []operand{at.rowsOf(x), ch.m, at.rowsOf(ch.keep), layout(c.Rows), at.rowsOf(back), at.seqsOf(d), at.seqsOf(best)}
					})
					if err == nil {
						err = ch.path(back, d, path)
					}
					if err != nil || !c.Dst[1].Present() {
						return err
					}
					return s.copy(score, c.Dst[1])
				})
			})
		})
	})
}
