package cephalo

import (
	"context"
	"iter"
	"slices"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// Frame is a predicate with its arguments in the order of the text: who did what
// to whom, or a fact as open information extraction has it. The Label of an
// argument is its role.
type Frame struct {
	Predicate Entity
	Arguments []Entity
}

// Frames gives the semantic roles, or the facts, of each text: one frame for each
// of its Targets, the predicates, whose places are the frames'; a predicate that
// the head does not tag as one (V or P) has no Label. Without Targets every word is
// asked as a predicate, and those stay that the head itself tags as one (where it
// has no such label, those with an argument); the place is the tagged one, and a
// predicate of several words is one frame, as its first word has it.
func (m *Model) Frames(ctx context.Context, texts []Text, l Length) ([][]Frame, error) {
	return all(m.FramesSeq(ctx, slices.Values(texts), l))
}

// FramesSeq does so as texts come.
func (m *Model) FramesSeq(ctx context.Context, texts iter.Seq[Text], l Length) iter.Seq2[[]Frame, error] {
	t, err := m.task(heads.KindPredicateTagging)
	if err != nil {
		return failed[[]Frame](err)
	}
	return pipeline(ctx, m, texts, m.framer(t, l), m.answer)
}

// framer prepares texts for a predicate tagger: one ask for each predicate.
func (m *Model) framer(t *task, l Length) func(Text) (work[[]Frame], error) {
	labels, crf := t.config().Labels, t.config().UseCRF
	tagsPredicates := false
	for _, label := range labels {
		_, kind := split(label, false)
		tagsPredicates = tagsPredicates || isPredicate(kind)
	}
	return func(in Text) (work[[]Frame], error) {
		if err := in.one("tagging of predicates"); err != nil {
			return work[[]Frame]{}, err
		}
		e, err := m.encode(in, l)
		if err != nil {
			return work[[]Frame]{}, err
		}
		spans, targets, err := targetsOf(e, in)
		if err != nil {
			return work[[]Frame]{}, err
		}
		w := work[[]Frame]{finish: func(outs []output) ([]Frame, error) {
			frames := []Frame{}
			for i, out := range outs {
				found, err := wordEntities(e, in.Text, labels, out)
				if err != nil {
					return nil, err
				}
				f, own := frameOf(in.Text, spans[i], found)
				switch {
				case in.Targets != nil:
					frames = append(frames, f)
				case own != nil:
					f.Predicate = *own
					if n := len(frames); n == 0 || frames[n-1].Predicate.End <= own.Start {
						frames = append(frames, f)
					}
				case !tagsPredicates && len(f.Arguments) > 0:
					frames = append(frames, f)
				}
			}
			return frames, nil
		}}
		seqs := []*sequence{m.sequenceOf(e)}
		for i := range targets {
			a := ask{task: t, seqs: seqs, targets: targets[i : i+1]}
			if crf {
				a.words = wordMask(e)
			}
			w.asks = append(w.asks, a)
		}
		return w, nil
	}
}

func isPredicate(label string) bool { return label == "V" || label == "P" }

// frameOf makes a frame of what was tagged for the predicate at a place; own is what
// was tagged there as a predicate, nil where nothing was.
func frameOf(text string, at Span, found []Entity) (f Frame, own *Entity) {
	f.Predicate = Entity{Word: text[at.Start:at.End], Start: at.Start, End: at.End}
	for _, e := range found {
		switch {
		case !isPredicate(e.Label):
			f.Arguments = append(f.Arguments, e)
		case own == nil && e.Start < at.End && at.Start < e.End:
			own = &e
			f.Predicate.Label, f.Predicate.Score = e.Label, e.Score
		}
	}
	return f, own
}

// wordEntities reads the spans out of a window whose words take the tag of their
// first token. Scores are means over words.
func wordEntities(e *tokenizers.Encoding, text string, labels []string, out output) ([]Entity, error) {
	words := wordsOf(e)
	tags := make([]int64, len(words))
	for i, w := range words {
		tags[i] = int64(out.path[w.lo])
	}
	spans, err := heads.TagSpans(labels, tags)
	if err != nil {
		return nil, err
	}
	found := make([]Entity, len(spans))
	for i, sp := range spans {
		lo, hi := words[sp.Start].Start, words[sp.End-1].End
		found[i] = Entity{Label: sp.Label, Word: text[lo:hi], Start: lo, End: hi}
		for k := sp.Start; k < sp.End; k++ {
			if tags[k] >= 0 {
				found[i].Score += probabilities(out.rows[words[k].lo])[tags[k]] / float64(sp.End-sp.Start)
			}
		}
	}
	return found, nil
}
