package heads

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// MarshalJSON writes every field, null where one is unset.
func (c TaskConfig) MarshalJSON() ([]byte, error) { return allFields(c) }

// MarshalJSON writes every option, null where one is unset or not for the head.
func (o Options) MarshalJSON() ([]byte, error) { return allFields(o) }

// UnmarshalJSON is strict: an unknown key is an error that lists the known, and so are a
// key that comes twice and a number of 0 or an empty text, which a Go value reads as
// unset. Keys are matched as they are written. What is left out or null has its default.
func (c *TaskConfig) UnmarshalJSON(raw []byte) error {
	type plain TaskConfig
	return decodeFields(raw, (*plain)(c))
}

// UnmarshalJSON is strict, as that of TaskConfig.
func (o *Options) UnmarshalJSON(raw []byte) error {
	type plain Options
	return decodeFields(raw, (*plain)(o))
}

// UnmarshalJSON is strict, as that of TaskConfig.
func (f *manifest) UnmarshalJSON(raw []byte) error {
	type plain manifest
	return decodeFields(raw, (*plain)(f), "format_version", "input_dim", "heads")
}

// UnmarshalJSON is strict, as that of TaskConfig.
func (h *headJSON) UnmarshalJSON(raw []byte) error {
	type plain headJSON
	return decodeFields(raw, (*plain)(h), "input_dim", "task", "options")
}

// UnmarshalJSON says in which head an error lies.
func (l *headList) UnmarshalJSON(raw []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	*l = make(headList, len(list))
	for i, raw := range list {
		if err := (*l)[i].UnmarshalJSON(raw); err != nil {
			return fmt.Errorf("head %d: %w", i, err)
		}
	}
	return nil
}

// decodeStrict decodes into a type that decodes by decodeFields, and refuses anything
// after the value.
func decodeStrict(raw []byte, v json.Unmarshaler) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("more than one JSON value")
	}
	return nil
}

// members are the members of a JSON object, each of which comes once.
func members(raw []byte) (map[string]json.RawMessage, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(raw, &all); err != nil || all == nil {
		return nil, err
	}
	d, seen := json.NewDecoder(bytes.NewReader(raw)), map[string]bool{}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		if seen[name] {
			return nil, fmt.Errorf("key %q comes twice", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// decodeFields reads a JSON object with the required keys into the struct that v points to.
func decodeFields(raw []byte, v any, required ...string) error {
	given, err := members(raw)
	if err != nil {
		return err
	}
	rv := reflect.ValueOf(v).Elem()
	var known []string
	for i := range rv.NumField() {
		if key := keyOf(rv.Type().Field(i)); key != "-" {
			known = append(known, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, key) {
			return fmt.Errorf("unknown field %q, want one of %s", key, join(known))
		}
	}
	for _, key := range required {
		switch text, ok := given[key]; {
		case !ok:
			return fmt.Errorf("key %q is missing", key)
		case string(text) == "null":
			return fmt.Errorf("key %q is null, want a value", key)
		}
	}
	for i := range rv.NumField() {
		key, f := keyOf(rv.Type().Field(i)), rv.Field(i)
		text, ok := given[key]
		if !ok || string(text) == "null" {
			continue
		}
		if err := json.Unmarshal(text, f.Addr().Interface()); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		if !f.IsZero() {
			continue
		}
		switch f.Kind() {
		case reflect.Int:
			return fmt.Errorf("%s is 0, want more than 0", key)
		case reflect.String:
			return fmt.Errorf("%s is empty", key)
		}
	}
	return nil
}

// keyOf is the JSON key of a field, "-" where it has none.
func keyOf(f reflect.StructField) string {
	key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return key
}

// allFields is v as a JSON object of all its fields in order: a number or a text
// that is unset is null, as decoding reads it.
func allFields(v any) ([]byte, error) {
	var buf bytes.Buffer
	buf.WriteByte('{')
	rv := reflect.ValueOf(v)
	for i := range rv.NumField() {
		key := keyOf(rv.Type().Field(i))
		if key == "-" {
			continue
		}
		f := rv.Field(i)
		raw := []byte("null")
		if !f.IsZero() || f.Kind() == reflect.Bool || f.Kind() == reflect.Float64 {
			var err error
			if raw, err = json.Marshal(f.Interface()); err != nil {
				return nil, err
			}
		}
		if i > 0 {
			buf.WriteByte(',')
		}
		fmt.Fprintf(&buf, "%q:%s", key, raw)
	}
	buf.WriteByte('}')
	return buf.Bytes(), nil
}
