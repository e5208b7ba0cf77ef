package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// trunk is what all of our heads have before their output layer: norm -> dropout
// -> intermediate -> attention -> FFN, with pooling where the head reads sentences
// (spec, section 4). No residual connections. Only enabled blocks own parameters.
type trunk struct {
	cfg  TaskConfig
	opt  Options
	kind Kind
	dim  int // input_dim
	cur  int // width of what the output layer takes
	rate float32

	norm      norm
	pooling   tensor.Pooling
	poolW     tensor.Tensor // attention pooling: [1,W]
	poolB     tensor.Tensor // [1]
	inter     *nn.Linear
	interNorm norm
	act       tensor.Act
	attention taskAttention
	ffn       ffn
}

// newTrunk builds the blocks; cfg is validated and opt resolved. Errors show in
// b.Finish.
func newTrunk(b *nn.Builder, cfg TaskConfig, opt Options, kind Kind, dim int) *trunk {
	t := &trunk{cfg: cfg, opt: opt, kind: kind, dim: dim, cur: dim, rate: float32(*opt.DropoutRate)}
	h := width(cfg, opt, dim)
	t.act, _ = tensor.ParseAct(opt.Activation) // checked by Resolve
	t.norm = normTypes[opt.Normalization](b, "norm", dim)
	if kind.sentence() && *opt.UsePooling {
		t.pooling, _ = tensor.ParsePooling(opt.Pooling)
		if t.pooling == tensor.PoolAttention {
			w := dim
			if opt.UseTaskAttention && *opt.UseIntermediate {
				w = h
			}
			t.poolW = b.Param("pooling.weight", nn.TruncatedNormal(*opt.InitializerRange), 1, w)
			t.poolB = b.Param("pooling.bias", nn.Zeros, 1)
		}
	}
	if *opt.UseIntermediate {
		t.inter = b.Linear("intermediate.dense", dim, h, true, nn.GlorotUniform)
		t.interNorm = normTypes[opt.Normalization](b, "intermediate.norm", h)
		t.cur = h
	}
	if opt.UseTaskAttention {
		t.attention = newAttention(b, cfg.Name, opt.Attention, t.cur, opt.NumAttentionHeads, t.rate)
	}
	if opt.UseFFN {
		t.ffn = newFFN(b, opt.FFN, t.cur, h*opt.FFNExpansion, h, t.rate)
		t.cur = h
	}
	return t
}

// output is a dense layer on the trunk's width: truncated normal, zero bias.
func (t *trunk) output(b *nn.Builder, name string, n int) *nn.Linear {
	return t.outputOf(b, name, t.cur, n)
}

// outputOf is output on another width.
func (t *trunk) outputOf(b *nn.Builder, name string, width, n int) *nn.Linear {
	return b.Linear(name, width, n, true, nn.TruncatedNormal(*t.opt.InitializerRange))
}

// Config is the validated task config.
func (t *trunk) Config() TaskConfig { return t.cfg }

// Options are the resolved head options.
func (t *trunk) Options() Options { return t.opt }

// InputDim is the encoder width that the head takes.
func (t *trunk) InputDim() int { return t.dim }

// Kind is the head's type.
func (t *trunk) Kind() Kind { return t.kind }

// Reads is PooledRow with input pooled, GivenRow without use_pooling where the head
// reads sentences, else EveryRow.
func (t *trunk) Reads() Rows {
	switch {
	case t.opt.Input == "pooled":
		return PooledRow
	case t.kind.sentence() && !*t.opt.UsePooling:
		return GivenRow
	}
	return EveryRow
}

// pool replaces the rows of a sequence by one.
func (t *trunk) pool(s *tensor.Scope, r *rowsIn) error {
	y, err := tensor.Pool(s, r.x, r.rows, t.pooling, t.poolW, t.poolB)
	if err := r.step(s, y, err); err != nil {
		return err
	}
	r.rows = nil
	return nil
}

// enter is norm -> dropout -> intermediate.
func (t *trunk) enter(s *tensor.Scope, r *rowsIn) error {
	y, err := t.norm.forward(s, r.x, r.rows)
	if err := r.step(s, y, err); err != nil {
		return err
	}
	if r.x, err = nn.Dropout(s, r.x, t.rate); err != nil {
		return err
	}
	if t.inter == nil {
		return nil
	}
	y, err = t.inter.Forward(s, r.x)
	if err := r.step(s, y, err); err != nil {
		return err
	}
	y, err = t.interNorm.forward(s, r.x, r.rows)
	if err := r.step(s, y, err); err != nil {
		return err
	}
	y, err = tensor.Activation(s, r.x, t.act)
	if err := r.step(s, y, err); err != nil {
		return err
	}
	r.x, err = nn.Dropout(s, r.x, t.rate)
	return err
}

func (t *trunk) attend(s *tensor.Scope, r *rowsIn) error {
	if t.attention == nil || r.rows == nil {
		return nil // one row a sequence: nothing to attend to
	}
	y, err := t.attention.forward(s, r.x, r.rows)
	return r.step(s, y, err)
}

func (t *trunk) feed(s *tensor.Scope, r *rowsIn) error {
	if t.ffn == nil {
		return nil
	}
	y, err := t.ffn.forward(s, r.x)
	return r.step(s, y, err)
}

// tokens runs the blocks on every row.
func (t *trunk) tokens(s *tensor.Scope, in Input) (*rowsIn, error) {
	r, err := rowsOf(s, t.cfg.Name, t.dim, in, accepts{sequence: true})
	if err != nil {
		return nil, err
	}
	for _, step := range []func(*tensor.Scope, *rowsIn) error{t.enter, t.attend, t.feed} {
		if err := step(s, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// sentences runs the blocks to one row a sequence: pooling first, or, with task
// attention on a sequence, after it.
func (t *trunk) sentences(s *tensor.Scope, in Input) (*rowsIn, error) {
	switch t.Reads() {
	case PooledRow:
		switch {
		case in.Pooled.Present() && in.Pooled.Rank != 2:
			return nil, fmt.Errorf("head %q: pooler_output is %v of rank %d, want rank 2 [B,D]: %w", t.cfg.Name, in.Pooled.Spec, in.Pooled.Rank, ErrInputFormat)
		case in.Pooled.Present():
			in = Input{Hidden: in.Pooled}
		case in.Layout != nil || in.Hidden.Present() && in.Hidden.Rank != 2:
			return nil, errNoPooledInput(t.cfg.Name)
		}
	case GivenRow:
		if in.Layout != nil || in.Hidden.Rank > 2 {
			return nil, errNoVectors(t.cfg.Name, in)
		}
	}
	r, err := rowsOf(s, t.cfg.Name, t.dim, in, accepts{pooled: true, sequence: true})
	if err != nil {
		return nil, err
	}
	steps := []func(*tensor.Scope, *rowsIn) error{t.enter, t.feed}
	if r.rows != nil {
		steps = []func(*tensor.Scope, *rowsIn) error{t.pool, t.enter, t.feed}
		if t.attention != nil {
			steps = []func(*tensor.Scope, *rowsIn) error{t.enter, t.attend, t.pool, t.feed}
		}
	}
	for _, step := range steps {
		if err := step(s, r); err != nil {
			return nil, err
		}
	}
	return r, nil
}
