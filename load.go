package cephalo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/nn"
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
