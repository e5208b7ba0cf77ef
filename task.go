package cephalo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// task is one of the model's heads and the way to run it.
type task struct {
	name    string
	head    heads.Head
	forward func(s *tensor.Scope, in any) (heads.Output, error) // an Input or a Pair
}

// tasks are the model's heads.
func (m *Model) tasks() ([]*task, error) {
	switch {
	case m.module != nil:
		return headsOf(m.module)
	case m.head != nil:
		return []*task{alone(m.head)}, nil
	}
	return nil, m.noHead
}

// alone is a head as a task of its own.
func alone(h heads.Head) *task {
	return &task{name: h.Config().Name, head: h, forward: func(s *tensor.Scope, in any) (heads.Output, error) {
		return heads.Apply(s, h, in)
	}}
}

// headsOf are the heads of a module: the one that it is, or those of a multi-task one.
func headsOf(mod heads.Module) ([]*task, error) {
	mt, ok := mod.(*heads.MultiTask)
	if !ok {
		h, ok := mod.(heads.Head)
		if !ok {
			return nil, fmt.Errorf("%T is neither a head nor several: %w", mod, tensor.ErrUnsupported)
		}
		return []*task{alone(h)}, nil
	}
	var all []*task
	for _, name := range mt.Tasks() {
		h, err := mt.Head(name)
		if err != nil {
			return nil, err
		}
		all = append(all, &task{name: name, head: h, forward: func(s *tensor.Scope, in any) (heads.Output, error) {
			return mt.ForwardTask(s, name, in)
		}})
	}
	return all, nil
}

// task is the model's only head of one of the kinds.
func (m *Model) task(kinds ...heads.Kind) (*task, error) {
	all, err := m.tasks()
	if err != nil {
		return nil, err
	}
	return only(all, ofKind(all, kinds...), kinds[0])
}

// ofKind are the heads of one of the kinds.
func ofKind(all []*task, kinds ...heads.Kind) []*task {
	return slices.DeleteFunc(slices.Clone(all), func(t *task) bool { return !slices.Contains(kinds, t.kind()) })
}

// only is the one head among a model's that fits what a pipeline does: none and
// several are errors.
func only(all, fit []*task, want heads.Kind) (*task, error) {
	switch len(fit) {
	case 0:
		return nil, fmt.Errorf("%s, want a %s head: %w", listed(all), want, tensor.ErrUnsupported)
	case 1:
		if fit[0].head.Reads() == heads.GivenRow {
			return nil, fmt.Errorf("head %q wants %s", fit[0].name, ownVector)
		}
		return fit[0], nil
	}
	names := make([]string, len(fit))
	for i, t := range fit {
		names[i] = t.name
	}
	how := "predict runs them, all or by name"
	if want == heads.KindTextGeneration {
		how = "name one as the task"
	}
	return nil, fmt.Errorf("%s are all heads for that: %s", strings.Join(names, " and "), how)
}

// listed says what heads there are, the first of many.
func listed(all []*task) string {
	const most = 3
	var s []string
	for _, t := range all[:min(len(all), most)] {
		s = append(s, fmt.Sprintf("%s is a %s head", t.name, t.kind()))
	}
	if n := len(all) - most; n > 0 {
		s = append(s, fmt.Sprintf("%d more are others", n))
	}
	return strings.Join(s, ", ")
}

// kind is the kind of the model's head, "" without one.
func (m *Model) kind() heads.Kind {
	if m.head == nil {
		return ""
	}
	return m.head.Kind()
}

func (t *task) kind() heads.Kind         { return t.head.Kind() }
func (t *task) config() heads.TaskConfig { return t.head.Config() }

// published is the head where it is one of Hugging Face's.
func (t *task) published() *heads.PublishedHead {
	p, _ := t.head.(*heads.PublishedHead)
	return p
}

// readsPooled says whether the head wants the encoder's pooled vector.
func (t *task) readsPooled() bool { return t.head.Reads() == heads.PooledRow }

// ownVector is what a head wants that reads a vector which no encoder gives.
const ownVector = "vectors of its caller's (use_pooling is false), which no text gives"

// encoded is a batch behind the encoder.
type encoded struct {
	m     *Model
	s     *tensor.Scope
	batch *encoders.Batch
	at    map[*sequence]int
	out   encoders.Output
}

// input is what a head reads of the batch: the sequences that it is asked about,
// in that order. All of them in their own order are taken as they are.
func (e *encoded) input(t *task, seqs []*sequence) (in heads.Input, err error) {
	idx, whole := make([]int32, len(seqs)), len(seqs) == e.batch.Layout.Batch()
	for i, q := range seqs {
		idx[i] = int32(e.at[q])
		whole = whole && e.at[q] == i
	}
	in = heads.Input{Hidden: e.out.Hidden, Layout: e.batch.Layout, Pooled: e.out.Pooled}
	last := false
	if t.head.Reads() == heads.LastNonPad {
		if in.Hidden, err = lastNonPad(e.s, in.Hidden, e.batch, e.m.encoder.Config().PadTokenID); err != nil {
			return in, err
		}
		in.Layout, last = nil, true
	}
	if whole {
		return in, nil
	}
	if in.Pooled.Present() {
		if in.Pooled, err = pick(e.s, in.Pooled, idx); err != nil {
			return in, err
		}
	}
	if last {
		in.Hidden, err = pick(e.s, in.Hidden, idx)
		return in, err
	}
	var rows []int32
	lens := make([]int, len(seqs))
	for i, k := range idx {
		at, n := e.batch.Layout.Start[k], e.batch.Layout.Len[k]
		lens[i] = int(n)
		for r := at; r < at+n; r++ {
			rows = append(rows, r)
		}
	}
	in.Layout = tensor.NewLayout(lens...)
	if err := in.Layout.Upload(e.s); err != nil {
		return in, err
	}
	in.Hidden, err = pick(e.s, in.Hidden, rows)
	return in, err
}

