package cephalo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/nn"
)

// Attach puts a head of ours, or several, on the model's encoder, in place of the
// head that it had; the model owns the weights from then on. It must not run while
// other calls do. Error: heads.ErrDimMismatch where the head takes another width.
func (m *Model) Attach(mod heads.Module, w *nn.Weights) error {
	done, err := m.use()
	if err != nil {
		return err
	}
	defer done()
	return m.attach(mod, w)
}

func (m *Model) attach(mod heads.Module, w *nn.Weights) error {
	if mod == nil || w == nil {
		return errors.New("attach: no head, or no weights")
	}
	hidden := m.encoder.Config().HiddenSize
	if mod.InputDim() != hidden {
		name := "multi-task"
		if h, ok := mod.(heads.Head); ok {
			name = h.Config().Name
		}
		return fmt.Errorf("head %q: input_dim %d does not match hidden size %d; create the head with input_dim=%d: %w", name, mod.InputDim(), hidden, hidden, heads.ErrDimMismatch)
	}
	all, err := headsOf(mod)
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.readsPooled() && !m.encoder.HasPooler() {
			return fmt.Errorf("head %q reads the pooled vector, and the encoder %s has no pooler; let the head pool the sequence: %w", t.name, m.encoder.Config().ModelType, encoders.ErrNoPooler)
		}
	}
	if m.headWeights != nil {
		m.headWeights.Release()
	}
	m.module, m.headWeights = mod, w
	m.head, m.noHead = nil, errSeveral
	if h, ok := mod.(heads.Head); ok {
		m.head, m.noHead = h, nil
		if m.encoder.Config().Causal {
			if o, ok := mod.(interface{ Options() heads.Options }); ok && o.Options().Pooling == "cls" {
				m.opt.log(fmt.Sprintf("head %q pools cls on a causal encoder: the first token sees itself alone; last or mean pooling is what is wanted", h.Config().Name))
			}
		}
	}
	return nil
}

var errSeveral = errors.New("the model has several heads: predict runs them, all or by name")

// NewHead builds a fresh seeded head for the model's encoder and attaches it. A
// language model without vocabulary_size takes the encoder's. Like Attach it must not
// run while other calls do.
func (m *Model) NewHead(ctx context.Context, cfg heads.TaskConfig, opt heads.Options, seed uint64) error {
	done, err := m.use()
	if err != nil {
		return err
	}
	defer done()
	t := m.fresh(heads.Task{Config: cfg, Options: opt})
	h, w, err := heads.New(ctx, m.backend, t.Config, m.encoder.Config().HiddenSize, t.Options, seed)
	if err != nil {
		return err
	}
	mod, ok := h.(heads.Module)
	if !ok {
		w.Release()
		return fmt.Errorf("head %q cannot stand in heads.json", cfg.Name)
	}
	return m.attachFresh(mod, w)
}

// NewHeads builds fresh seeded heads for several tasks and attaches them: one
// encoder pass feeds all. Like Attach it must not run while other calls do.
func (m *Model) NewHeads(ctx context.Context, tasks []heads.Task, projections bool, seed uint64) error {
	done, err := m.use()
	if err != nil {
		return err
	}
	defer done()
	all := make([]heads.Task, len(tasks))
	for i, t := range tasks {
		all[i] = m.fresh(t)
	}
	mt, w, err := heads.NewMulti(ctx, m.backend, all, m.encoder.Config().HiddenSize, projections, seed)
	if err != nil {
		return err
	}
	return m.attachFresh(mt, w)
}

// attachFresh lets go of a head that the model does not take.
func (m *Model) attachFresh(mod heads.Module, w *nn.Weights) error {
	err := m.attach(mod, w)
	if err != nil {
		w.Release()
	}
	return err
}

// fresh is a task with what a new head takes of the encoder: word embeddings to tie
// to, and the vocabulary that a language model scores.
func (m *Model) fresh(t heads.Task) heads.Task {
	if t.Options.TieTo != "" {
		t.Options.WordEmbeddings = m.encoder.WordEmbeddings()
	}
	if k, _ := t.Config.TaskType.Kind(); k == heads.KindTextGeneration && t.Config.VocabularySize == 0 {
		t.Config.VocabularySize = m.encoder.Config().VocabSize
	}
	return t
}

// New is a model of a fresh seeded encoder, without tokenizer or head, on an open
// backend, which it does not close. Attach or NewHead gives it a head.
func New(ctx context.Context, model encoders.Model, seed uint64, opts ...Option) (*Model, error) {
	o := defaults(opts)
	if o.invalid != nil {
		return nil, o.invalid
	}
	raw, err := model.MarshalJSON()
	if err != nil {
		return nil, err
	}
	m := &Model{name: model.Config().ModelType, opt: o, backend: o.shared, folder: &folder{config: raw, model: model}}
	m.noHead = fmt.Errorf("a fresh encoder has no head: %w", heads.ErrNoHead)
	m.noTok = errors.New("a fresh encoder has no tokenizer")
	if m.backend == nil {
		if m.backend, err = OpenBackend(ctx, o.backend); err != nil {
			return nil, err
		}
		m.owned = true
	}
	if m.encoder, m.weights, err = encoders.New(ctx, m.backend, model, seed); err != nil {
		m.closeBackend()
		return nil, err
	}
	return m, nil
}

// loadHeads attaches what heads.json of the folder describes, if it is there.
func (m *Model) loadHeads(ctx context.Context) error {
	if _, err := fs.Stat(m.folder.fsys, heads.ConfigFile); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	mod, w, err := heads.Load(ctx, m.backend, m.folder.fsys, heads.LoadOptions{WordEmbeddings: m.encoder.WordEmbeddings(), Lenient: m.opt.lenient})
	if err != nil {
		return err
	}
	if err := m.Attach(mod, w); err != nil {
		w.Release()
		return err
	}
	return nil
}
