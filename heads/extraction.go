package heads

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Event is a trigger and its arguments.
type Event struct {
	Type      string
	Trigger   TagSpan
	Arguments []TagSpan // Label is the role
}

// EventsOf reads events out of the spans of one sequence, in the order of their
// triggers. Triggers are tagged tokens, as Yang et al. 2019 find them ("Exploring
// Pre-trained Language Models for Event Extraction and Generation", section 3.1);
// arguments are tags of the same layer, where the paper has a second tagger for each
// trigger and role, so that no token has two roles here. A label "Attack" is a trigger
// of that type, "Attack.Target" (cut at the first dot) an argument of it, which goes to
// the nearest trigger of its type, the earlier one on ties; without one it is dropped.
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

// Fact is a predicate with its arguments by their numbers: (arg0, predicate, arg1, …).
type Fact struct {
	Predicate TagSpan
	Arguments []TagSpan
}

// FactOf reads the fact out of the spans of one sequence, tagged for one predicate:
// the labels P (or V) and A0, A1, … (or ARG0, …) of open information extraction
// (Stanovsky et al. 2018). The first span of a predicate counts. Arguments are in the
// order of their numbers, those of one number and then those without in the order of the
// text. Without a predicate there is no fact, and ok is false.
func FactOf(spans []TagSpan) (f Fact, ok bool) {
	for _, sp := range spans {
		switch {
		case sp.Label != "P" && sp.Label != "V":
			f.Arguments = append(f.Arguments, sp)
		case !ok:
			f.Predicate, ok = sp, true
		}
	}
	if !ok {
		return Fact{}, false
	}
	slices.SortStableFunc(f.Arguments, func(a, b TagSpan) int { return cmp.Compare(argNumber(a.Label), argNumber(b.Label)) })
	return f, true
}

// argNumber is N of A<N> or ARG<N>; any other label comes last.
func argNumber(label string) int {
	digits, ok := strings.CutPrefix(label, "ARG")
	if !ok {
		digits, ok = strings.CutPrefix(label, "A")
	}
	if n, err := strconv.Atoi(digits); ok && err == nil {
		return n
	}
	return math.MaxInt
}

// Opinion is what a text says of an aspect.
type Opinion struct {
	Aspect   TagSpan
	Polarity string
}

// OpinionsOf reads opinions out of the spans of one sequence: the unified tags
// B-POS, I-NEG, E-NEU, S-POS, … of end-to-end aspect-based sentiment analysis (Li et
// al. 2019, "Exploiting BERT for End-to-End Aspect-based Sentiment Analysis"), where
// the label of an aspect is its polarity.
func OpinionsOf(spans []TagSpan) []Opinion {
	var out []Opinion
	for _, sp := range spans {
		out = append(out, Opinion{Aspect: sp, Polarity: sp.Label})
	}
	return out
}
