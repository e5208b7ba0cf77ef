package cephalo

import (
	"context"
	"fmt"
	"iter"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// TaskResult is what one head of a multi-task model says of a text; one field is set.
type TaskResult struct {
	Classification *Classification
	Entities       []Entity
	Embedding      []float32
}

// Tasks are the names of a multi-task model's heads, nil for any other model.
func (m *Model) Tasks() []string {
	if mt, ok := m.module.(*heads.MultiTask); ok {
		return mt.Tasks()
	}
	return nil
}

// TasksOptions are the rare knobs of PredictTasks.
type TasksOptions struct {
	Length
	Tag TagOptions // of the token heads; its Length is not read
}

// PredictTasks runs all heads of a multi-task model over each text: one encoder
// pass, one submit.
func (m *Model) PredictTasks(ctx context.Context, texts []Text, o TasksOptions) ([]map[string]TaskResult, error) {
	return all(m.PredictTasksSeq(ctx, func(yield func(Text) bool) {
		for _, t := range texts {
			if !yield(t) {
				return
			}
		}
	}, o))
}

// rawTask is what a head gave for one text, on the host.
type rawTask struct {
	vector []float32   // logits of a sentence head, an embedding
	tokens tokenOutput // of a token head
}

// PredictTasksSeq does so as texts come.
func (m *Model) PredictTasksSeq(ctx context.Context, texts iter.Seq[Text], o TasksOptions) iter.Seq2[map[string]TaskResult, error] {
	mt, ok := m.module.(*heads.MultiTask)
	if !ok {
		return failed[map[string]TaskResult](fmt.Errorf("the model has no heads for several tasks"))
	}
	for _, name := range mt.Tasks() {
		h, err := mt.Head(name)
		if err != nil {
			return failed[map[string]TaskResult](err)
		}
		switch k := kindOf(h); k {
		case heads.KindTextClassification, heads.KindTokenClassification, heads.KindTextSimilarity:
		default:
			return failed[map[string]TaskResult](fmt.Errorf("task %q: a %s head does not read one text: %w", name, k, tensor.ErrUnsupported))
		}
	}
	tag := o.Tag
	if tag.Aggregation == "" {
		tag.Aggregation = AggregateSimple
	}
	if tag.IgnoreLabels == nil {
		tag.IgnoreLabels = []string{"O"}
	}
	prepare := func(t Text) (work[map[string]rawTask, map[string]TaskResult], error) {
		e, err := m.encode(t, o.Length)
		if err != nil {
			return work[map[string]rawTask, map[string]TaskResult]{}, err
		}
		return work[map[string]rawTask, map[string]TaskResult]{seqs: []sequence{m.sequenceOf(e)}, finish: func(w []map[string]rawTask) (map[string]TaskResult, error) {
			out := map[string]TaskResult{}
			for name, raw := range w[0] {
				h, err := mt.Head(name)
				if err != nil {
					return nil, err
				}
				switch kindOf(h) {
				case heads.KindTextClassification:
					c := classification(raw.vector, h.Config(), ClassifyOptions{TopK: len(raw.vector)})
					out[name] = TaskResult{Classification: &c}
				case heads.KindTokenClassification:
					ps := m.pieces([]*tokenizers.Encoding{e}, []tokenOutput{raw.tokens})
					out[name] = TaskResult{Entities: entities(t.Text, ps, h.Config().Labels, tag)}
				default:
					out[name] = TaskResult{Embedding: raw.vector}
				}
			}
			return out, nil
		}}, nil
	}
	return pipeline(ctx, m, texts, prepare, func(ctx context.Context, seqs []sequence) ([]map[string]rawTask, error) {
		return m.runTasks(ctx, mt, seqs)
	})
}

// kindOf is the kind of a head, "" where it tells none.
func kindOf(h heads.Head) heads.Kind {
	if k, ok := h.(interface{ Kind() heads.Kind }); ok {
		return k.Kind()
	}
	return ""
}

// runTasks encodes a batch once, runs every head on the same stream, and reads all
// their outputs in one map.
func (m *Model) runTasks(ctx context.Context, mt *heads.MultiTask, seqs []sequence) ([]map[string]rawTask, error) {
	batch, err := pack(seqs)
	if err != nil {
		return nil, err
	}
	out := make([]map[string]rawTask, len(seqs))
	for i := range out {
		out[i] = map[string]rawTask{}
	}
	err = m.forward(ctx, func(s *tensor.Scope) error {
		enc, err := m.encoder.Forward(s, batch, encoders.Want{Pooled: m.encoder.HasPooler()})
		if err != nil {
			return err
		}
		res, err := mt.Forward(s, heads.Input{Hidden: enc.Hidden, Layout: batch.Layout, Pooled: enc.Pooled})
		if err != nil {
			return err
		}
		var raw [][]byte
		var src []tensor.Tensor
		read := func(t tensor.Tensor) { raw, src = append(raw, make([]byte, t.Bytes())), append(src, t) }
		for _, name := range mt.Tasks() {
			o := res[name]
			switch {
			case o.Embeddings.Present():
				read(o.Embeddings)
			case o.Predictions.Present():
				read(o.Logits)
				read(o.Predictions)
			default:
				read(o.Logits)
			}
		}
		if err := s.Read(ctx, raw, src...); err != nil {
			return err
		}
		k := 0
		next := func() (tensor.Host, int) {
			h := tensor.Host{Spec: src[k].Spec, Data: raw[k]}
			k++
			return h, h.Cols()
		}
		for _, name := range mt.Tasks() {
			h, w := next()
			v, err := h.Float32()
			if err != nil {
				return err
			}
			if !res[name].Predictions.Present() {
				for i := range out {
					out[i][name] = rawTask{vector: v[i*w : (i+1)*w]}
				}
				continue
			}
			p, _ := next()
			path, err := p.Int64()
			if err != nil {
				return err
			}
			head, err := mt.Head(name)
			if err != nil {
				return err
			}
			for i, start := range batch.Layout.Start {
				var t tokenOutput
				for r := int(start); r < int(start+batch.Layout.Len[i]); r++ {
					t.logits = append(t.logits, v[r*w:(r+1)*w])
					if head.Config().UseCRF {
						t.path = append(t.path, int32(path[r]))
					}
				}
				out[i][name] = rawTask{tokens: t}
			}
		}
		return nil
	})
	return out, err
}
