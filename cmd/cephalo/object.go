package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// keys are what an object of the input may hold, each with what reads its value. A
// key whose value is null counts as absent.
var keys = []struct {
	name string
	read func(l *line, raw json.RawMessage) error
}{
	{"text", func(l *line, raw json.RawMessage) error { return readText(raw, &l.Text) }},
	{"text_pair", func(l *line, raw json.RawMessage) error { return readText(raw, &l.TextPair) }},
	{"question", func(l *line, raw json.RawMessage) error { return readText(raw, &l.Question) }},
	{"context", func(l *line, raw json.RawMessage) error { return readText(raw, &l.Context) }},
	{"query", func(l *line, raw json.RawMessage) error { return readText(raw, &l.Query) }},
	{"choices", func(l *line, raw json.RawMessage) error { return readList(raw, &l.Choices, "a string") }},
	{"texts", func(l *line, raw json.RawMessage) error { return readList(raw, &l.Texts, "a string") }},
	{"labels", func(l *line, raw json.RawMessage) error { return readList(raw, &l.Labels, "a string") }},
	{"ids", func(l *line, raw json.RawMessage) error {
		return readList(raw, &l.IDs, "a whole number of at most 32 bits")
	}},
	{"targets", func(l *line, raw json.RawMessage) error {
		return readList(raw, &l.Targets, "a string or [start,end] with 0 <= start < end")
	}},
}

// parseObject reads a JSON object into l. Unlike encoding/json it takes a key by its
// exact name alone and once, and no null for an element of a list.
func parseObject(raw []byte, l *line) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil { // the brace
		return notJSON(err)
	}
	seen := make([]bool, len(keys))
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return notJSON(err)
		}
		name, _ := t.(string) // an object has no other keys
		k := 0
		for k < len(keys) && keys[k].name != name {
			k++
		}
		if k == len(keys) {
			return fmt.Errorf("unknown key %q: the keys are %s", name, keyNames())
		}
		if seen[k] {
			return fmt.Errorf("the key %q comes twice", name)
		}
		seen[k] = true
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return notJSON(err)
		}
		if bytes.Equal(v, null) {
			continue
		}
		if err := keys[k].read(l, v); err != nil {
			return fmt.Errorf("the key %q%w", name, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return notJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the JSON object")
	}
	return nil
}

var null = []byte("null")

func keyNames() string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.name
	}
	return strings.Join(names, ", ")
}

func notJSON(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("not a JSON object of the keys %s: %w", keyNames(), err)
}

// readText reads a string. The errors of this and of readList go on after the key.
func readText(raw json.RawMessage, to **string) error {
	if json.Unmarshal(raw, to) != nil {
		return fmt.Errorf(" is %s, want a string", excerpt(raw))
	}
	return nil
}

// readList reads a list of values, none of which may be null.
func readList[T any](raw json.RawMessage, to *[]T, want string) error {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return fmt.Errorf(" is %s, want a list, each element %s", excerpt(raw), want)
	}
	*to = make([]T, len(list))
	for i, e := range list {
		if bytes.Equal(e, null) || json.Unmarshal(e, &(*to)[i]) != nil {
			return fmt.Errorf(" has %s as element %d, want %s", excerpt(e), i, want)
		}
	}
	return nil
}

// UnmarshalJSON takes a string, or two whole numbers in order.
func (t *target) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte(`"`)) {
		return json.Unmarshal(raw, &t.Word)
	}
	var at []*int
	if err := json.Unmarshal(raw, &at); err != nil {
		return err
	}
	if len(at) != 2 || at[0] == nil || at[1] == nil || *at[0] < 0 || *at[1] <= *at[0] {
		return errors.New("no pair")
	}
	t.Start, t.End = *at[0], *at[1]
	return nil
}

// excerpt is the beginning of a value.
func excerpt(raw []byte) string {
	const most = 40
	if len(raw) <= most {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw[:most]), "") + "…"
}
