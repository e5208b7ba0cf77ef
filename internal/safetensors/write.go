package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Named is a tensor to write: the bytes of Host, or, where Stream is set, F32
// values that Stream puts in order and in pieces of any length.
type Named struct {
	Name string
	tensor.Host
	Stream func(put func(v []float32) error) error
}

// Write makes the safetensors file path of tensors, in any order, and metadata
// (Hugging Face's tools ask for "format": "pt"). Equal input gives equal bytes.
// The file appears under its name when it is complete, as with ReplaceFile, and
// streamed tensors are never in memory as a whole.
func Write(path string, tensors []Named, meta map[string]string) error {
	sorted, head, err := layOut(tensors, meta)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return ReplaceFile(path, func(w io.Writer) error { return put(w, sorted, head) })
}

// put writes what layOut arranged.
func put(w io.Writer, sorted []Named, head []byte) error {
	if _, err := w.Write(head); err != nil {
		return err
	}
	for i := range sorted {
		if err := sorted[i].write(w); err != nil {
			return fmt.Errorf("tensor %q: %w", sorted[i].Name, err)
		}
	}
	return nil
}

// layOut gives the tensors in the order of their data, and the bytes before it.
// The widest elements come first, so that each tensor starts at a multiple of
// its element's size, which readers that map the file depend on; then by name.
func layOut(tensors []Named, meta map[string]string) ([]Named, []byte, error) {
	sorted := slices.Clone(tensors)
	slices.SortFunc(sorted, func(a, b Named) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), cmp.Compare(a.Name, b.Name))
	})
	var out bytes.Buffer
	out.Write(make([]byte, 8)) // the header's length
	sep := byte('{')
	if len(meta) > 0 {
		for k, v := range meta {
			if !utf8.ValidString(k) || !utf8.ValidString(v) {
				return nil, nil, fmt.Errorf("metadata %q: %q: invalid UTF-8", k, v)
			}
		}
		field(&out, sep, metaKey, meta) // encoding/json sorts the keys
		sep = ','
	}
	names := make(map[string]bool, len(sorted))
	at := int64(0)
	for i := range sorted {
		t := &sorted[i]
		if err := t.check(); err != nil {
			return nil, nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if names[t.Name] {
			return nil, nil, fmt.Errorf("tensor %q: name given twice", t.Name)
		}
		names[t.Name] = true
		if at > math.MaxInt64-t.Bytes() {
			return nil, nil, fmt.Errorf("tensor %q: the file exceeds 64 bits: %w", t.Name, tensor.ErrShape)
		}
		field(&out, sep, t.Name, struct {
			DType   string   `json:"dtype"`
			Shape   []int    `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}{t.DType.String(), t.Dims(), [2]int64{at, at + t.Bytes()}})
		sep = ','
		at += t.Bytes()
	}
	if sep == '{' {
		out.WriteByte(sep)
	}
	out.WriteByte('}')
	for out.Len()%8 != 0 {
		out.WriteByte(' ')
	}
	head := out.Bytes()
	if len(head)-8 > maxHeader {
		return nil, nil, fmt.Errorf("header of %d bytes, want at most %d", len(head)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(head, uint64(len(head)-8))
	return sorted, head, nil
}

// field appends one field of an object.
func field(out *bytes.Buffer, sep byte, key string, value any) {
	out.WriteByte(sep)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for i, v := range []any{key, value} {
		if i > 0 {
			out.WriteByte(':')
		}
		if err := e.Encode(v); err != nil {
			panic(err) // strings and integers: cannot fail
		}
		out.Truncate(out.Len() - 1) // the newline of Encode
	}
}

// check says whether the tensor can be written.
func (t *Named) check() error {
	if t.Name == metaKey || !utf8.ValidString(t.Name) {
		return fmt.Errorf("want a name in UTF-8 other than %s", metaKey)
	}
	if t.DType.Size() == 0 {
		return fmt.Errorf("%v: want a dtype: %w", t.Spec, tensor.ErrDType)
	}
	if t.Rank < 0 || t.Rank > tensor.MaxRank {
		return fmt.Errorf("%d axes, want 0 to %d: %w", t.Rank, tensor.MaxRank, tensor.ErrShape)
	}
	if _, err := tensor.SpecOf(t.DType, t.Dims()...); err != nil {
		return err
	}
	if t.Stream != nil {
		if t.DType != tensor.F32 {
			return fmt.Errorf("%v is streamed, want F32: %w", t.Spec, tensor.ErrDType)
		}
		return nil
	}
	if int64(len(t.Data)) != t.Bytes() {
		return fmt.Errorf("%d bytes for %v, want %d: %w", len(t.Data), t.Spec, t.Bytes(), tensor.ErrShape)
	}
	return nil
}

func (t *Named) write(w io.Writer) error {
	if t.Stream == nil {
		_, err := w.Write(t.Data)
		return err
	}
	left := t.Elems()
	buf := make([]byte, 0, 4*min(left, chunkElems))
	err := t.Stream(func(v []float32) error {
		if left -= int64(len(v)); left < 0 {
			return fmt.Errorf("%d values too many for %v: %w", -left, t.Spec, tensor.ErrShape)
		}
		for part := range slices.Chunk(v, chunkElems) {
			buf = buf[:0]
			for _, x := range part {
				buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(x))
			}
			if _, err := w.Write(buf); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && left != 0 {
		err = fmt.Errorf("%d values too few for %v: %w", left, t.Spec, tensor.ErrShape)
	}
	return err
}
