package encoders

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/tensor"
)

// reader takes the keys of a config.json, with defaults, and keeps its first error.
type reader struct {
	keys map[string]json.RawMessage
	err  error
}

func newReader(raw []byte) (*reader, error) {
	r := &reader{}
	if err := json.Unmarshal(raw, &r.keys); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	return r, nil
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("config.json: "+format, args...)
	}
}

// raw is the first of the keys that is there and not null.
func (r *reader) raw(names []string) (string, json.RawMessage) {
	for _, n := range names {
		if v, ok := r.keys[n]; ok && !bytes.Equal(bytes.TrimSpace(v), []byte("null")) {
			return n, v
		}
	}
	return names[0], nil
}

func get[T any](r *reader, def T, kind string, names ...string) T {
	name, v := r.raw(names)
	if v == nil {
		return def
	}
	var x T
	if err := json.Unmarshal(v, &x); err != nil {
		r.fail("%s is %s, want %s", name, v, kind)
		return def
	}
	return x
}

func (r *reader) str(def string, names ...string) string { return get(r, def, "a string", names...) }
func (r *reader) boolean(def bool, names ...string) bool {
	return get(r, def, "true or false", names...)
}

// integer reads a number that must be whole and at least lo.
func (r *reader) integer(def, lo int, names ...string) int {
	return r.upTo(math.MaxInt32, def, lo, names...)
}

// maxLayers bounds what a config may ask to be built, whatever its weights are.
const maxLayers = 1 << 12

// layers reads a number of layers.
func (r *reader) layers(def int, names ...string) int { return r.upTo(maxLayers, def, 1, names...) }

func (r *reader) upTo(hi, def, lo int, names ...string) int {
	f := get(r, float64(def), "a whole number", names...)
	if f != math.Trunc(f) || f < float64(lo) || f > float64(hi) {
		name, v := r.raw(names)
		r.fail("%s is %s, want a whole number from %d to %d", name, v, lo, hi)
		return def
	}
	return int(f)
}

// float reads a finite number in [lo, hi).
func (r *reader) float(def, lo, hi float64, names ...string) float64 {
	f := get(r, def, "a number", names...)
	if !(f >= lo && f < hi) {
		name, v := r.raw(names)
		r.fail("%s is %s, want a number from %g up to below %g", name, v, lo, hi)
		return def
	}
	return f
}

func (r *reader) act(def string, names ...string) tensor.Act {
	name, _ := r.raw(names)
	a, err := tensor.ParseAct(r.str(def, names...))
	if err != nil {
		r.fail("%s: %w", name, err)
	}
	return a
}

// refuse makes a key that changes results, and is not supported, an error.
func (r *reader) refuse(name string, allowed ...string) {
	_, v := r.raw([]string{name})
	if v == nil {
		return
	}
	for _, a := range allowed {
		if string(bytes.TrimSpace(v)) == a {
			return
		}
	}
	r.fail("%s = %s is not supported (supported: absent, null%s): %w", name, v, list(allowed), tensor.ErrUnsupported)
}

func list(vs []string) string {
	s := ""
	for _, v := range vs {
		s += ", " + v
	}
	return s
}

func (r *reader) architectures() []string {
	return get(r, []string(nil), "a list of class names", "architectures")
}
