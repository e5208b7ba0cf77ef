package cephalo

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
)

// Text is one input: a text, or a pair of texts. The zero Pair is no pair; an
// empty second text still makes one.
type Text struct {
	Text string
	Pair *string
	// Targets are the places in Text, in bytes, that a head is asked about:
	// predicates, words, entities. The others do not read them.
	Targets []Span
	Err     error // an input that could not be read: its place gets this error
}

// InputError is the error of one input among many; the others are not touched.
type InputError struct {
	Index int // in the order of the input, from 0
	Err   error
}

func (e *InputError) Error() string { return fmt.Sprintf("input %d: %v", e.Index, e.Err) }
func (e *InputError) Unwrap() error { return e.Err }

// sequence is one window of token ids on its way through the encoder, which sees
// it once a batch however many asks share it.
type sequence struct{ ids, types []int32 }

// pack makes a batch of sequences.
func pack(seqs []*sequence) (*encoders.Batch, error) {
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

// ask is what a head reads of one window of an input.
type ask struct {
	task    *task          // nil where the forward pass runs no head
	seqs    []*sequence    // one, or both sides of a pair
	words   []int32        // per token: 1 where a word begins; nil: every token
	targets []heads.Target // places in the sequence; Seq is 0
	keep    int            // of the targets that go on to the second stage (coreference)
}

// rows is what the ask costs the head.
func (a ask) rows() int {
	n := len(a.targets)
	for _, s := range a.seqs {
		n = max(n, len(s.ids))
	}
	return n
}

// output is what came of an ask, on the host; a kind of head sets what it gives.
type output struct {
	vector     []float32   // logits of the sequence, an embedding
	rows       [][]float32 // logits of its tokens, or of the targets
	path       []int32     // predictions of its tokens
	start, end []float32   // logits of its tokens
	score      float64     // of a pair
	arcs       []heads.Arc // of its tree
	clusters   [][][2]int  // of its mentions, columns
	err        error       // the numbers are none that a result could be made of
}

// check notes numbers that are NaN or infinite: comparing them would make a result
// out of nothing.
func (o *output) check(of string) {
	numbers := append([][]float32{o.vector, o.start, o.end, {float32(o.score)}}, o.rows...)
	for _, v := range numbers {
		for _, x := range v {
			if o.err == nil && !(math.Abs(float64(x)) <= math.MaxFloat32) {
				o.err = fmt.Errorf("%s gives %v for this input: the weights, or what they are multiplied with, are out of range", of, x)
				return
			}
		}
	}
}

// work is one input, prepared: what is asked, and how to make a result of it.
type work[R any] struct {
	asks   []ask
	finish func(outs []output) (R, error)
}

// oneAsk is the work of one ask.
func oneAsk[R any](a ask, finish func(output) (R, error)) work[R] {
	return work[R]{asks: []ask{a}, finish: func(outs []output) (R, error) { return finish(outs[0]) }}
}

// pass collects asks until they are a batch.
type pass struct {
	asks   []ask
	seqs   map[*sequence]bool
	rows   map[*task]int
	tokens int
}

func (p *pass) reset() {
	p.asks, p.tokens = p.asks[:0], 0
	p.seqs, p.rows = map[*sequence]bool{}, map[*task]int{}
}

// rowsOfTokens is how many rows a head may compute for each token of a full batch,
// where many asks share a sequence.
const rowsOfTokens = 4

// fits says whether the ask may join the batch. One whose sequences are in it
// already costs the encoder nothing.
func (p *pass) fits(a ask, o options) bool {
	if len(p.asks) == 0 {
		return true
	}
	if rows := p.rows[a.task]; rows > 0 && rows+a.rows() > rowsOfTokens*o.maxTokens {
		return false
	}
	n, tokens := 0, 0
	for _, s := range a.seqs {
		if !p.seqs[s] {
			n, tokens = n+1, tokens+len(s.ids)
		}
	}
	return n == 0 || len(p.seqs)+n <= max(o.batch, n) && p.tokens+tokens <= o.maxTokens
}

func (p *pass) add(a ask) {
	p.asks = append(p.asks, a)
	p.rows[a.task] += a.rows()
	for _, s := range a.seqs {
		if !p.seqs[s] {
			p.seqs[s] = true
			p.tokens += len(s.ids)
		}
	}
}

// pipeline runs inputs through prepare, forward and finish: batches by number and
// by tokens, results in the order of the input, one stream a batch. An input that
// cannot be prepared or finished gives an *InputError in its place; a failing
// batch or a cancelled context ends the sequence with its error.
func pipeline[I, R any](ctx context.Context, m *Model, inputs iter.Seq[I],
	prepare func(I) (work[R], error),
	forward func(ctx context.Context, asks []ask) ([]output, error),
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
		index := 0
		type entry struct {
			work[R]
			index int
			err   error
			need  int // outputs still to come
			got   []output
		}
		var queue []*entry // inputs whose result is not out, in order
		var owners []*entry
		var batch pass
		batch.reset()
		flush := func() bool {
			if len(batch.asks) > 0 {
				outs, err := forward(ctx, batch.asks)
				if err != nil {
					yield(zero, err)
					return false
				}
				for i, o := range outs {
					e := owners[i]
					e.got = append(e.got, o)
					e.need--
					if e.err == nil {
						e.err = o.err
					}
				}
				owners = owners[:0]
				batch.reset()
			}
			for len(queue) > 0 && queue[0].need == 0 {
				e := queue[0]
				queue = queue[1:]
				var r R
				err := e.err
				if err == nil {
					r, err = e.finish(e.got)
				}
				if err != nil && ctx.Err() != nil {
					yield(zero, ctx.Err())
					return false
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
			if e.err == nil {
				e.err = m.tooLong(e.asks)
			}
			if e.err == nil {
				e.need = len(e.asks)
			}
			queue = append(queue, e)
			for range e.need {
				a := e.asks[0]
				e.asks = e.asks[1:]
				if !batch.fits(a, m.opt) && !flush() {
					return
				}
				batch.add(a)
				owners = append(owners, e)
			}
			ready := len(batch.asks) == 0 && queue[0].need == 0 // nothing to wait for
			if ready || len(batch.seqs) >= m.opt.batch || len(queue) >= m.opt.batch || (m.opt.idle != nil && m.opt.idle()) {
				if !flush() {
					return
				}
			}
		}
		flush()
	}
}

// tooLong refuses what has more tokens than the encoder has positions.
func (m *Model) tooLong(asks []ask) error {
	longest := m.encoder.Config().MaxTokens
	for _, a := range asks {
		for _, s := range a.seqs {
			if len(s.ids) > longest {
				return fmt.Errorf("%d tokens, the model has %d positions", len(s.ids), longest)
			}
		}
	}
	return nil
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

// one is the options of a call, which are given once or left out.
func one[O any](opts []O) (o O, err error) {
	switch len(opts) {
	case 0:
	case 1:
		o = opts[0]
	default:
		err = fmt.Errorf("%d values of options, want at most one", len(opts))
	}
	return o, err
}

// failed is a sequence of one error.
func failed[R any](err error) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) { var zero R; yield(zero, err) }
}

// textsOf are plain texts as inputs.
func textsOf(texts []string) iter.Seq[Text] {
	return func(yield func(Text) bool) {
		for _, t := range texts {
			if !yield(Text{Text: t}) {
				return
			}
		}
	}
}

// distinct are the sequences of asks, each once, in order.
func distinct(asks []ask) (seqs []*sequence, at map[*sequence]int) {
	at = map[*sequence]int{}
	for _, a := range asks {
		for _, s := range a.seqs {
			if _, ok := at[s]; !ok {
				at[s] = len(seqs)
				seqs = append(seqs, s)
			}
		}
	}
	return seqs, at
}

// shareSequences lets asks of one input that read the same tokens share a sequence, and
// puts them side by side, so that a batch holds all of them. It gives the place of
// each of the asks in the new order.
func shareSequences(asks []ask) (shared []ask, at []int) {
	var seqs []*sequence
	first := make([]int, len(asks))
	for i := range asks {
		asks[i].seqs = slices.Clone(asks[i].seqs)
		for j, s := range asks[i].seqs {
			k := slices.IndexFunc(seqs, func(o *sequence) bool { return slices.Equal(o.ids, s.ids) && slices.Equal(o.types, s.types) })
			if k < 0 {
				k, seqs = len(seqs), append(seqs, s)
			}
			asks[i].seqs[j] = seqs[k]
			if j == 0 {
				first[i] = k
			}
		}
	}
	order := make([]int, len(asks))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return first[a] - first[b] })
	shared, at = make([]ask, len(asks)), make([]int, len(asks))
	for to, from := range order {
		shared[to], at[from] = asks[from], to
	}
	return shared, at
}
