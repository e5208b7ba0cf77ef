package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// tagger is the output of a head that labels rows: emissions, and a CRF where one
// is asked for.
type tagger struct {
	classifier *nn.Linear
	crf        *crf // nil without use_crf
}

func newTagger(b *nn.Builder, t *trunk) tagger {
	g := tagger{classifier: t.output(b, "classifier", t.cfg.NumClasses)}
	if t.cfg.UseCRF {
		g.crf = newCRF(b, t.cfg, t.opt)
	}
	return g
}

// emissions are the logits [R,C] of the rows, which it frees.
func (g *tagger) emissions(s *tensor.Scope, r *rowsIn) (tensor.Tensor, error) {
	logits, err := g.classifier.Forward(s, r.x)
	if err == nil {
		r.free(s)
	}
	return logits, err
}

// tag labels the rows and frees them.
func (g *tagger) tag(s *tensor.Scope, r *rowsIn, in Input, name string) (out Output, err error) {
	logits, err := g.emissions(s, r)
	if err != nil {
		return out, err
	}
	if g.crf == nil {
		return tagged(s, r, logits)
	}
	taken, err := r.taken(name, in.TagMask)
	if err != nil {
		return out, err
	}
	path, score, err := g.crf.decode(s, logits, r.rows, taken)
	if err != nil {
		return out, err
	}
	out.PathScore = score
	if out.Predictions, err = r.unpack(s, path, -1); err != nil {
		return out, err
	}
	out.Logits, err = r.unpack(s, logits, 0)
	return out, err
}

// tagged are logits of rows and their argmax.
func tagged(s *tensor.Scope, r *rowsIn, logits tensor.Tensor) (out Output, err error) {
	pred, err := tensor.Argmax(s, logits)
	if err != nil {
		return out, err
	}
	if out.Predictions, err = r.unpack(s, pred, -1); err != nil {
		return out, err
	}
	out.Logits, err = r.unpack(s, logits, 0)
	return out, err
}

// loss is the CRF's loss of the rows, which it frees.
func (g *tagger) loss(s *tensor.Scope, r *rowsIn, in Input, name string, labels tensor.Host) (tensor.Tensor, error) {
	if g.crf == nil {
		return tensor.Tensor{}, errNoCRF(name)
	}
	taken, err := r.taken(name, in.TagMask)
	if err != nil {
		return tensor.Tensor{}, err
	}
	classes, err := r.byRow(name, "labels", labels)
	if err != nil {
		return tensor.Tensor{}, err
	}
	logits, err := g.emissions(s, r)
	if err != nil {
		return logits, err
	}
	defer s.Free(logits.Buf)
	loss, err := g.crf.loss(s, logits, r.rows, classes, taken)
	if err != nil {
		return loss, fmt.Errorf("head %q: %w", name, err)
	}
	return loss, nil
}

// marginals are the probabilities of each class at the rows, which it frees.
func (g *tagger) marginals(s *tensor.Scope, r *rowsIn, in Input, name string) (p tensor.Tensor, err error) {
	if g.crf == nil {
		return p, errNoCRF(name)
	}
	taken, err := r.taken(name, in.TagMask)
	if err != nil {
		return p, err
	}
	logits, err := g.emissions(s, r)
	if err != nil {
		return p, err
	}
	defer s.Free(logits.Buf)
	err = g.crf.with(s, taken, func(c tensor.CRF, keep tensor.Tensor) (err error) {
		p, err = tensor.CRFMarginals(s, logits, c, keep, r.rows)
		return err
	})
	if err != nil {
		return p, err
	}
	return r.unpack(s, p, 0)
}

func errNoCRF(name string) error {
	return fmt.Errorf("head %q was built without use_crf: %w", name, tensor.ErrUnsupported)
}
