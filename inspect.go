package cephalo

import (
	"context"
	"errors"
	"io/fs"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/tensor"
)

// TensorInfo is one tensor of the folder's file.
type TensorInfo struct {
	Name  string `json:"name"`
	DType string `json:"dtype"`
	Shape []int  `json:"shape"`
}

// HeadInfo is one of a model's heads.
type HeadInfo struct {
	Name     string   `json:"name"`
	TaskType string   `json:"task_type,omitempty"`
	Kind     HeadKind `json:"kind"`
	Labels   []string `json:"labels,omitempty"`

	Regression bool `json:"regression,omitempty"` // a classification head that gives values
}

// Description is what a folder holds.
type Description struct {
	ModelType         string         `json:"model_type"`
	Class             string         `json:"class"`
	HiddenSize        int            `json:"hidden_size"`
	NumHiddenLayers   int            `json:"num_hidden_layers"`
	NumAttentionHeads int            `json:"num_attention_heads"`
	HeadDim           int            `json:"head_dim"`
	VocabSize         int            `json:"vocab_size"`
	MaxTokens         int            `json:"max_tokens"`
	Head              string         `json:"head"` // its kind, or multi-task, or none
	Labels            []string       `json:"labels,omitempty"`
	Heads             []HeadInfo     `json:"heads,omitempty"`
	Tokenizer         string         `json:"tokenizer"`
	Backend           string         `json:"backend"`
	Parameters        int64          `json:"parameters"`
	DTypes            map[string]int `json:"dtypes"`
	BytesOnDisk       int64          `json:"bytes_on_disk"`
	BytesInMemory     int64          `json:"bytes_in_memory"`
	BytesPerBatch     int64          `json:"bytes_per_batch"` // temporaries at their peak, measured
	BatchTokens       int            `json:"batch_tokens"`    // of the sequence measured
	Tensors           []TensorInfo   `json:"tensors,omitempty"`
}

// Describe says what the folder holds and what it takes in memory; a sequence of
// up to 128 tokens is run to measure the temporaries.
func (m *Model) Describe() (*Description, error) {
	done, err := m.use()
	if err != nil {
		return nil, err
	}
	defer done()
	ctx := context.Background()
	src, err := m.folder.open(ctx)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	c := m.encoder.Config()
	d := &Description{
		ModelType: c.ModelType, Class: orNone(m.folder.class), HiddenSize: c.HiddenSize, NumHiddenLayers: c.NumHiddenLayers,
		NumAttentionHeads: c.NumAttentionHeads, HeadDim: c.HeadDim, VocabSize: c.VocabSize, MaxTokens: c.MaxTokens,
		Labels: m.Labels(), Backend: m.backend.Name(), Parameters: m.weights.Count(), DTypes: map[string]int{},
		BytesInMemory: m.weights.Bytes(), BatchTokens: min(128, c.MaxTokens), Tokenizer: "none",
	}
	d.Head = "none"
	switch {
	case m.head != nil:
		d.Head = string(m.kind())
	case m.module != nil:
		d.Head = "multi-task"
	}
	if m.tokenizer != nil {
		d.Tokenizer = m.tokenizer.Kind()
	}
	d.list(src)
	if err := m.describeHeads(d); err != nil {
		return nil, err
	}
	batch, err := encoders.PackBatch([][]int32{make([]int32, d.BatchTokens)}, nil)
	if err != nil {
		return nil, err
	}
	err = m.forward(ctx, func(s *tensor.Scope) error {
		out, err := m.encoder.Forward(s, batch, encoders.Want{})
		if err != nil {
			return err
		}
		if err := s.Read(ctx, nil); err != nil {
			return err
		}
		d.BytesPerBatch = s.Stats().PeakBytes
		s.Free(out.Hidden.Buf)
		return nil
	})
	return d, err
}

// list adds the tensors of a file.
func (d *Description) list(src safetensors.Source) {
	for _, n := range src.Names() {
		sp, _ := src.Spec(n)
		d.DTypes[sp.DType.String()]++
		d.BytesOnDisk += sp.Bytes()
		d.Tensors = append(d.Tensors, TensorInfo{Name: n, DType: sp.DType.String(), Shape: src.Dims(n)})
	}
}

// Heads are the model's heads, none where it has none.
func (m *Model) Heads() []HeadInfo {
	all, err := m.tasks()
	if err != nil {
		return nil
	}
	infos := make([]HeadInfo, len(all))
	for i, t := range all {
		c := t.config()
		infos[i] = HeadInfo{Name: t.name, TaskType: string(c.TaskType), Kind: t.kind(), Labels: c.Labels, Regression: c.ProblemType == heads.RegressionProblem}
	}
	return infos
}

// describeHeads adds the heads; what lies in heads.safetensors is theirs.
func (m *Model) describeHeads(d *Description) error {
	d.Heads = m.Heads()
	if m.headWeights == nil {
		return nil
	}
	d.Parameters += m.headWeights.Count()
	d.BytesInMemory += m.headWeights.Bytes()
	f, err := safetensors.OpenFS(m.folder.fsys, heads.WeightsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // attached, not saved
	}
	if err != nil {
		return err
	}
	defer f.Close()
	d.list(f)
	return nil
}

// HeadKind is the kind of the folder's head, "" without one.
func (m *Model) HeadKind() heads.Kind { return m.kind() }

// HeadError says why the folder has no head here, nil where it has one.
func (m *Model) HeadError() error { return m.noHead }
