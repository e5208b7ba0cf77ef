package heads

import (
	"context"
	"fmt"
	"strings"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// builders make the head of a kind.
var builders = map[Kind]func(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (Head, error){
	KindTextClassification: func(b *nn.Builder, cfg TaskConfig, dim int, opt Options) (Head, error) {
		return orNil(NewTextClassification(b, cfg, dim, opt))
	},
}

// orNil keeps a nil pointer from becoming a Head that is not nil.
func orNil[H Head](h H, err error) (Head, error) {
	if err != nil {
		return nil, err
	}
	return h, nil
}

// NewHead builds the head that serves cfg's task, its parameters named directly
// under b. A task without a head is an error that names it and lists those that
// have one.
func NewHead(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (Head, error) {
	task, err := ParseTask(string(cfg.TaskType))
	if err != nil {
		return nil, fmt.Errorf("head %q: %w", cfg.Name, err)
	}
	kind, ok := task.Kind()
	if !ok || builders[kind] == nil {
		return nil, fmt.Errorf("head %q: task %s has no head; served: %s: %w", cfg.Name, task, strings.Join(ServedTasks(), ", "), tensor.ErrUnsupported)
	}
	return builders[kind](b, cfg, inputDim, opt)
}

// New builds a fresh head on a backend, its parameters under "head.".
func New(ctx context.Context, backend tensor.Backend, cfg TaskConfig, inputDim int, opt Options, seed uint64) (Head, *nn.Weights, error) {
	b := nn.NewBuilder(ctx, backend, nn.Options{Seed: seed})
	h, err := NewHead(b.At("head"), cfg, inputDim, opt)
	if err != nil {
		b.Fail(err)
	}
	w, err := b.Finish(nil)
	if err != nil {
		return nil, nil, err
	}
	return h, w, nil
}
