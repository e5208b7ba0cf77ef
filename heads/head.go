package heads

import (
	"github.com/cephalo-ml/cephalo/tensor"
)

// Input is what an encoder hands to a head (spec, section 3). Absent Mask means
// all ones; only a missing Hidden is an error.
//
// With Layout, Hidden is packed rows [R,D]. Without, rank 2 is pooled [B,D], and
// rank 3 padded [B,L,D] (ranks 3 and 4 for multiple choice).
type Input struct {
	Hidden tensor.Tensor
	Layout *tensor.Layout // uploaded to the scope's stream
	// Mask is [B,L], 1 keep, 0 padding, of an integer, bool or float dtype. It lies
	// on the host, since it decides which rows exist and nothing is read back in
	// the middle of a forward pass. The zero Host is absent: all ones.
	Mask   tensor.Host
	Pooled tensor.Tensor // [B,D]
}

// Output holds what a head computed, temporaries of the stream; what a head does
// not give is absent. Token outputs have the form of the input: packed rows [R,..]
// with a Layout, else padded [B,L,..].
type Output struct {
	Logits          tensor.Tensor // [B,C]; tokens [R,C] or [B,L,C]; choices [B,N]
	Probabilities   tensor.Tensor // as Logits
	Value           tensor.Tensor // [B], or [B,C] for C > 1
	Predictions     tensor.Tensor // I32, tokens
	PathScore       tensor.Tensor // [B], CRF
	StartLogits     tensor.Tensor
	EndLogits       tensor.Tensor
	Embeddings      tensor.Tensor // [B,H]
	Embeddings1     tensor.Tensor
	Embeddings2     tensor.Tensor
	SimilarityScore tensor.Tensor // [B]
}

// Head turns hidden states into the outputs of a task. It serves many goroutines.
type Head interface {
	Config() TaskConfig
	InputDim() int
	Forward(s *tensor.Scope, in Input) (Output, error)
}
