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
	// TagMask says which rows a CRF tags (the first piece of each word): [B,L] beside
	// a padded Hidden, [R] beside packed rows. Absent: all kept rows. Other heads that
	// read words (dependency parsing) take it too; the rest ignore it.
	TagMask tensor.Host
	// Choices is N where sequences belong together, choice fastest: packed rows of
	// B*N sequences, or rank 2 [B*N,D]. Multiple choice and ranking read it.
	Choices int
	// Targets are what a head that asks about places in the text reads.
	Targets []Target
	// MentionsOnly asks a coreference head for mention_scores alone (Mentions).
	MentionsOnly bool

	form *form // set by MultiTask: Hidden is packed rows of this padded form
}

// Target is a place in a sequence of the batch, or a pair of them. Columns are
// those of the padded form, half-open.
type Target struct {
	Seq        int // sequence of the batch
	Start, End int // a word or phrase: a predicate, a target word, a first entity
	// Second is the other entity of a relation; other heads ignore it.
	SecondStart, SecondEnd int
}

// Output holds what a head computed, temporaries of the stream; what a head does
// not give is absent. Token outputs have the form of the input: packed rows [R,..]
// with a Layout, else padded [B,L,..]. Map names them as OutputSpec does.
type Output struct {
	Logits           tensor.Tensor // [B,C]; tokens [R,C] or [B,L,C]; choices [B,N]; targets [M,C]
	Probabilities    tensor.Tensor // as Logits
	Value            tensor.Tensor // [B], or [B,C] for C > 1
	Predictions      tensor.Tensor // I32, tokens; -1 where none
	PathScore        tensor.Tensor // [B], CRF
	StartLogits      tensor.Tensor // [R] or [B,L]
	EndLogits        tensor.Tensor
	Embeddings       tensor.Tensor // [B,H]
	Embeddings1      tensor.Tensor
	Embeddings2      tensor.Tensor
	SimilarityScore  tensor.Tensor // [B]
	Scores           tensor.Tensor // [B,N] or [B]: ranking
	ArcLogits        tensor.Tensor // [B,L,L+1]: dependency parsing
	LabelLogits      tensor.Tensor // [B,L,C,L+1]: dependency parsing
	MentionScores    tensor.Tensor // [B,M]: coreference
	AntecedentLogits tensor.Tensor // [B,M,M+1]: coreference
}

// Rows says which hidden states a head reads.
type Rows uint8

// The choices of Rows.
const (
	EveryRow   Rows = iota // each token, of which the head may pool those of a sequence
	PooledRow              // the encoder's pooler output
	FirstRow               // first kept row of each sequence
	MeanRow                // mean over kept rows
	LastRow                // last kept row
	LastNonPad             // last kept row whose id is not pad_token_id: the caller picks it and passes rank 2
	GivenRow               // one vector a sequence, rank 2, however the caller comes by it: no encoder's output is one
)

// Head turns hidden states into the outputs of a task. It serves many goroutines.
type Head interface {
	Config() TaskConfig
	InputDim() int
	Kind() Kind
	// Reads says what Forward wants of an encoder, before anything runs.
	Reads() Rows
	Forward(s *tensor.Scope, in Input) (Output, error)
}

// PairHead is a head that compares two inputs.
type PairHead interface {
	Head
	ForwardPair(s *tensor.Scope, p Pair) (Output, error)
}
