package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// TextGeneration scores every word of the vocabulary at every token: the next one
// on a causal encoder, the masked one on the others (spec 4.6).
//
// Machine translation and dialogue go through it on a causal encoder as one text:
// source then target (Radford et al. 2019), turn after turn (Zhang et al. 2020,
// DialoGPT).
type TextGeneration struct {
	*trunk
	lmHead *nn.Linear
}

// NewTextGeneration builds the head's parameters in b. With TieTo, the kernel is
// opt.WordEmbeddings [V,D] and the head has its bias alone.
func NewTextGeneration(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*TextGeneration, error) {
	tied := opt.WordEmbeddings
	cfg, opt, err := prepare(cfg, opt, KindTextGeneration, inputDim)
	if err != nil {
		return nil, err
	}
	if cfg.VocabularySize == 0 {
		return nil, fmt.Errorf("head %q: %s needs vocabulary_size", cfg.Name, cfg.TaskType)
	}
	t := newTrunk(b, cfg, opt, KindTextGeneration, inputDim)
	h := &TextGeneration{trunk: t}
	if opt.TieTo == "" {
		h.lmHead = t.output(b, "lm_head", cfg.VocabularySize)
		return h, nil
	}
	if !tied.Present() {
		return nil, fmt.Errorf("head %q: tie_to %s, but the encoder's word embeddings were not given", cfg.Name, opt.TieTo)
	}
	if tied.Rank != 2 || tied.Dim(0) != cfg.VocabularySize || tied.Dim(1) != t.cur {
		return nil, fmt.Errorf("head %q: tie_to %s: the embeddings are %v, want [%d %d] (vocabulary_size and the width before the output layer): %w", cfg.Name, opt.TieTo, tied.Spec, cfg.VocabularySize, t.cur, tensor.ErrShape)
	}
	h.lmHead = &nn.Linear{Weight: tied, Bias: b.Param("lm_head.bias", nn.Zeros, cfg.VocabularySize)}
	return h, nil
}

// Forward takes packed rows or [B,L,D] to logits [R,V] or [B,L,V].
func (h *TextGeneration) Forward(s *tensor.Scope, in Input) (out Output, err error) {
	r, err := h.tokens(s, in)
	if err != nil {
		return out, err
	}
	logits, err := h.lmHead.Forward(s, r.x)
	if err != nil {
		return out, err
	}
	r.free(s)
	out.Logits, err = r.unpack(s, logits, 0)
	return out, err
}
