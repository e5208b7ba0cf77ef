package cephalo

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// Question is a question about a context.
type Question struct {
	Question, Context string
	Err               error // an input that could not be read: its place gets this error
}

// AnswerSpan is a slice of the context: Context[Start:End] is Answer, in bytes.
// The empty answer has Start = End = 0.
type AnswerSpan struct {
	Answer     string
	Score      float64
	Start, End int
}

// AnswerOptions are the rare knobs of Answer.
type AnswerOptions struct {
	TopK            int    // answers a question; 0: the best one
	MaxAnswerLength int    // tokens; 0: 15
	Window          int    // tokens of a window; 0: 384, at most the model's limit
	Overlap         int    // tokens that neighbouring windows share; 0: 128, at most half a window
	NoAnswer        bool   // the empty answer competes
	OnLong          string // context longer than a window: window (default), truncate or error
}

// The defaults of Hugging Face's question answering pipeline.
const (
	defaultAnswerLength = 15
	defaultWindow       = 384
	defaultOverlap      = 128
)

// Answer answers questions, in order: for each the best spans by score.
func (m *Model) Answer(ctx context.Context, questions []Question, opts ...AnswerOptions) ([][]AnswerSpan, error) {
	o, err := one(opts)
	if err != nil {
		return nil, err
	}
	return all(m.AnswerSeq(ctx, slices.Values(questions), o))
}

// AnswerSeq answers questions as they come. Long contexts are read in overlapping
// windows.
func (m *Model) AnswerSeq(ctx context.Context, questions iter.Seq[Question], o AnswerOptions) iter.Seq2[[]AnswerSpan, error] {
	t, err := m.task(heads.KindQuestionAnswering)
	if err != nil {
		return failed[[]AnswerSpan](err)
	}
	prepare, err := m.answerer(t, o)
	if err != nil {
		return failed[[]AnswerSpan](err)
	}
	return pipeline(ctx, m, questions, prepare, m.answer)
}

// answerer prepares questions for a head of spans.
func (m *Model) answerer(t *task, o AnswerOptions) (func(Question) (work[[]AnswerSpan], error), error) {
	if o.TopK < 0 || o.MaxAnswerLength < 0 || o.Window < 0 || o.Overlap < 0 {
		return nil, fmt.Errorf("top-k %d, answer length %d, window %d, overlap %d: want 0 or more", o.TopK, o.MaxAnswerLength, o.Window, o.Overlap)
	}
	if err := (Length{OnLong: o.OnLong}).check(true); err != nil {
		return nil, err
	}
	if o.TopK == 0 {
		o.TopK = 1
	}
	if o.MaxAnswerLength == 0 {
		o.MaxAnswerLength = defaultAnswerLength
	}
	return func(q Question) (work[[]AnswerSpan], error) {
		windows, err := m.questionWindows(q, o)
		if err != nil {
			return work[[]AnswerSpan]{}, err
		}
		w := work[[]AnswerSpan]{finish: func(outs []output) ([]AnswerSpan, error) {
			return m.answers(q.Context, windows, outs, o), nil
		}}
		for _, e := range windows {
			w.asks = append(w.asks, ask{task: t, seqs: []*sequence{m.sequenceOf(e)}})
		}
		return w, nil
	}, nil
}

