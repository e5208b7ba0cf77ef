package heads

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// Task is one head of a MultiTask: its config and its options.
type Task struct {
	Config  TaskConfig
	Options Options
}

// TasksFromMap makes tasks of a map from name to config, in the order of the names. A
// config without a name gets its key; another name than the key is an error.
func TasksFromMap(configs map[string]TaskConfig) ([]Task, error) {
	var tasks []Task
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		c := configs[name]
		if c.Name = orString(c.Name, name); c.Name != name {
			return nil, fmt.Errorf("task %q: its config is named %q", name, c.Name)
		}
		tasks = append(tasks, Task{Config: c})
	}
	return tasks, nil
}

// MultiTask is many heads on the hidden states of one encoder pass (spec 4.8).
type MultiTask struct {
	dim   int
	tasks []*taskHead
}

type taskHead struct {
	name       string
	head       Head
	pooled     bool       // the head reads the pooled vector
	projection *nn.Linear // nil: the head reads the encoder's hidden states
}

// NewMultiTask builds a head for each task, in order, under heads.{name}. With
// projections, a dense layer projections.{name} from inputDim to the task's hidden
// size (or inputDim) comes before each. Errors: no tasks, a name twice, and those
// of NewHead.
func NewMultiTask(b *nn.Builder, tasks []Task, inputDim int, projections bool) (*MultiTask, error) {
	if len(tasks) == 0 {
		return nil, fmt.Errorf("multi-task head: no tasks")
	}
	if err := inBounds(bound{"input_dim", inputDim, maxWidth}); err != nil {
		return nil, fmt.Errorf("multi-task head: %w", err)
	}
	m := &MultiTask{dim: inputDim}
	for _, t := range tasks {
		var err error
		if t.Config, err = t.Config.Validate(); err != nil {
			return nil, err
		}
		name := t.Config.Name
		if m.find(name) != nil {
			return nil, fmt.Errorf("multi-task head: task %q comes twice", name)
		}
		th := &taskHead{name: name, pooled: t.Options.Input == "pooled"}
		dim := inputDim
		if projections {
			dim = orInt(t.Config.HiddenSize, inputDim)
			th.projection = b.At("projections").Linear(name, inputDim, dim, true, nn.GlorotUniform)
		}
		if th.head, err = NewHead(b.At("heads").At(name), t.Config, dim, t.Options); err != nil {
			return nil, err
		}
		m.tasks = append(m.tasks, th)
	}
	return m, nil
}

// NewMulti builds a fresh multi-task head on a backend.
func NewMulti(ctx context.Context, backend tensor.Backend, tasks []Task, inputDim int, projections bool, seed uint64) (*MultiTask, *nn.Weights, error) {
	return finish(nn.NewBuilder(ctx, backend, nn.Options{Seed: seed}), func(b *nn.Builder) (*MultiTask, error) {
		return NewMultiTask(b, tasks, inputDim, projections)
	})
}

// finish builds a module and ends the builder, whose memory is given back after
// any error.
func finish[M any](b *nn.Builder, build func(*nn.Builder) (M, error)) (m M, w *nn.Weights, err error) {
	built, err := build(b)
	if err != nil {
		b.Fail(err)
	}
	if w, err = b.Finish(nil); err != nil {
		return m, nil, err
	}
	return built, w, nil
}

func (m *MultiTask) find(name string) *taskHead {
	for _, t := range m.tasks {
		if t.name == name {
			return t
		}
	}
	return nil
}

// InputDim is the encoder width that the heads take.
func (m *MultiTask) InputDim() int { return m.dim }

// Tasks are the names of the tasks, in order.
func (m *MultiTask) Tasks() []string {
	names := make([]string, len(m.tasks))
	for i, t := range m.tasks {
		names[i] = t.name
	}
	return names
}

// Head is the head of a task; an unknown name is an error that lists the known.
func (m *MultiTask) Head(task string) (Head, error) {
	t, err := m.task(task)
	if err != nil {
		return nil, err
	}
	return t.head, nil
}

// Projections says whether dense layers come before the heads.
func (m *MultiTask) Projections() bool { return m.tasks[0].projection != nil }

func (m *MultiTask) task(name string) (*taskHead, error) {
	t := m.find(name)
	if t == nil {
		return nil, fmt.Errorf("unknown task %q; tasks: %q", name, m.Tasks())
	}
	return t, nil
}

