package cephalo

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// The aggregation strategies, as Hugging Face's token classification pipeline
// knows them.
const (
	AggregateNone    = "none"    // one result a token
	AggregateSimple  = "simple"  // neighbouring tokens of one type
	AggregateFirst   = "first"   // words, each with the scores of its first piece
	AggregateAverage = "average" // words, each with the mean of its pieces' scores
	AggregateMax     = "max"     // words, each with the scores of its surest piece
)

// Entity is a span of a text. Start and End are bytes: text[Start:End] is Word.
type Entity struct {
	Label string // the type, or without aggregation the tag itself
	Score float64
	Index int // without aggregation: the token's number in the text's first window
	Word  string
	Start int
	End   int
}

// TagOptions are the rare knobs of Tag.
type TagOptions struct {
	Length                // OnLong "" is window
	Aggregation  string   // "" is simple
	IgnoreLabels []string // nil is O
}

// Tag finds the entities of each text, in order.
func (m *Model) Tag(ctx context.Context, texts []string, opts ...TagOptions) ([][]Entity, error) {
	var o TagOptions
	if len(opts) > 0 {
		o = opts[0]
	}
	return all(m.TagSeq(ctx, textsOf(texts), o))
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

// TagSeq tags texts as they come. Texts longer than the model takes are read in
// overlapping windows.
func (m *Model) TagSeq(ctx context.Context, texts iter.Seq[Text], o TagOptions) iter.Seq2[[]Entity, error] {
	if err := m.needs(heads.KindTokenClassification); err != nil {
		return failed[[]Entity](err)
	}
	if o.Aggregation == "" {
		o.Aggregation = AggregateSimple
	}
	if known := []string{AggregateNone, AggregateSimple, AggregateFirst, AggregateAverage, AggregateMax}; !slices.Contains(known, o.Aggregation) {
		return failed[[]Entity](fmt.Errorf("aggregation %q is unknown, want one of %s", o.Aggregation, strings.Join(known, ", ")))
	}
	if o.IgnoreLabels == nil {
		o.IgnoreLabels = []string{"O"}
	}
	labels := m.head.Config().Labels
	prepare := func(t Text) (work[tokenOutput, []Entity], error) {
		if t.Pair != nil {
			return work[tokenOutput, []Entity]{}, fmt.Errorf("tagging takes one text, not a pair")
		}
		windows, err := m.windows(t, o.Length)
		if err != nil {
			return work[tokenOutput, []Entity]{}, err
		}
		w := work[tokenOutput, []Entity]{finish: func(out []tokenOutput) ([]Entity, error) {
			return entities(t.Text, m.pieces(windows, out), labels, o), nil
		}}
		for _, e := range windows {
			w.seqs = append(w.seqs, m.sequenceOf(e))
		}
		return w, nil
	}
	return pipeline(ctx, m, texts, prepare, m.tokenOutputs)
}

// windowShare is the share of a window that neighbouring windows have in common.
const windowShare = 4

// windows are the encodings of a text: one, or several overlapping ones.
func (m *Model) windows(t Text, l Length) ([]*tokenizers.Encoding, error) {
	if l.OnLong == "" {
		l.OnLong = LongWindow
	}
	if l.OnLong == LongWindow && l.Overlap == 0 && m.tokenizer != nil {
		l.Overlap = m.limit(l.MaxLength) / windowShare
	}
	e, err := m.encode(t, l)
	if err != nil {
		return nil, err
	}
	if limit := m.limit(l.MaxLength); len(e.Overflow) > 0 && l.OnLong == LongWindow {
		special := 0
		for _, s := range e.Special {
			if s {
				special++
			}
		}
		if limit <= special {
			return nil, fmt.Errorf("max length %d leaves no room beside %d special tokens", limit, special)
		}
	}
	if l.OnLong != LongWindow {
		return []*tokenizers.Encoding{e}, nil
	}
	return append([]*tokenizers.Encoding{e}, e.Overflow...), nil
}

// tokenOutput is what a token head says of one window.
type tokenOutput struct {
	logits [][]float32
	path   []int32 // a CRF's best path; nil: each token by itself
}

func (m *Model) tokenOutputs(ctx context.Context, seqs []sequence) ([]tokenOutput, error) {
	batch, err := pack(seqs)
	if err != nil {
		return nil, err
	}
	crf := m.head.Config().UseCRF
	out := make([]tokenOutput, len(seqs))
	err = m.run(ctx, batch, func(s *tensor.Scope, _ encoders.Output, o heads.Output) error {
		raw := [][]byte{make([]byte, o.Logits.Bytes()), make([]byte, o.Predictions.Bytes())}
		if err := s.Read(ctx, raw, o.Logits, o.Predictions); err != nil {
			return err
		}
		z, err := tensor.Host{Spec: o.Logits.Spec, Data: raw[0]}.Float32()
		if err != nil {
			return err
		}
		path, err := tensor.Host{Spec: o.Predictions.Spec, Data: raw[1]}.Int64()
		if err != nil {
			return err
		}
		c := o.Logits.Cols()
		for i, start := range batch.Layout.Start {
			for r := start; r < start+batch.Layout.Len[i]; r++ {
				out[i].logits = append(out[i].logits, z[int(r)*c:(int(r)+1)*c])
				if crf {
					out[i].path = append(out[i].path, int32(path[r]))
				}
			}
		}
		return nil
	})
	return out, err
}

// piece is a token of the text with its probabilities.
type piece struct {
	tokenizers.Span
	index     int
	probs     []float64
	tag       int // a CRF's choice, -1: the most probable
	continues bool
}

// pieces merges windows: a token that lies in several takes its scores from the
// one in which it stands farthest from an edge.
func (m *Model) pieces(windows []*tokenizers.Encoding, out []tokenOutput) []piece {
	var all []piece
	var room []int // distance of each piece from the edge of its window
	for w, e := range windows {
		n := 0
		for i := range e.IDs {
			if e.Special[i] {
				continue
			}
			g, far := e.First[0]+n, min(i, len(e.IDs)-1-i)
			n++
			for len(all) <= g {
				all, room = append(all, piece{}), append(room, -1)
			}
			if far <= room[g] {
				continue
			}
			p := piece{Span: e.Offsets[i], index: i, tag: -1, continues: e.IsContinuation(i), probs: make([]float64, len(out[w].logits[i]))}
			for j, v := range out[w].logits[i] {
				p.probs[j] = float64(v)
			}
			softmax(p.probs)
			if out[w].path != nil {
				p.tag = int(out[w].path[i])
			}
			if room[g] >= 0 {
				p.index = all[g].index
			}
			all[g], room[g] = p, far
		}
	}
	return all
}