// questionWindows are the windows of question and context; the context alone is cut.
func (m *Model) questionWindows(q Question, o AnswerOptions) ([]*tokenizers.Encoding, error) {
	switch {
	case q.Err != nil:
		return nil, q.Err
	case strings.TrimSpace(q.Question) == "":
		return nil, fmt.Errorf("question is empty")
	case strings.TrimSpace(q.Context) == "":
		return nil, fmt.Errorf("context is empty")
	case m.tokenizer == nil:
		return nil, fmt.Errorf("no tokenizer: %w", m.noTok)
	}
	size := m.limit(0)
	if want := o.Window; want > 0 {
		size = min(size, want)
	} else {
		size = min(size, defaultWindow)
	}
	overlap := o.Overlap
	bare, err := m.tokenizer.EncodePair(q.Question, "", tokenizers.Options{})
	if err != nil {
		return nil, err
	}
	room := size - len(bare.IDs)
	if room < 1 {
		return nil, fmt.Errorf("question of %d tokens leaves no room for the context in a window of %d", len(bare.IDs), size)
	}
	if overlap == 0 {
		overlap = min(defaultOverlap, room/2)
	}
	if overlap >= room {
		return nil, fmt.Errorf("overlap %d leaves no progress: a window has room for %d tokens of the context", overlap, room)
	}
	e, err := m.tokenizer.EncodePair(q.Question, q.Context, tokenizers.Options{MaxLength: size, Overlap: overlap, TruncationStrategy: "only_second", TruncationSide: "right"})
	if err != nil {
		return nil, err
	}
	switch {
	case len(e.Overflow) > 0 && o.OnLong == LongError:
		return nil, fmt.Errorf("question and context are longer than %d tokens", size)
	case o.OnLong == LongTruncate:
		return []*tokenizers.Encoding{e}, nil
	}
	return append([]*tokenizers.Encoding{e}, e.Overflow...), nil
}

// answers are the best spans over all windows (spec of the neighbours: the
// softmax runs over the context and the first special token of each window, the
// score of a span is the product of its ends').
func (m *Model) answers(text string, windows []*tokenizers.Encoding, out []output, o AnswerOptions) []AnswerSpan {
	cls := m.tokenizer.SpecialTokens().CLSID
	best := map[tokenizers.Span]float64{} // by logarithm: a score may be too small for a number
	null := math.Inf(1)
	for w, e := range windows {
		start, end, blank := spanScores(e, cls, out[w])
		null = math.Min(null, blank)
		for i := range start {
			if e.Sequence[i] != 1 {
				continue
			}
			for j := i; j < len(end) && j < i+o.MaxAnswerLength; j++ {
				if e.Sequence[j] != 1 {
					break
				}
				sp := wordSpan(e, i, j)
				if old, ok := best[sp]; !ok || start[i]+end[j] > old {
					best[sp] = start[i] + end[j]
				}
			}
		}
	}
	var all []AnswerSpan
	for sp, p := range best {
		all = append(all, AnswerSpan{Answer: text[sp.Start:sp.End], Score: p, Start: sp.Start, End: sp.End})
	}
	if o.NoAnswer && !math.IsInf(null, 1) {
		all = append(all, AnswerSpan{Score: null})
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i], all[j]
		switch {
		case a.Score != b.Score:
			return a.Score > b.Score
		case a.Start != b.Start:
			return a.Start < b.Start
		}
		return a.End < b.End
	})
	all = all[:min(len(all), o.TopK)]
	for i := range all {
		all[i].Score = math.Exp(all[i].Score)
	}
	return all
}

// spanScores are the logarithms of the probabilities of each token as start and as
// end, and that of no answer.
func spanScores(e *tokenizers.Encoding, cls int32, out output) (start, end []float64, null float64) {
	start, end = make([]float64, len(e.IDs)), make([]float64, len(e.IDs))
	at := -1
	null = math.Inf(-1) // impossible, where there is no such token
	for i := range e.IDs {
		start[i], end[i] = math.Inf(-1), math.Inf(-1)
		first := at < 0 && e.Special[i] && e.IDs[i] == cls
		if first {
			at = i
		}
		if e.Sequence[i] == 1 || first {
			start[i], end[i] = float64(out.start[i]), float64(out.end[i])
		}
	}
	logSoftmax(start)
	logSoftmax(end)
	if at >= 0 {
		null = start[at] + end[at]
	}
	return start, end, null
}

// wordSpan is the bytes of tokens i to j, widened to whole words.
func wordSpan(e *tokenizers.Encoding, i, j int) tokenizers.Span {
	for i > 0 && e.Sequence[i-1] == 1 && e.WordIDs[i-1] == e.WordIDs[i] {
		i--
	}
	for j+1 < len(e.IDs) && e.Sequence[j+1] == 1 && e.WordIDs[j+1] == e.WordIDs[j] {
		j++
	}
	return tokenizers.Span{Start: e.Offsets[i].Start, End: e.Offsets[j].End}
}
