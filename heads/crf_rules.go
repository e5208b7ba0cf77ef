package heads

import "fmt"

// forbidden is what a transition, start or end that the labels rule out adds to the
// score of a path.
const forbidden = -1e4

// rules say which paths the labels allow. In BIO, I-X follows B-X or I-X alone, and
// every label may end a path. Where X has an end of its own (BIOES), so does E-X, and
// after B-X and I-X comes I-X or E-X. A plain label is bound to nothing.
type rules struct {
	labels      []string
	transitions []float32 // [C,C], 0 or forbidden
	start, end  []float32 // [C]
}

func newRules(labels []string) (*rules, error) {
	c, tags := len(labels), tagsOf(labels)
	closed := map[string]bool{} // labels with an end of their own
	bound := false
	for _, t := range tags {
		closed[t.label] = closed[t.label] || t.part == end
		bound = bound || t.part == inside || t.part == end
	}
	if !bound {
		return nil, fmt.Errorf("crf_constraints: no label begins with I-, want BIO labels, got %q", labels)
	}
	r := &rules{labels: labels, transitions: make([]float32, c*c), start: make([]float32, c), end: make([]float32, c)}
	for j, to := range tags {
		goesOn := to.part == inside || to.part == end
		if goesOn {
			r.start[j] = forbidden
		}
		if to.unfinished(closed) {
			r.end[j] = forbidden
		}
		for i, from := range tags {
			follows := (from.part == begin || from.part == inside) && from.label == to.label
			if goesOn && !follows || !goesOn && from.unfinished(closed) {
				r.transitions[i*c+j] = forbidden
			}
		}
	}
	return r, nil
}

// unfinished says that more of the span must come.
func (t tag) unfinished(closed map[string]bool) bool {
	return (t.part == begin || t.part == inside) && closed[t.label]
}

// forbids says why class y may not follow before (-1: begin), "" where it may.
func (r *rules) forbids(before, y int) string {
	switch {
	case r == nil:
	case before < 0 && r.start[y] != 0:
		return r.labels[y] + " cannot begin a text"
	case before >= 0 && r.transitions[before*len(r.labels)+y] != 0:
		return r.labels[y] + " cannot follow " + r.labels[before]
	}
	return ""
}

// forbidsEnd says why class y (-1: none) may not end a text, "" where it may.
func (r *rules) forbidsEnd(y int) string {
	if r == nil || y < 0 || r.end[y] == 0 {
		return ""
	}
	return r.labels[y] + " cannot end a text"
}
