package encoders

import (
	"context"
	"errors"
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// ErrNoPooler is what asking an encoder without a pooler for the pooled vector gives.
var ErrNoPooler = errors.New("no pooled output")

// Config is what all families have in common, for heads and tools to read.
type Config struct {
	ModelType         string
	Architectures     []string
	HiddenSize        int
	NumHiddenLayers   int
	NumAttentionHeads int
	NumKeyValueHeads  int
	HeadDim           int
	IntermediateSize  int
	VocabSize         int
	TypeVocabSize     int // 0: the family has no token types
	MaxTokens         int // longest sequence
	PadTokenID        int // -1: none
	InitializerRange  float64
	Causal            bool
}

// Model is the validated config of one family, ready to be built.
type Model interface {
	Config() Config
	// Prefix is what the encoder's tensors are named under in a file with a head,
	// without the dot.
	Prefix() string
	// Build adds the encoder's parameters to b, under names without the prefix.
	// Errors show in b.Finish.
	Build(b *nn.Builder) Encoder
	// Ignores says whether a tensor of a file, named without the prefix, is a
	// buffer that nobody reads.
	Ignores(name string) bool
	// MarshalJSON is the config under Hugging Face's names.
	MarshalJSON() ([]byte, error)
}

// Want asks Forward for more than the last hidden state.
type Want struct {
	AllHidden bool // the hidden states of every layer
	Pooled    bool // the pooled vector; ErrNoPooler where there is none
}

// Output of an encoder, temporaries of the stream. Rows are those of the batch's layout.
type Output struct {
	Hidden tensor.Tensor // last hidden state [R,C]
	Pooled tensor.Tensor // [B,C], absent unless wanted
	// All holds hidden states 0 to N where wanted: 0 after the embeddings, i after
	// layer i; the last one as Hugging Face gives it (spec, section 6).
	All []tensor.Tensor
}

// Encoder turns token ids into hidden states. It serves many goroutines.
type Encoder interface {
	Config() Config
	// Forward runs the batch, whose ids it checks. The batch is uploaded to the
	// scope's stream.
	Forward(s *tensor.Scope, batch *Batch, want Want) (Output, error)
	HasPooler() bool
	// WordEmbeddings is the table [V,C] that a tied output layer uses.
	WordEmbeddings() tensor.Tensor
}

// New builds a fresh model, seeded: the same seed gives the same weights on every backend.
func New(ctx context.Context, b tensor.Backend, m Model, seed uint64) (Encoder, *nn.Weights, error) {
	builder := nn.NewBuilder(ctx, b, nn.Options{Seed: seed})
	enc := m.Build(builder)
	w, err := builder.Finish(nil)
	if err != nil {
		return nil, nil, err
	}
	return enc, w, nil
}

func noPooler(modelType string) error {
	return fmt.Errorf("encoder %q has no pooled output; set add_pooling_layer=true or pass the sequence output and let the head pool: %w", modelType, ErrNoPooler)
}
