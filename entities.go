package cephalo

import (
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/tokenizers"
)

// tagged is a token or a word with the tag chosen for it.
type tagged struct {
	tokenizers.Span
	tag   string
	score float64
	index int
}

// entities turns pieces into results by the strategy, as Hugging Face's
// TokenClassificationPipeline does.
func entities(text string, pieces []piece, labels []string, o TagOptions) []Entity {
	out := []Entity{}
	switch o.Aggregation {
	case AggregateNone:
		for _, t := range single(pieces, labels) {
			if !slices.Contains(o.IgnoreLabels, t.tag) {
				out = append(out, Entity{Label: t.tag, Score: t.score, Index: t.index, Word: text[t.Start:t.End], Start: t.Start, End: t.End})
			}
		}
		return out
	case AggregateSimple:
		return group(text, single(pieces, labels), o)
	}
	return group(text, words(pieces, labels, o.Aggregation), o)
}

// choose is the tag of a piece: a CRF's, else the most probable one, the lowest on ties.
func (p piece) choose(labels []string) (string, float64) {
	k := p.tag
	if k < 0 || k >= len(p.probs) {
		k = 0
		for i, v := range p.probs {
			if v > p.probs[k] {
				k = i
			}
		}
	}
	return labels[k], p.probs[k]
}

func single(pieces []piece, labels []string) []tagged {
	var out []tagged
	for _, p := range pieces {
		tag, score := p.choose(labels)
		out = append(out, tagged{Span: p.Span, tag: tag, score: score, index: p.index})
	}
	return out
}

// words joins the pieces of each word and chooses one tag for it.
func words(pieces []piece, labels []string, how string) []tagged {
	var out []tagged
	for i := 0; i < len(pieces); {
		j := i + 1
		for j < len(pieces) && pieces[j].continues {
			j++
		}
		word := pieces[i:j]
		rep := word[0]
		switch how {
		case AggregateMax:
			for _, p := range word[1:] {
				if slices.Max(p.probs) > slices.Max(rep.probs) {
					rep = p
				}
			}
		case AggregateAverage:
			rep = piece{probs: make([]float64, len(labels)), tag: -1}
			for _, p := range word {
				for k, v := range p.probs {
					rep.probs[k] += v / float64(len(word))
				}
			}
		}
		tag, score := rep.choose(labels)
		out = append(out, tagged{Span: tokenizers.Span{Start: word[0].Start, End: word[len(word)-1].End}, tag: tag, score: score, index: word[0].index})
		i = j
	}
	return out
}

// split parts a tag into its prefix and its type: a tag without one counts as inside.
// With bare, B and I alone are prefixes, of the type "".
func split(tag string, bare bool) (prefix, kind string) {
	switch {
	case bare && (tag == "B" || tag == "I"):
		return tag, ""
	case strings.HasPrefix(tag, "B-"):
		return "B", tag[2:]
	case strings.HasPrefix(tag, "I-"):
		return "I", tag[2:]
	}
	return "I", tag
}

// group joins neighbours of one type; a B- tag begins a new entity. The score is
// the mean over its members.
func group(text string, tokens []tagged, o TagOptions) []Entity {
	out := []Entity{}
	for i := 0; i < len(tokens); {
		_, kind := split(tokens[i].tag, o.bare)
		j, sum := i+1, tokens[i].score
		for ; j < len(tokens); j++ {
			prefix, k := split(tokens[j].tag, o.bare)
			if prefix == "B" || k != kind {
				break
			}
			sum += tokens[j].score
		}
		if !slices.Contains(o.IgnoreLabels, kind) {
			s, e := tokens[i].Start, tokens[j-1].End
			out = append(out, Entity{Label: kind, Score: sum / float64(j-i), Word: text[s:e], Start: s, End: e})
		}
		i = j
	}
	return out
}
