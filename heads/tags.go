package heads

import (
	"fmt"
	"slices"
)

// TagSpan is a run of tokens with one label, read out of BIO tags (Ramshaw and
// Marcus 1995): columns, half-open. An entity, a role, or, in key phrase extraction as
// sequence labelling (Sahrawat et al. 2020), a key phrase.
type TagSpan struct {
	Label      string // without B- and I-
	Start, End int
}

// TagSpans reads the spans out of one sequence's predictions. -1 is no tag and is
// jumped over: a span goes on behind it. I- of another label than the one before, or
// of none, begins a span, as B- does. A label without B- or I- other than O is a span
// of its own for each run. Where the labels hold B-X, E-X ends a span and S-X is one
// by itself (BIOES; L- and U- in BILOU). Errors: a class outside the labels.
func TagSpans(labels []string, predictions []int64) ([]TagSpan, error) {
	tags := tagsOf(labels)
	var spans []TagSpan
	open := false // the last span may go on
	for col, p := range predictions {
		if p == -1 {
			continue
		}
		if p < 0 || p >= int64(len(labels)) {
			return nil, fmt.Errorf("prediction %d at column %d, want -1 to %d: %w", p, col, len(labels)-1, ErrInputFormat)
		}
		t := tags[p]
		switch last := len(spans) - 1; {
		case t.part == outside:
		case open && t.part != begin && t.part != single && spans[last].Label == t.label:
			spans[last].End = col + 1
		default:
			spans = append(spans, TagSpan{Label: t.label, Start: col, End: col + 1})
		}
		open = t.part == begin || t.part == inside || t.part == plain
	}
	return spans, nil
}

// part is where in a span a tag stands.
type part byte

// The parts: plain is the class of a scheme without parts.
const (
	outside part = 'O'
	begin   part = 'B'
	inside  part = 'I'
	end     part = 'E'
	single  part = 'S'
	plain   part = 0
)

// tag is a class name taken apart.
type tag struct {
	part  part
	label string
}

// tagsOf takes class names apart. A bare B or I has the label "". E- and S- mean
// something only beside a B- of their label.
func tagsOf(classes []string) []tag {
	tags := make([]tag, len(classes))
	for i, c := range classes {
		tags[i] = tag{plain, c}
		if c == "O" {
			tags[i] = tag{outside, ""}
		} else if len(c) == 1 || len(c) > 2 && c[1] == '-' {
			label := c[min(2, len(c)):]
			switch c[0] {
			case 'B', 'I':
				tags[i] = tag{part(c[0]), label}
			case 'E', 'L':
				tags[i] = tag{end, label}
			case 'S', 'U':
				tags[i] = tag{single, label}
			}
		}
	}
	begins := slices.Clone(tags)
	for i, t := range tags {
		if (t.part == end || t.part == single) && !slices.Contains(begins, tag{begin, t.label}) {
			tags[i] = tag{plain, classes[i]}
		}
	}
	return tags
}
