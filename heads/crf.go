package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// crf is the linear-chain conditional random field of a head that tags (spec 4.3).
type crf struct {
	tensor.CRF
	rules     *rules // nil: every path is allowed
	tokenMean bool
}

func newCRF(b *nn.Builder, cfg TaskConfig, opt Options) *crf {
	n := cfg.NumClasses
	if n > tensor.MaxTags {
		b.Fail(fmt.Errorf("head %q: crf: %d classes, at most %d: %w", cfg.Name, n, tensor.MaxTags, tensor.ErrUnsupported))
		return nil
	}
	c := &crf{tokenMean: opt.TokenMean}
	if opt.CRFConstraints {
		var err error
		if c.rules, err = newRules(cfg.Labels); err != nil {
			b.Fail(fmt.Errorf("head %q: %w", cfg.Name, err))
			return nil
		}
	}
	init := nn.Uniform(-0.1, 0.1)
	cb := b.At("crf")
	c.Transitions, c.Start, c.End = cb.Param("transitions", init, n, n), cb.Param("start", init, n), cb.Param("end", init, n)
	return c
}

// params are the parameters with the rules added; free drops what that made.
func (c *crf) params(s *tensor.Scope) (p tensor.CRF, free func(), err error) {
	p, free = c.CRF, func() {}
	if c.rules == nil {
		return p, free, nil
	}
	n := len(c.rules.labels)
	if p.Transitions, err = addHost(s, p.Transitions, c.rules.transitions, n, n); err != nil {
		return p, free, err
	}
	if p.Start, err = addHost(s, p.Start, c.rules.start, n); err != nil {
		return p, free, err
	}
	p.End, err = addHost(s, p.End, c.rules.end, n)
	return p, func() { tensor.FreeAll(s, p.Transitions, p.Start, p.End) }, err
}

// addHost is x plus values of its shape from the host.
func addHost(s *tensor.Scope, x tensor.Tensor, v []float32, shape ...int) (tensor.Tensor, error) {
	t, err := tensor.Upload(s, v, shape...)
	if err != nil {
		return t, err
	}
	defer s.Free(t.Buf)
	return tensor.Add(s, x, t)
}

// uploadRows puts one number for each row on the stream; nil is an absent operand.
func uploadRows(s *tensor.Scope, v []int32) (tensor.Tensor, error) {
	if v == nil {
		return tensor.Tensor{}, nil
	}
	return tensor.Upload(s, v, len(v))
}

// with runs fn on the parameters and on the rows that take part.
func (c *crf) with(s *tensor.Scope, taken []int32, fn func(p tensor.CRF, keep tensor.Tensor) error) error {
	p, free, err := c.params(s)
	if err != nil {
		return err
	}
	defer free()
	keep, err := uploadRows(s, taken)
	if err != nil {
		return err
	}
	defer tensor.FreeAll(s, keep)
	return fn(p, keep)
}

// decode is the best path: predictions I32 [R], -1 where a row takes no part, and
// their scores [B].
func (c *crf) decode(s *tensor.Scope, logits tensor.Tensor, rows *tensor.Layout, taken []int32) (path, score tensor.Tensor, err error) {
	err = c.with(s, taken, func(p tensor.CRF, keep tensor.Tensor) (err error) {
		path, score, err = tensor.CRFViterbi(s, logits, p, keep, rows)
		return err
	})
	return path, score, err
}

// loss is the mean of log Z - score over the sequences, or over the tokens, that
// take part: [1], 0 of none. labels are classes by row.
func (c *crf) loss(s *tensor.Scope, logits tensor.Tensor, rows *tensor.Layout, labels, taken []int32) (loss tensor.Tensor, err error) {
	gold, count, err := c.gold(rows, labels, taken, logits.Dim(1))
	if err != nil {
		return loss, err
	}
	tags, err := uploadRows(s, gold)
	if err != nil {
		return loss, err
	}
	defer tensor.FreeAll(s, tags)
	err = c.with(s, nil, func(p tensor.CRF, _ tensor.Tensor) error {
		llh, err := tensor.CRFLogLikelihood(s, logits, p, tags, tensor.Tensor{}, rows)
		if err != nil {
			return err
		}
		defer s.Free(llh.Buf)
		sum, err := tensor.SumCols(s, llh)
		if err != nil {
			return err
		}
		defer s.Free(sum.Buf)
		loss, err = tensor.Scale(s, sum, -1/float32(max(count, 1)), 0)
		return err
	})
	return loss, err
}

// ignored is the label that does not count, in Hugging Face's data and PyTorch.
const ignored = tensor.IgnoreIndex

// gold checks labels by row: those of the rows that take part, and ignored in all
// others; count is what the loss is divided by. Without a tag mask (taken nil) a
// label says itself whether it takes part.
func (c *crf) gold(rows *tensor.Layout, labels, taken []int32, classes int) (gold []int32, count int, err error) {
	gold = make([]int32, len(labels))
	for i := range gold {
		gold[i] = ignored
	}
	for seq, lo := range rows.Start {
		tokens, before, last := 0, -1, lo
		for row := lo; row < lo+rows.Len[seq]; row++ {
			y := labels[row]
			if (taken != nil && taken[row] == 0) || (taken == nil && y == ignored) {
				continue
			}
			if y < 0 || int(y) >= classes {
				return nil, 0, fmt.Errorf("labels of sequence %d, column %d: %d takes part, want 0 to %d: %w", seq, rows.Pos[row], y, classes-1, ErrInputFormat)
			}
			if why := c.rules.forbids(before, int(y)); why != "" {
				return nil, 0, fmt.Errorf("labels of sequence %d, column %d: %s: %w", seq, rows.Pos[row], why, ErrInputFormat)
			}
			gold[row], before, last = y, int(y), row
			tokens++
		}
		if why := c.rules.forbidsEnd(before); why != "" {
			return nil, 0, fmt.Errorf("labels of sequence %d, column %d: %s: %w", seq, rows.Pos[last], why, ErrInputFormat)
		}
		if !c.tokenMean {
			tokens = min(tokens, 1)
		}
		count += tokens
	}
	return gold, count, nil
}
