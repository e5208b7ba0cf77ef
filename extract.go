package cephalo

import (
	"context"
	"fmt"
	"iter"

	"github.com/cephalo-ml/cephalo/heads"
)

// extracted runs a head that tags tokens and reads its entities as something else.
func extracted[R any](ctx context.Context, m *Model, texts iter.Seq[Text], o TagOptions, of func([]Entity) R) iter.Seq2[R, error] {
	t, err := m.task(heads.KindTokenClassification)
	if err != nil {
		return failed[R](err)
	}
	prepare, err := extractor(m, t, o, of)
	if err != nil {
		return failed[R](err)
	}
	return pipeline(ctx, m, texts, prepare, m.answer)
}

// extractor is a tagger whose entities are read as something else.
func extractor[R any](m *Model, t *task, o TagOptions, of func([]Entity) R) (func(Text) (work[R], error), error) {
	if o.Aggregation == "" || o.among && o.Aggregation == AggregateNone { // none is another head's
		o.Aggregation = AggregateFirst
	}
	if o.Aggregation == AggregateNone {
		return nil, fmt.Errorf("aggregation none gives tokens, and this reads spans: want simple, first, average or max")
	}
	o.bare = true
	tag, err := m.tagger(t, o)
	if err != nil {
		return nil, err
	}
	return func(in Text) (work[R], error) {
		w, err := tag(in)
		return work[R]{asks: w.asks, finish: func(outs []output) (r R, err error) {
			es, err := w.finish(outs)
			if err == nil {
				r = of(es)
			}
			return r, err
		}}, err
	}, nil
}

// spansOf are entities as the readers of heads take them, and the way back.
func spansOf(es []Entity) ([]heads.TagSpan, func(heads.TagSpan) Entity) {
	spans, back := make([]heads.TagSpan, len(es)), map[int]Entity{}
	for i, e := range es {
		spans[i] = heads.TagSpan{Label: e.Label, Start: e.Start, End: e.End}
		back[e.Start] = e
	}
	return spans, func(s heads.TagSpan) Entity {
		e := back[s.Start]
		e.Label = s.Label
		return e
	}
}
