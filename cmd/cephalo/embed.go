package main

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"path/filepath"
	"strings"

	"github.com/cephalo-ml/cephalo"
)

type embedFlags struct {
	Pooling    string `help:"cls, mean, max or last; unset is the folder's." enum:"cls,mean,max,last,," default:""`
	Normalize  *bool  `help:"Length 1; unset is the folder's." negatable:""`
	Dimensions int    `help:"Keep the first N, before normalizing; 0 is all." default:"0"`
	Prompt     string `help:"A prompt of the folder by name, or a text to put before each input."`
}

func (f embedFlags) options(l cephalo.Length) cephalo.EmbedOptions {
	return cephalo.EmbedOptions{Length: l, Pooling: f.Pooling, Normalize: f.Normalize, Dimensions: f.Dimensions, Prompt: f.Prompt}
}

type embedCmd struct {
	pipelineCmd
	lengthFlags
	embedFlags
	Output string `help:"Write all vectors to one .npy or .safetensors file, F32 [n, width]." placeholder:"FILE" type:"path"`
}

func (c *embedCmd) Run(a *app) error {
	if err := c.check(); err != nil {
		return err
	}
	start := func(m *cephalo.Model, in iter.Seq[cephalo.Text]) iter.Seq2[[]float32, error] {
		return m.EmbedSeq(a.ctx, in, c.options(c.length()))
	}
	if c.Output != "" {
		return c.toFile(a, start)
	}
	return runPipeline(a, c.pipelineCmd, textInput, start, func(_ cephalo.Text, v []float32) value {
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = fmt.Sprintf("%g", x)
		}
		return value{json: map[string]any{"embedding": v}, text: strings.Join(parts, " "), tsv: parts}
	})
}

// toFile collects the vectors; every input must succeed, so that rows and inputs
// stay in step.
func (c *embedCmd) toFile(a *app, start func(*cephalo.Model, iter.Seq[cephalo.Text]) iter.Seq2[[]float32, error]) error {
	write := writeNPY
	switch ext := strings.ToLower(filepath.Ext(c.Output)); ext {
	case ".npy":
	case ".safetensors":
		write = cephalo.WriteEmbeddings
	default:
		return usagef("--output ends in %q, want .npy or .safetensors", ext)
	}
	m, err := c.open(a)
	if err != nil {
		return err
	}
	defer m.Close()
	var broken error
	lines, err := c.lines(a, &broken)
	if err != nil {
		return err
	}
	var all []float32
	var numbers []int
	n := 0
	width, err := m.EmbeddingWidth(c.options(c.length()))
	if err != nil {
		return err
	}
	for v, err := range start(m, func(yield func(cephalo.Text) bool) {
		for l := range lines {
			numbers = append(numbers, l.number)
			if !yield(textInput(l)) {
				return
			}
		}
	}) {
		var in *cephalo.InputError
		if errors.As(err, &in) {
			return fmt.Errorf("line %d: %w", numbers[in.Index], in.Err)
		}
		if err != nil {
			return err
		}
		all, n = append(all, v...), n+1
	}
	if broken != nil {
		return broken
	}
	if n > math.MaxInt32 {
		return fmt.Errorf("%d vectors are more than a file of them holds", n)
	}
	return write(c.Output, all, n, width)
}
