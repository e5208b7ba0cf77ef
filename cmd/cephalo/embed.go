package main

import (
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/cephalo-ml/cephalo"
)

type embedFlags struct {
	Pooling    string `help:"cls, mean, max or last; unset is the folder's." enum:",cls,mean,max,last" default:""`
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
	Output string `help:"Write all vectors to one .npy or .safetensors file, F32 [n, width]." placeholder:"FILE" type:"path" default:""`
}

func (c *embedCmd) Run(a *app) error {
	if err := c.whole("embed"); err != nil {
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

// toFile writes the vectors as they come; every input must succeed, so that rows
// and inputs stay in step, and the file appears when it is whole.
func (c *embedCmd) toFile(a *app, start func(*cephalo.Model, iter.Seq[cephalo.Text]) iter.Seq2[[]float32, error]) error {
	if c.Format != "text" {
		return usagef("--output writes vectors to a file: it does not go with --format %s", c.Format)
	}
	if _, err := headerOf(c.Output); err != nil {
		return err
	}
	m, err := c.open(a)
	if err != nil {
		return err
	}
	defer m.Close()
	width, err := m.EmbeddingWidth(c.options(c.length()))
	if err != nil {
		return err
	}
	var broken error
	lines, err := c.lines(a, &broken)
	if err != nil {
		return err
	}
	file, err := createVectors(c.Output, width)
	if err != nil {
		return err
	}
	defer file.discard()
	for v, err := range start(m, func(yield func(cephalo.Text) bool) {
		for l := range lines {
			if !yield(textInput(l)) {
				return
			}
		}
	}) {
		var in *cephalo.InputError
		if errors.As(err, &in) {
			return fmt.Errorf("line %d: %w; no file was written: its rows are the lines", in.Index+1, in.Err)
		}
		if err == nil {
			err = file.write(v)
		}
		if err != nil {
			return err
		}
	}
	if broken != nil {
		return broken
	}
	if err := a.ctx.Err(); err != nil { // a signal ends the lines, not the file
		return err
	}
	return file.finish()
}
