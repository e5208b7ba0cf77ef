package cephalo

import (
	"context"
	"iter"

	"github.com/cephalo-ml/cephalo/heads"
)

// Event is something that happens: a trigger, and who takes part. The Label of an
// argument is its role.
type Event struct {
	Type      string
	Trigger   Entity
	Arguments []Entity
}

// Events gives the events of each text, through a head that tags triggers
// ("Attack") and arguments ("Attack.Target"). Words take the tag of their first
// token unless the options say otherwise.
func (m *Model) Events(ctx context.Context, texts []string, o TagOptions) ([][]Event, error) {
	return all(m.EventsSeq(ctx, textsOf(texts), o))
}

// EventsSeq does so as texts come.
func (m *Model) EventsSeq(ctx context.Context, texts iter.Seq[Text], o TagOptions) iter.Seq2[[]Event, error] {
	return extracted(ctx, m, texts, o, eventsOf)
}

func eventsOf(es []Entity) []Event {
	spans, entity := spansOf(es)
	events := []Event{}
	for _, e := range heads.EventsOf(spans) {
		out := Event{Type: e.Type, Trigger: entity(e.Trigger)}
		for _, a := range e.Arguments {
			out.Arguments = append(out.Arguments, entity(a))
		}
		events = append(events, out)
	}
	return events
}
