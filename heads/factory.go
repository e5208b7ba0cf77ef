package heads

import (
	"context"
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// builders make the head of a kind.
var builders = map[Kind]func(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (Head, error){
	KindTextClassification:   builder(NewTextClassification),
	KindTokenClassification:  builder(NewTokenClassification),
	KindQuestionAnswering:    builder(NewQuestionAnswering),
	KindTextSimilarity:       builder(NewTextSimilarity),
	KindTextGeneration:       builder(NewTextGeneration),
	KindMultipleChoice:       builder(NewMultipleChoice),
	KindDependencyParsing:    builder(NewDependencyParser),
	KindPredicateTagging:     builder(NewPredicateTagger),
	KindTargetClassification: builder(NewTargetClassifier),
	KindRelationExtraction:   builder(NewRelationClassifier),
	KindCoreference:          builder(NewCoreferenceResolver),
	KindRanking:              builder(NewRanker),
	KindTextMatching:         builder(NewTextMatcher),
}

// builder is a constructor as the factory calls it: a nil pointer must not become
// a Head that is not nil.
func builder[H Head](build func(*nn.Builder, TaskConfig, int, Options) (H, error)) func(*nn.Builder, TaskConfig, int, Options) (Head, error) {
	return func(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (Head, error) {
		h, err := build(b, cfg, inputDim, opt)
		if err != nil {
			return nil, err
		}
		return h, nil
	}
}

// NewHead builds the head that serves cfg's task, its parameters named directly
// under b. A task without a head is an error that names it and lists those that
// have one.
func NewHead(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (Head, error) {
	kind, err := kindOf(cfg.TaskType)
	if err != nil {
		return nil, fmt.Errorf("head %q: %w", cfg.Name, err)
	}
	return builders[kind](b, cfg, inputDim, opt)
}

// New builds a fresh head on a backend, its parameters under "head.".
func New(ctx context.Context, backend tensor.Backend, cfg TaskConfig, inputDim int, opt Options, seed uint64) (Head, *nn.Weights, error) {
	return finish(nn.NewBuilder(ctx, backend, nn.Options{Seed: seed}), func(b *nn.Builder) (Head, error) {
		return NewHead(b.At("head"), cfg, inputDim, opt)
	})
}
