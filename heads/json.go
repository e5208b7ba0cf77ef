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

// UnmarshalJSON is strict: an unknown key is an error that lists the known, and so is
// a number of 0 or an empty text, which a Go value reads as unset.
func (c *TaskConfig) UnmarshalJSON(raw []byte) error {
	type plain TaskConfig
	return decodeFields(raw, (*plain)(c))
}

// UnmarshalJSON is strict, as that of TaskConfig.
func (o *Options) UnmarshalJSON(raw []byte) error {
	type plain Options
	return decodeFields(raw, (*plain)(o))
}

// decodeStrict refuses unknown keys and anything after the value.
func decodeStrict(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("more than one JSON value")
	}
	return nil
}

// decodeFields reads a JSON object into the struct that v points to.
func decodeFields(raw []byte, v any) error {
	var given map[string]json.RawMessage
	if err := json.Unmarshal(raw, &given); err != nil {
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
			return fmt.Errorf("unknown field %q, want one of %s", key, strings.Join(known, ", "))
		}
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return err
	}
	for i := range rv.NumField() {
		key, f := keyOf(rv.Type().Field(i)), rv.Field(i)
		if text, ok := given[key]; !ok || string(text) == "null" || !f.IsZero() {
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
