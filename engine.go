package cephalo

import (
	"context"
	"fmt"
	"iter"

	"github.com/cephalo-ml/cephalo/encoders"
)

// Text is one input: a text, or a pair of texts. The zero Pair is no pair; an
// empty second text still makes one.
type Text struct {
	Text string
	Pair *string
	Err  error // an input that could not be read: its place gets this error
}

// InputError is the error of one input among many; the others are not touched.
type InputError struct {
	Index int // in the order of the input, from 0
	Err   error
}

func (e *InputError) Error() string { return fmt.Sprintf("input %d: %v", e.Index, e.Err) }
func (e *InputError) Unwrap() error { return e.Err }

// sequence is one window of token ids on its way through the encoder.
type sequence struct{ ids, types []int32 }

// pack makes a batch of sequences.
func pack(seqs []sequence) (*encoders.Batch, error) {
	ids, types := make([][]int32, len(seqs)), make([][]int32, len(seqs))
	any := false
	for i, s := range seqs {
		ids[i], types[i] = s.ids, s.types
		any = any || s.types != nil
	}
	if !any {
		types = nil
	}
	return encoders.PackBatch(ids, types)
}

// work is one input, prepared: its windows, and how to make its result of theirs.
type work[W, R any] struct {
	seqs   []sequence
	finish func(windows []W) (R, error)
}

// pipeline runs inputs through prepare, forward and finish: batches by number and
// by tokens, results in the order of the input, one stream a batch. An input that
// cannot be prepared or finished gives an *InputError in its place; a failing
// batch or a cancelled context ends the sequence with its error.
func pipeline[I, W, R any](ctx context.Context, m *Model, inputs iter.Seq[I],
	prepare func(I) (work[W, R], error),
	forward func(ctx context.Context, seqs []sequence) ([]W, error),
) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var zero R
		done, err := m.use()
		if err != nil {
			yield(zero, err)
			return
		}
		defer done()
		if m.tokenizer == nil {
			yield(zero, fmt.Errorf("no tokenizer: %w", m.noTok))
			return
		}
		index, longest := 0, m.encoder.Config().MaxTokens
		type entry struct {
			work[W, R]
			index int
			err   error
			need  int // windows still to come
			got   []W
		}
		var queue []*entry // inputs whose result is not out, in order
		var waiting []sequence
		var owners []*entry
		tokens := 0
		flush := func() bool {
			if len(waiting) > 0 {
				out, err := forward(ctx, waiting)
				if err != nil {
					yield(zero, err)
					return false
				}
				for i, w := range out {
					owners[i].got = append(owners[i].got, w)
					owners[i].need--
				}
				waiting, owners, tokens = waiting[:0], owners[:0], 0
			}
			for len(queue) > 0 && queue[0].need == 0 {
				e := queue[0]
				queue = queue[1:]
				var r R
				err := e.err
				if err == nil {
					r, err = e.finish(e.got)
				}
				if err != nil {
					err = &InputError{Index: e.index, Err: err}
				}
				if !yield(r, err) {
					return false
				}
			}
			return true
		}
		for in := range inputs {
			if err := ctx.Err(); err != nil {
				yield(zero, err)
				return
			}
			e := &entry{index: index}
			index++
			e.work, e.err = prepare(in)
			for _, s := range e.seqs {
				if len(s.ids) > longest && e.err == nil {
					e.err = fmt.Errorf("%d tokens, the model has %d positions", len(s.ids), longest)
				}
			}
			if e.err == nil {
				e.need = len(e.seqs)
			}
			queue = append(queue, e)
			for range e.need {
				s := e.seqs[0]
				e.seqs = e.seqs[1:]
				if len(waiting) >= m.opt.batch || (len(waiting) > 0 && tokens+len(s.ids) > m.opt.maxTokens) {
					if !flush() {
						return
					}
				}
				waiting, owners = append(waiting, s), append(owners, e)
				tokens += len(s.ids)
			}
			if len(waiting) >= m.opt.batch || len(queue) >= m.opt.batch || (m.opt.idle != nil && m.opt.idle()) {
				if !flush() {
					return
				}
			}
		}
		flush()
	}
}

// all collects a sequence of results; the first error ends it.
func all[R any](seq iter.Seq2[R, error]) ([]R, error) {
	out := []R{}
	for r, err := range seq {
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
