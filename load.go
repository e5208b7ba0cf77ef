package cephalo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// load puts the encoder and the head of the folder on the backend.
func (m *Model) load(ctx context.Context) error {
	src, err := m.folder.open(ctx)
	if err != nil {
		return err
	}
	defer src.Close()
	model := m.folder.model
	b := nn.NewBuilder(ctx, m.backend, nn.Options{Source: src, Lenient: m.opt.lenient, Candidates: encoders.Candidates(model)})
	eb := b
	if !heads.IsBare(m.folder.class) {
		eb = b.At(model.Prefix())
	}
	m.encoder = model.Build(eb)
	cfg := model.Config()
	head, err := heads.Published(b, heads.Checkpoint{
		Class: m.folder.class, ModelType: cfg.ModelType, HiddenSize: cfg.HiddenSize, VocabSize: cfg.VocabSize,
		Config: m.folder.config, WordEmbeddings: m.encoder.WordEmbeddings(),
	})
	ignore := encoders.Ignores(model)
	switch {
	case errors.Is(err, heads.ErrNoHead) && m.opt.lenient:
		m.noHead = err // the encoder alone
	case err != nil:
		b.Fail(err)
	case head == nil:
		if m.folder.class == "" {
			ignore = func(name string) bool {
				return encoders.Ignores(model)(name) || heads.IsLanguageModelTensor(cfg.ModelType, name)
			}
		}
		m.noHead = fmt.Errorf("%s has no task head: %w", orNone(m.folder.class), heads.ErrNoHead)
	default:
		m.head = head
	}
	if m.weights, err = b.Finish(ignore); err != nil {
		return err
	}
	if len(m.weights.Filled) > 0 {
		m.opt.log("filled with fresh values: " + strings.Join(m.weights.Filled, ", "))
	}
	return nil
}

func orNone(class string) string {
	if class == "" {
		return "the folder"
	}
	return class
}

// published is the folder's head where it is one of Hugging Face's.
func (m *Model) published() *heads.PublishedHead {
	h, _ := m.head.(*heads.PublishedHead)
	return h
}

// run encodes a batch and runs the head, all on one stream; use reads the outputs.
func (m *Model) run(ctx context.Context, batch *encoders.Batch, use func(s *tensor.Scope, enc encoders.Output, out heads.Output) error) error {
	return m.forward(ctx, func(s *tensor.Scope) error {
		pub := m.published()
		enc, err := m.encoder.Forward(s, batch, encoders.Want{Pooled: m.readsPooled()})
		if err != nil {
			return err
		}
		in := heads.Input{Hidden: enc.Hidden, Layout: batch.Layout, Pooled: enc.Pooled}
		if pub != nil && pub.Reads() == heads.LastNonPad {
			if in.Hidden, err = lastNonPad(s, enc.Hidden, batch, m.encoder.Config().PadTokenID); err != nil {
				return err
			}
			in.Layout = nil
		}
		out, err := m.head.Forward(s, in)
		if err != nil {
			return err
		}
		return use(s, enc, out)
	})
}

// readsPooled says whether the head wants the encoder's pooled vector.
func (m *Model) readsPooled() bool {
	if pub := m.published(); pub != nil {
		return pub.Reads() == heads.PooledRow
	}
	o, ok := m.head.(interface{ Options() heads.Options })
	return ok && o.Options().Input == "pooled"
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
	it, err := tensor.Upload(s, idx, len(idx))
	if err != nil {
		return tensor.Tensor{}, err
	}
	return tensor.GatherRows(s, x, it, 0)
}
