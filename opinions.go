package cephalo

import (
	"context"
	"iter"

	"github.com/cephalo-ml/cephalo/heads"
)

// Opinion is what a text says of one of its aspects.
type Opinion struct {
	Aspect   Entity
	Polarity string
}

// Opinions gives the opinions of each text, through a head whose tags are
// polarities of aspects ("B-POS").
func (m *Model) Opinions(ctx context.Context, texts []string, o TagOptions) ([][]Opinion, error) {
	return all(m.OpinionsSeq(ctx, textsOf(texts), o))
}

// OpinionsSeq does so as texts come.
func (m *Model) OpinionsSeq(ctx context.Context, texts iter.Seq[Text], o TagOptions) iter.Seq2[[]Opinion, error] {
	return extracted(ctx, m, texts, o, opinionsOf)
}

func opinionsOf(es []Entity) []Opinion {
	spans, entity := spansOf(es)
	opinions := []Opinion{}
	for _, o := range heads.OpinionsOf(spans) {
		opinions = append(opinions, Opinion{Aspect: entity(o.Aspect), Polarity: o.Polarity})
	}
	return opinions
}