// pick gathers rows.
func pick(s *tensor.Scope, x tensor.Tensor, rows []int32) (tensor.Tensor, error) {
	at, err := tensor.Upload(s, rows, len(rows))
	if err != nil {
		return x, err
	}
	return tensor.GatherRows(s, x, at, 0)
}

// lastNonPad picks, for each sequence, the last kept row whose id is not padding;
// without such a row, or without a padding id, the last kept row.
func lastNonPad(s *tensor.Scope, x tensor.Tensor, b *encoders.Batch, pad int) (tensor.Tensor, error) {
	idx := make([]int32, b.Layout.Batch())
	for i, start := range b.Layout.Start {
		idx[i] = start + b.Layout.Len[i] - 1
		if b.Layout.Len[i] == 0 {
			idx[i] = -1
		}
		for r := idx[i]; pad >= 0 && r >= start; r-- {
			if b.IDs[r] != int32(pad) {
				idx[i] = r
				break
			}
		}
	}
	return pick(s, x, idx)
}

// part are the asks of a batch that one run of a head answers.
type part struct {
	task  *task
	pairs bool
	asks  []int // of the batch
	rows  *tensor.Layout
	out   heads.Output
	in    heads.Input // of coreference, which runs twice
}

// parts groups asks by head; pairs and single texts of one head run apart.
func parts(asks []ask) []*part {
	var all []*part
next:
	for i, a := range asks {
		for _, p := range all {
			if p.task == a.task && p.pairs == (len(a.seqs) > 1) {
				p.asks = append(p.asks, i)
				continue next
			}
		}
		all = append(all, &part{task: a.task, pairs: len(a.seqs) > 1, asks: []int{i}})
	}
	return all
}

// answer runs a batch: the encoder once over every sequence, each head over what
// it is asked, all in one submit and one read. Coreference, whose second stage
// reads what the first one found, takes one more.
func (m *Model) answer(ctx context.Context, asks []ask) ([]output, error) {
	seqs, at := distinct(asks)
	batch, err := pack(seqs)
	if err != nil {
		return nil, err
	}
	outs := make([]output, len(asks))
	err = m.forward(ctx, func(s *tensor.Scope) error {
		all := parts(asks)
		pooled := false
		for _, p := range all {
			pooled = pooled || p.task.readsPooled()
		}
		enc, err := m.encoder.Forward(s, batch, encoders.Want{Pooled: pooled})
		if err != nil {
			return err
		}
		e := &encoded{m: m, s: s, batch: batch, at: at, out: enc}
		for _, p := range all {
			if err := p.run(e, asks); err != nil {
				return err
			}
		}
		return readParts(ctx, s, all, asks, outs)
	})
	return outs, err
}

// run records the head.
func (p *part) run(e *encoded, asks []ask) (err error) {
	var sides [2][]*sequence
	for _, i := range p.asks {
		for j, q := range asks[i].seqs {
			sides[j] = append(sides[j], q)
		}
	}
	in, err := e.input(p.task, sides[0])
	if err != nil {
		return err
	}
	p.rows = in.Layout
	if p.pairs {
		second, err := e.input(p.task, sides[1])
		if err != nil {
			return err
		}
		p.out, err = p.task.forward(e.s, heads.Pair{A: in, B: second})
		return err
	}
	if p.task.kind() == heads.KindTextGeneration {
		return p.runTargets(e.s, in, asks)
	}
	var words []int32
	for k, i := range p.asks {
		for _, t := range asks[i].targets {
			t.Seq = k
			in.Targets = append(in.Targets, t)
		}
		words = append(words, asks[i].words...)
	}
	if words != nil {
		if in.TagMask, err = tensor.FromSlice(words, len(words)); err != nil {
			return err
		}
	}
	if p.task.kind() == heads.KindCoreference {
		if len(in.Targets) == 0 { // no words: no mentions
			return nil
		}
		in.MentionsOnly = true
		p.in = in
	}
	p.out, err = p.task.forward(e.s, in)
	return err
}

// runTargets computes a language model's logits at the targets alone.
func (p *part) runTargets(s *tensor.Scope, in heads.Input, asks []ask) (err error) {
	var rows []int32
	for k, i := range p.asks {
		for _, t := range asks[i].targets {
			rows = append(rows, in.Layout.Start[k]+int32(t.Start))
		}
	}
	if pub := p.task.published(); pub != nil {
		x, err := pick(s, in.Hidden, rows)
		if err != nil {
			return err
		}
		p.out.Logits, err = pub.Logits(s, x, true)
		return err
	}
	out, err := p.task.forward(s, in)
	if err != nil {
		return err
	}
	p.out.Logits, err = pick(s, out.Logits, rows)
	s.Free(out.Logits.Buf)
	return err
}
