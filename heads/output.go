package heads

import (
	"context"
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

// outputFields names the tensors of an Output, in the order of its fields.
var outputFields = []struct {
	name string
	of   func(*Output) *tensor.Tensor
}{
	{"logits", func(o *Output) *tensor.Tensor { return &o.Logits }},
	{"probabilities", func(o *Output) *tensor.Tensor { return &o.Probabilities }},
	{"value", func(o *Output) *tensor.Tensor { return &o.Value }},
	{"predictions", func(o *Output) *tensor.Tensor { return &o.Predictions }},
	{"path_score", func(o *Output) *tensor.Tensor { return &o.PathScore }},
	{"start_logits", func(o *Output) *tensor.Tensor { return &o.StartLogits }},
	{"end_logits", func(o *Output) *tensor.Tensor { return &o.EndLogits }},
	{"embeddings", func(o *Output) *tensor.Tensor { return &o.Embeddings }},
	{"embeddings_1", func(o *Output) *tensor.Tensor { return &o.Embeddings1 }},
	{"embeddings_2", func(o *Output) *tensor.Tensor { return &o.Embeddings2 }},
	{"similarity_score", func(o *Output) *tensor.Tensor { return &o.SimilarityScore }},
	{"scores", func(o *Output) *tensor.Tensor { return &o.Scores }},
	{"arc_logits", func(o *Output) *tensor.Tensor { return &o.ArcLogits }},
	{"label_logits", func(o *Output) *tensor.Tensor { return &o.LabelLogits }},
	{"mention_scores", func(o *Output) *tensor.Tensor { return &o.MentionScores }},
	{"antecedent_logits", func(o *Output) *tensor.Tensor { return &o.AntecedentLogits }},
}

// Map holds the outputs that are there, by name.
func (o Output) Map() map[string]tensor.Tensor {
	m := map[string]tensor.Tensor{}
	for _, f := range outputFields {
		if t := *f.of(&o); t.Present() {
			m[f.name] = t
		}
	}
	return m
}

// Result is an Output in host memory, by name.
type Result map[string]tensor.Host

// finite are the values of an output, which must be numbers: comparing NaN would make
// a result out of nothing.
func (r Result) finite(name string) ([]float32, error) {
	v, err := r[name].Float32()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, x := range v {
		if !(math.Abs(float64(x)) <= math.MaxFloat32) {
			return nil, fmt.Errorf("%s is %v at %d, want finite values: %w", name, x, i, ErrInputFormat)
		}
	}
	return v, nil
}

// Read submits the stream and copies everything out.
func (o Output) Read(ctx context.Context, s tensor.Stream) (Result, error) {
	all, err := ReadOutputs(ctx, s, map[string]Output{"": o})
	return all[""], err
}

// ReadOutputs submits the stream and copies the outputs of many tasks out at once.
func ReadOutputs(ctx context.Context, s tensor.Stream, outs map[string]Output) (map[string]Result, error) {
	var dst [][]byte
	var src []tensor.Tensor
	all := map[string]Result{}
	for task, o := range outs {
		all[task] = Result{}
		for name, t := range o.Map() {
			h := tensor.Host{Spec: t.Spec, Data: make([]byte, t.Bytes())}
			all[task][name] = h
			dst, src = append(dst, h.Data), append(src, t)
		}
	}
	if err := s.Read(ctx, dst, src...); err != nil {
		return nil, err
	}
	return all, nil
}
