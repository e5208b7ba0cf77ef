package main

import (
	"bufio"
	"errors"
	"fmt"

	"github.com/cephalo-ml/cephalo"
)

type generateCmd struct {
	pipelineCmd
	MaxNewTokens int      `help:"Tokens to add at most." default:"20" min:"1"`
	Temperature  float64  `help:"Above 0: sample." default:"0" min:"0"`
	TopK         int      `help:"Sample among the N most probable tokens; 0 is all." default:"0"`
	TopP         float64  `help:"Sample among the fewest tokens of this probability; 0 is all." default:"0" min:"0" max:"1"`
	NumBeams     int      `help:"Above 1: beam search; 0 is what the head's config says." default:"0" min:"0"`
	Stop         []string `help:"End before this text." sep:"none"`
	Seed         uint64   `help:"Of sampling." default:"0"`
	Task         string   `help:"Name of the head, of a model with several that generate."`
	Stream       bool     `help:"Write the text as it comes."`
}

func (c *generateCmd) options() cephalo.GenerateOptions {
	return cephalo.GenerateOptions{MaxNewTokens: c.MaxNewTokens, Temperature: c.Temperature, TopK: c.TopK, TopP: c.TopP, NumBeams: c.NumBeams, Stop: c.Stop, Seed: c.Seed, Task: c.Task}
}

func (c *generateCmd) Run(a *app) error {
	switch {
	case c.Stream && c.NumBeams > 1:
		return usagef("--stream and --num-beams exclude each other: a beam search knows its text at the end alone")
	case c.Stream && c.Format != "text":
		return usagef("--stream writes bare text: it does not go with --format %s", c.Format)
	case c.NumBeams > 1 && (c.Temperature > 0 || c.TopK > 0 || c.TopP > 0 && c.TopP < 1):
		return usagef("--num-beams does not go with --temperature, --top-k and --top-p: a beam search does not sample")
	}
	m, err := c.open(a)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.CanGenerate(c.options()); err != nil {
		return err
	}
	var broken error
	lines, err := c.lines(a, &broken)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(a.out)
	defer w.Flush()
	failed := false
	for l := range lines {
		t := textInput(l)
		err := t.Err
		if err == nil && t.Pair != nil {
			err = errors.New("generate takes one text, not a pair")
		}
		if err == nil {
			err = c.one(a, m, w, t.Text)
		}
		if a.ctx.Err() != nil {
			return a.ctx.Err()
		}
		var out writeError
		if errors.As(err, &out) {
			return out.error
		}
		if err == nil {
			continue
		}
		failed = true
		if c.Format == "json" {
			if err := writeJSON(w, map[string]any{"error": err.Error(), "line": l.number}); err != nil {
				return err
			}
		}
		w.Flush()
		fmt.Fprintf(a.errOut, "cephalo: line %d: %v\n", l.number, err)
		if c.Strict {
			break
		}
	}
	switch {
	case broken != nil:
		return broken
	case failed:
		return errPartial
	}
	return nil
}

func (c *generateCmd) one(a *app, m *cephalo.Model, w *bufio.Writer, prompt string) error {
	if c.Stream {
		for piece, err := range m.GenerateStream(a.ctx, prompt, c.options()) {
			if err != nil {
				return ofPrompt(err)
			}
			w.WriteString(piece)
			if err := w.Flush(); err != nil {
				return writeError{err}
			}
		}
		_, err := fmt.Fprintln(w)
		if err == nil {
			err = w.Flush()
		}
		return wrote(err)
	}
	texts, err := m.Generate(a.ctx, []string{prompt}, c.options())
	if err != nil {
		return ofPrompt(err)
	}
	if err := write(w, c.Format, value{json: map[string]any{"generated_text": texts[0]}, text: texts[0]}); err != nil {
		return wrote(err)
	}
	return wrote(w.Flush())
}

// ofPrompt is an error of the only prompt of a call, without its number.
func ofPrompt(err error) error {
	var in *cephalo.InputError
	if errors.As(err, &in) {
		return in.Err
	}
	return err
}

// writeError is an error of the output, which ends the run.
type writeError struct{ error }

func wrote(err error) error {
	if err == nil {
		return nil
	}
	return writeError{err}
}
