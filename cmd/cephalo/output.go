package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/cephalo-ml/cephalo"
)

// outputFlags say how results are written.
type outputFlags struct {
	Format string `help:"Output: ${enum}." enum:"text,json,tsv" default:"text"`
	Strict bool   `help:"Stop at the first input that fails."`
}

// value is a result in all three forms.
type value struct {
	json any
	text string   // for people; may hold newlines
	tsv  []string // the columns of a row; nil: as text
}

// writeAll writes results as they come, one for each input. A failing input is
// reported with its line, keeps its place in JSON, and does not stop the rest
// unless strict. The error is errPartial when inputs failed.
func writeAll[R any](a *app, o outputFlags, results iter.Seq2[R, error], number func(index int) int, render func(index int, r R) value) error {
	w := bufio.NewWriter(a.out)
	defer w.Flush()
	failed, index := false, 0
	for r, err := range results {
		var in *cephalo.InputError
		switch {
		case errors.As(err, &in):
			n := number(in.Index)
			failed = true
			w.Flush()
			if o.Format == "json" {
				if err := writeJSON(w, map[string]any{"error": in.Err.Error(), "line": n}); err != nil {
					return err
				}
			}
			fmt.Fprintf(a.errOut, "cephalo: line %d: %v\n", n, in.Err)
			if o.Strict {
				w.Flush()
				return errPartial
			}
		case err != nil:
			return err
		default:
			if e := write(w, o.Format, render(index, r)); e != nil {
				return e
			}
		}
		index++
		if e := w.Flush(); e != nil {
			return e
		}
	}
	if failed {
		return errPartial
	}
	return nil
}

func write(w io.Writer, format string, v value) error {
	switch format {
	case "json":
		return writeJSON(w, v.json)
	case "tsv":
		cols := v.tsv
		if cols == nil {
			cols = []string{v.text}
		}
		for i, c := range cols {
			cols[i] = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(c)
		}
		_, err := fmt.Fprintln(w, strings.Join(cols, "\t"))
		return err
	}
	_, err := fmt.Fprintln(w, v.text)
	return err
}

// writeJSON writes one value a line, without escaping <, > and &.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

// writeKeys writes a row of key and value for each key of v's JSON object, in its
// order; lists and objects as JSON.
func writeKeys(w io.Writer, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil { // the brace
		return err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return err
		}
		var val json.RawMessage
		if err := d.Decode(&val); err != nil {
			return err
		}
		text := string(val)
		if text[0] == '"' {
			if err := json.Unmarshal(val, &text); err != nil {
				return err
			}
		}
		if err := write(w, "tsv", value{tsv: []string{fmt.Sprint(key), text}}); err != nil {
			return err
		}
	}
	return nil
}
