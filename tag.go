package cephalo

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/heads"
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
	IgnoreLabels []string // of results: tags without aggregation, else types; nil is O

	among bool // other heads, whose labels may be the ones to ignore

	bare bool // B and I alone are tags of one type, as key phrases have them
}

// Tag finds the entities of each text, in order.
func (m *Model) Tag(ctx context.Context, texts []string, opts ...TagOptions) ([][]Entity, error) {
	o, err := one(opts)
	if err != nil {
		return nil, err
	}
	return all(m.TagSeq(ctx, textsOf(texts), o))
}

// TagSeq tags texts as they come. Texts longer than the model takes are read in
// overlapping windows. A head with a CRF tags words, by their first tokens: words
// are what its results are made of, under every aggregation.
func (m *Model) TagSeq(ctx context.Context, texts iter.Seq[Text], o TagOptions) iter.Seq2[[]Entity, error] {
	t, err := m.task(heads.KindTokenClassification)
	if err != nil {
		return failed[[]Entity](err)
	}
	prepare, err := m.tagger(t, o)
	if err != nil {
		return failed[[]Entity](err)
	}
	return pipeline(ctx, m, texts, prepare, m.answer)
}

// tagger prepares texts for a head that tags tokens.
func (m *Model) tagger(t *task, o TagOptions) (func(Text) (work[[]Entity], error), error) {
	if o.Aggregation == "" {
		o.Aggregation = AggregateSimple
	}
	if known := []string{AggregateNone, AggregateSimple, AggregateFirst, AggregateAverage, AggregateMax}; !slices.Contains(known, o.Aggregation) {
		return nil, fmt.Errorf("aggregation %q is unknown, want one of %s", o.Aggregation, strings.Join(known, ", "))
	}
	if o.IgnoreLabels == nil {
		o.IgnoreLabels = []string{"O"}
	}
	labels, crf := t.config().Labels, t.config().UseCRF
	if !o.among {
		if err := o.checkIgnored(o.resultLabels(labels)); err != nil {
			return nil, err
		}
	}
	return func(in Text) (work[[]Entity], error) {
		if err := in.one("tagging"); err != nil {
			return work[[]Entity]{}, err
		}
		windows, err := m.windows(in, o.Length)
		if err != nil {
			return work[[]Entity]{}, err
		}
		w := work[[]Entity]{finish: func(outs []output) ([]Entity, error) {
			ps := pieces(windows, outs, crf)
			if crf {
				ps = wholeWords(ps)
			}
			return entities(in.Text, ps, labels, o), nil
		}}
		for _, e := range windows {
			a := ask{task: t, seqs: []*sequence{m.sequenceOf(e)}}
			if crf {
				a.words = wordMask(e)
			}
			w.asks = append(w.asks, a)
		}
		return w, nil
	}, nil
}

// resultLabels are what entities are labelled with: tags, or their types.
func (o TagOptions) resultLabels(tags []string) []string {
	if o.Aggregation == AggregateNone {
		return tags
	}
	var kinds []string
	for _, tag := range tags {
		if _, kind := split(tag, o.bare); !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// checkIgnored refuses labels to ignore that no result has.
func (o TagOptions) checkIgnored(results []string) error {
	for _, l := range o.IgnoreLabels {
		if l != "O" && !slices.Contains(results, l) {
			return fmt.Errorf("label to ignore %q is unknown: the results are labelled %s", l, strings.Join(results, ", "))
		}
	}
	return nil
}

// windowShare is the share of a window that neighbouring windows have in common.
const windowShare = 4

// windows are the encodings of a text: one, or several overlapping ones.
func (m *Model) windows(t Text, l Length) ([]*tokenizers.Encoding, error) {
	if err := l.check(true); err != nil {
		return nil, err
	}
	if l.OnLong == "" {
		l.OnLong = LongWindow
	}
	if l.OnLong == LongWindow && l.Overlap == 0 && m.tokenizer != nil {
		l.Overlap = m.limit(l.MaxLength) / windowShare
	}
	if m.tokenizer != nil && l.Overlap >= m.limit(l.MaxLength) {
		return nil, fmt.Errorf("overlap %d leaves no progress in windows of %d tokens", l.Overlap, m.limit(l.MaxLength))
	}
	e, err := m.cut(t, l)
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

// piece is a token of the text with its probabilities.
type piece struct {
	tokenizers.Span
	index     int
	word      int32
	probs     []float64
	tag       int // a CRF's choice, -1: the most probable
	continues bool
}

// pieces merges windows: a token that lies in several takes its scores from the
// one in which it stands farthest from an edge.
func pieces(windows []*tokenizers.Encoding, outs []output, crf bool) []piece {
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
			p := piece{Span: e.Offsets[i], index: i, word: e.WordIDs[i], tag: -1, continues: e.IsContinuation(i), probs: probabilities(outs[w].rows[i])}
			if crf {
				p.tag = int(outs[w].path[i])
			}
			if room[g] >= 0 {
				p.index = all[g].index
			}
			all[g], room[g] = p, far
		}
	}
	return all
}

// wholeWords joins the pieces of each word: the first that was tagged speaks for it.
func wholeWords(pieces []piece) []piece {
	var all []piece
	for _, p := range pieces {
		last := len(all) - 1
		if last < 0 || all[last].word != p.word {
			all = append(all, p)
			continue
		}
		all[last].End = p.End
		if all[last].tag < 0 {
			all[last].tag, all[last].probs = p.tag, p.probs
		}
	}
	return all
}

// probabilities are the softmax of logits, in float64.
func probabilities(logits []float32) []float64 {
	p := make([]float64, len(logits))
	for i, v := range logits {
		p[i] = float64(v)
	}
	softmax(p)
	return p
}
