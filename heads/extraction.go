package heads

import (
	"fmt"
	"strings"
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
// of its own for each run. Errors: a class outside the labels.
func TagSpans(labels []string, predictions []int64) ([]TagSpan, error) {
	var spans []TagSpan
	open := false // the last span may go on
	for col, p := range predictions {
		if p == -1 {
			continue
		}
		if p < 0 || int(p) >= len(labels) {
			return nil, fmt.Errorf("prediction %d at column %d, want -1 to %d: %w", p, col, len(labels)-1, ErrInputFormat)
		}
		tag, label := bio(labels[p])
		if tag == 'O' {
			open = false
			continue
		}
		if last := len(spans) - 1; open && tag == 'I' && spans[last].Label == label {
			spans[last].End = col + 1
			continue
		}
		spans = append(spans, TagSpan{Label: label, Start: col, End: col + 1})
		open = true
	}
	return spans, nil
}

// bio splits a class name: O; B or I and the label. A bare B or I has the label "";
// any other name is I and itself.
func bio(class string) (tag byte, label string) {
	if class == "O" {
		return 'O', ""
	}
	if class == "B" || class == "I" {
		return class[0], ""
	}
	if len(class) > 2 && (class[0] == 'B' || class[0] == 'I') && class[1] == '-' {
		return class[0], class[2:]
	}
	return 'I', class
}

// Event is a trigger and its arguments.
type Event struct {
	Type      string
	Trigger   TagSpan
	Arguments []TagSpan // Label is the role
}

// EventsOf reads events out of the spans of one sequence: triggers and arguments as
// one BIO layer, after the extractors of Yang et al. 2019 ("Exploring Pre-trained
// Language Models for Event Extraction and Generation"). A label "Attack" is a
// trigger of that type, "Attack.Target" an argument of it, which goes to the nearest
// trigger of its type, the earlier one on ties; without one it is dropped.
func EventsOf(spans []TagSpan) []Event {
	var events []Event
	for _, sp := range spans {
		if !strings.Contains(sp.Label, ".") {
			events = append(events, Event{Type: sp.Label, Trigger: sp})
		}
	}
	for _, sp := range spans {
		kind, role, ok := strings.Cut(sp.Label, ".")
		if !ok {
			continue
		}
		best := -1
		for i, e := range events {
			if e.Type == kind && (best < 0 || gap(e.Trigger, sp) < gap(events[best].Trigger, sp)) {
				best = i
			}
		}
		if best >= 0 {
			sp.Label = role
			events[best].Arguments = append(events[best].Arguments, sp)
		}
	}
	return events
}

// gap is the number of columns between two spans.
func gap(a, b TagSpan) int {
	if a.Start > b.Start {
		a, b = b, a
	}
	return max(0, b.Start-a.End)
}

// Fact is a predicate with its arguments in order: (arg0, predicate, arg1, …).
type Fact struct {
	Predicate TagSpan
	Arguments []TagSpan
}

// FactOf reads the fact out of the spans of one sequence, tagged for one predicate:
// the labels P (or V) and A0, A1, … of open information extraction (Stanovsky et al.
// 2018). Without a predicate there is none, and ok is false.
func FactOf(spans []TagSpan) (f Fact, ok bool) {
	for _, sp := range spans {
		switch {
		case sp.Label != "P" && sp.Label != "V":
			f.Arguments = append(f.Arguments, sp)
		case !ok:
			f.Predicate, ok = sp, true
		}
	}
	return f, ok
}

// Opinion is what a text says of an aspect.
type Opinion struct {
	Aspect   TagSpan
	Polarity string
}

// OpinionsOf reads opinions out of the spans of one sequence: the unified tags
// B-POS, I-NEG, … of end-to-end aspect-based sentiment analysis (Li et al. 2019,
// "Exploiting BERT for End-to-End Aspect-based Sentiment Analysis"), where the label
// of an aspect is its polarity.
func OpinionsOf(spans []TagSpan) []Opinion {
	var out []Opinion
	for _, sp := range spans {
		out = append(out, Opinion{Aspect: sp, Polarity: sp.Label})
	}
	return out
}
