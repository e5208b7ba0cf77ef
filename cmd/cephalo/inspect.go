package main

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/cephalo-ml/cephalo"
)

type inspectCmd struct {
	Folder string `arg:"" optional:"" help:"Model folder; without it the embedded model." type:"path" default:""`
	backendFlags
	Format  string `help:"Output: ${enum}." enum:"text,json,tsv" default:"text"`
	Tensors bool   `help:"List every tensor of the file."`
}

func (c *inspectCmd) Run(a *app) error {
	m, err := modelFlags{Model: c.Folder, backendFlags: c.backendFlags}.open(a)
	if err != nil {
		return err
	}
	defer m.Close()
	d, err := m.Describe()
	if err != nil {
		return err
	}
	tensors := d.Tensors
	if !c.Tensors {
		d.Tensors, tensors = nil, nil
	}
	switch c.Format {
	case "json":
		return writeJSON(a.out, d)
	case "tsv":
		d.Tensors = nil // a row each
		if err := writeKeys(a.out, d); err != nil {
			return err
		}
		for _, t := range tensors {
			if err := write(a.out, "tsv", value{tsv: []string{"tensors." + t.Name, fmt.Sprintf("%s %v", t.DType, t.Shape)}}); err != nil {
				return err
			}
		}
		return nil
	}
	return describe(a, d)
}

func describe(a *app, d *cephalo.Description) error {
	var b strings.Builder
	row := func(k, format string, args ...any) { fmt.Fprintf(&b, "%-22s %s\n", k, fmt.Sprintf(format, args...)) }
	row("family", "%s (%s)", d.ModelType, d.Class)
	row("hidden size", "%d", d.HiddenSize)
	row("layers, heads", "%d, %d (head dim %d)", d.NumHiddenLayers, d.NumAttentionHeads, d.HeadDim)
	row("vocabulary", "%d", d.VocabSize)
	row("longest input", "%d tokens", d.MaxTokens)
	if len(d.Heads) == 0 {
		row("head", "none")
	}
	for _, h := range d.Heads {
		row("head", "%s", strings.Join(slices.DeleteFunc([]string{h.Name, h.TaskType, string(h.Kind)}, func(s string) bool { return s == "" }), ", "))
		if len(h.Labels) > 0 {
			row("labels", "%s", strings.Join(h.Labels, ", "))
		}
	}
	row("tokenizer", "%s", d.Tokenizer)
	row("backend", "%s", d.Backend)
	row("parameters", "%d", d.Parameters)
	var types []string
	for t, n := range d.DTypes {
		types = append(types, fmt.Sprintf("%s x %d", t, n))
	}
	sort.Strings(types)
	row("tensors on disk", "%s", strings.Join(types, ", "))
	row("bytes on disk", "%d", d.BytesOnDisk)
	row("bytes in memory", "%d", d.BytesInMemory)
	row("bytes per batch", "%d (one sequence of %d tokens)", d.BytesPerBatch, d.BatchTokens)
	for _, t := range d.Tensors {
		row("", "%s %s %v", t.Name, t.DType, t.Shape)
	}
	_, err := a.out.Write([]byte(b.String()))
	return err
}