// Forward runs the tasks on the hidden states of one encoder pass, and gives an
// output for each that one input can feed: a task that wants a pair (text_matching) is
// left out, and so is one that asks about places in the text where in.Targets is
// empty. ForwardTask runs those by name. That none is left is an error, and so is
// anything else that a task wants and does not get. On a padded input, multiple choice
// and ranking read [B,N,D] where the others read [B,L,D].
func (m *MultiTask) Forward(s *tensor.Scope, in Input) (map[string]Output, error) {
	var fed []*taskHead
	var wants []string
	for _, t := range m.tasks {
		if want := t.head.Kind().lacks(in); want != "" {
			wants = append(wants, fmt.Sprintf("task %q wants %s", t.name, want))
			continue
		}
		fed = append(fed, t)
	}
	if fed == nil {
		return nil, fmt.Errorf("multi-task head: no task takes this input: %s; ForwardTask runs one of them on what it wants: %w", strings.Join(wants, ", "), ErrInputFormat)
	}
	packed, err := m.pack(s, in, fed)
	if err != nil {
		return nil, err
	}
	outs := map[string]Output{}
	for _, t := range fed {
		from := packed
		if t.chooses() {
			from = in
		}
		if outs[t.name], err = t.forward(s, from); err != nil {
			return nil, err
		}
	}
	if packed.Hidden.Buf != in.Hidden.Buf {
		s.Free(packed.Hidden.Buf)
	}
	return outs, nil
}

// ForwardTask runs one task alone on a Pair or on whatever InputOf reads. A Pair for a
// task that takes one input is an error, as is one input for a task that wants a pair.
func (m *MultiTask) ForwardTask(s *tensor.Scope, task string, in any) (Output, error) {
	t, err := m.task(task)
	if err != nil {
		return Output{}, err
	}
	if p, ok := in.(Pair); ok {
		if _, ok := t.head.(PairHead); ok {
			return t.forwardPair(s, p)
		}
		return Apply(s, t.head, in) // says what is wrong
	}
	one, err := InputOf(in)
	if err != nil {
		return Output{}, fmt.Errorf("head %q: %w", task, err)
	}
	return t.forward(s, one)
}

// chooses says that the head reads rank 3 as [B,N,D].
func (t *taskHead) chooses() bool {
	return t.head.Kind().chooses()
}

// pack drops the masked rows of a padded input once for all heads that it feeds.
func (m *MultiTask) pack(s *tensor.Scope, in Input, fed []*taskHead) (Input, error) {
	if in.Layout != nil || in.Hidden.Rank != 3 || !slices.ContainsFunc(fed, func(t *taskHead) bool { return !t.chooses() }) {
		return in, nil
	}
	const name = "multi-task"
	if err := checkHidden(name, m.dim, in.Hidden); err != nil {
		return in, err
	}
	r, err := packRows(s, name, in)
	if err != nil {
		return in, err
	}
	in.Hidden, in.Layout, in.Mask, in.form = r.x, r.rows, tensor.Host{}, r.form
	return in, nil
}

func (t *taskHead) forward(s *tensor.Scope, in Input) (Output, error) {
	p, err := t.project(s, in)
	if err != nil {
		return Output{}, err
	}
	defer t.free(s, p)
	return t.head.Forward(s, p)
}

func (t *taskHead) forwardPair(s *tensor.Scope, p Pair) (Output, error) {
	a, err := t.project(s, p.A)
	if err != nil {
		return Output{}, err
	}
	defer t.free(s, a)
	b, err := t.project(s, p.B)
	if err != nil {
		return Output{}, err
	}
	defer t.free(s, b)
	return t.head.(PairHead).ForwardPair(s, Pair{A: a, B: b})
}

// project runs the dense layer on what the head reads.
func (t *taskHead) project(s *tensor.Scope, in Input) (Input, error) {
	if t.projection == nil {
		return in, nil
	}
	if t.pooled && in.Pooled.Present() {
		x, err := t.apply(s, in.Pooled)
		return Input{Pooled: x}, err
	}
	if in.Layout == nil && in.Hidden.Rank == 3 && !t.chooses() { // nothing computes masked rows
		if err := t.check(in.Hidden); err != nil {
			return in, err
		}
		r, err := packRows(s, t.name, in)
		if err != nil {
			return in, err
		}
		defer r.free(s)
		in.Hidden, in.Layout, in.Mask, in.form = r.x, r.rows, tensor.Host{}, r.form
	}
	x, err := t.apply(s, in.Hidden)
	in.Hidden, in.Pooled = x, tensor.Tensor{}
	return in, err
}

func (t *taskHead) check(x tensor.Tensor) error {
	return checkHidden(t.name, t.projection.Weight.Dim(1), x)
}

// apply projects the last axis of a tensor of any rank.
func (t *taskHead) apply(s *tensor.Scope, x tensor.Tensor) (tensor.Tensor, error) {
	if err := t.check(x); err != nil {
		return x, err
	}
	flat, err := x.Reshape(x.Rows(), x.Cols())
	if err != nil {
		return x, err
	}
	y, err := t.projection.Forward(s, flat)
	if err != nil {
		return y, err
	}
	shape := x.Dims()
	shape[len(shape)-1] = y.Cols()
	return y.Reshape(shape...)
}

// free drops what project made. Outputs never share it: a head's last layer is a
// matrix product.
func (t *taskHead) free(s *tensor.Scope, in Input) {
	if t.projection != nil {
		tensor.FreeAll(s, in.Hidden, in.Pooled)
	}
}
