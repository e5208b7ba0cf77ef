package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cephalo-ml/cephalo/tensor"
)

// ErrFormat is wrapped by the errors of files that are no safetensors files:
// truncated, with a header that cannot be read or that contradicts the data.
var ErrFormat = errors.New("malformed safetensors file")

const (
	maxHeader = 100_000_000 // bytes; the limit of the reference implementation
	maxAxes   = 64          // NumPy's and PyTorch's limit
	metaKey   = "__metadata__"
)

// foreign are the element types of the format that a tensor cannot hold, and
// their bytes. A file may have them, as long as nobody reads them.
var foreign = map[string]int{
	"F64": 8, "U64": 8, "C64": 8, "U32": 4, "I16": 2, "U16": 2,
	"F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1,
}

// entry is one tensor of a header.
type entry struct {
	dtype      string
	size       int64 // bytes of an element
	shape      []int
	begin, end int64 // of its bytes, from the start of the data
}

// spec is the tensor's form, if it has one that this module can hold.
func (e *entry) spec() (tensor.Spec, error) {
	d, err := tensor.ParseDType(e.dtype)
	if err != nil {
		return tensor.Spec{}, fmt.Errorf("dtype %s: %w", e.dtype, tensor.ErrUnsupported)
	}
	return tensor.SpecOf(d, e.shape...)
}

type header struct {
	entries map[string]*entry
	names   []string // sorted
	meta    map[string]string
	data    int64 // offset of the data in the file
}

// readHeader reads and checks the header of a file of size bytes. What it
// returns can be relied on: every tensor lies inside the data, none overlaps
// another, and its length is that of its shape.
func readHeader(r io.ReaderAt, size int64) (*header, error) {
	var first [8]byte
	if size < int64(len(first)) {
		return nil, fmt.Errorf("%d bytes, want at least 8: %w", size, ErrFormat)
	}
	if err := readFull(r, first[:], 0); err != nil {
		return nil, err
	}
	if string(first[:]) == "version " {
		return nil, fmt.Errorf("text that begins with %q, as the pointer files of Git LFS do: the weights themselves are not here: %w", first, ErrFormat)
	}
	n := binary.LittleEndian.Uint64(first[:])
	switch {
	case n > maxHeader:
		return nil, fmt.Errorf("header of %d bytes, want at most %d: %w", n, maxHeader, ErrFormat)
	case int64(n) > size-8:
		return nil, fmt.Errorf("header of %d bytes in a file of %d: %w", n, size, ErrFormat)
	}
	raw := make([]byte, n)
	if err := readFull(r, raw, 8); err != nil {
		return nil, err
	}
	h := &header{entries: map[string]*entry{}, data: 8 + int64(n)}
	if err := h.parse(raw); err != nil {
		return nil, fmt.Errorf("header: %w: %w", err, ErrFormat)
	}
	if err := h.place(size - h.data); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrFormat)
	}
	return h, nil
}

// parse reads the JSON. It goes token by token because encoding/json takes the
// last of two equal keys, any case of a key, and null for everything.
func (h *header) parse(raw []byte) error {
	if !utf8.Valid(raw) {
		return errors.New("invalid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err := object(d, func(key string) (err error) {
		if key == metaKey {
			h.meta, err = metadata(d)
			return err
		}
		e := &entry{}
		if err := e.parse(d); err != nil {
			return fmt.Errorf("tensor %q: %w", key, err)
		}
		h.entries[key] = e
		h.names = append(h.names, key)
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(h.names)
	if t, err := d.Token(); err != io.EOF {
		return fmt.Errorf("%v %v after its end", t, err)
	}
	return nil
}

func (e *entry) parse(d *json.Decoder) error {
	var shape, offsets []int64
	err := object(d, func(key string) (err error) {
		switch key {
		case "dtype":
			e.dtype, err = text(d)
		case "shape":
			shape, err = integers(d, maxAxes)
		case "data_offsets":
			offsets, err = integers(d, 2)
		default:
			err = d.Decode(new(json.RawMessage))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case e.dtype == "":
		return errors.New("no dtype")
	case shape == nil:
		return errors.New("no shape")
	case len(offsets) != 2:
		return fmt.Errorf("data_offsets %v, want begin and end", offsets)
	}
	e.begin, e.end = offsets[0], offsets[1]
	return e.check(shape)
}

// check holds dtype, shape and offsets against each other.
func (e *entry) check(shape []int64) error {
	e.size = int64(foreign[e.dtype])
	if e.size == 0 {
		d, err := tensor.ParseDType(e.dtype)
		if err != nil {
			return err
		}
		e.size = int64(d.Size())
	}
	need := e.size
	e.shape = make([]int, len(shape))
	for i, v := range shape {
		if v < 0 || v > math.MaxInt32 {
			return fmt.Errorf("shape %v: size %d, want 0 to %d: %w", shape, v, math.MaxInt32, tensor.ErrShape)
		}
		if v > 0 && need > math.MaxInt64/v {
			return fmt.Errorf("shape %v: its size in bytes overflows 64 bits: %w", shape, tensor.ErrShape)
		}
		need *= v
		e.shape[i] = int(v)
	}
	if e.begin < 0 || e.end < e.begin {
		return fmt.Errorf("data_offsets [%d %d], want 0 <= begin <= end", e.begin, e.end)
	}
	if got := e.end - e.begin; got != need {
		return fmt.Errorf("%s%v needs %d bytes, data_offsets [%d %d] declare %d: %w", e.dtype, shape, need, e.begin, e.end, got, tensor.ErrShape)
	}
	return nil
}

// place checks that the tensors fill the data, of length bytes, without gaps and
// overlaps.
func (h *header) place(length int64) error {
	order := slices.Clone(h.names)
	slices.SortFunc(order, func(a, b string) int {
		x, y := h.entries[a], h.entries[b]
		return cmp.Or(cmp.Compare(x.begin, y.begin), cmp.Compare(x.end, y.end), cmp.Compare(a, b))
	})
	at := int64(0)
	for _, name := range order {
		e := h.entries[name]
		if e.end > length {
			return fmt.Errorf("tensor %q: data_offsets [%d %d], but the file has %d bytes of data", name, e.begin, e.end, length)
		}
		if e.begin != at {
			return fmt.Errorf("tensor %q: data_offsets [%d %d], want begin %d, where the tensor before it ends", name, e.begin, e.end, at)
		}
		at = e.end
	}
	if at != length {
		return fmt.Errorf("%d bytes of data, want %d, where the last tensor ends", length, at)
	}
	return nil
}

// object reads an object; field reads the value of each key.
func object(d *json.Decoder, field func(key string) error) error {
	t, err := d.Token()
	if err != nil {
		return ended(err)
	}
	if t != json.Delim('{') {
		return fmt.Errorf("%s, want an object", shown(t))
	}
	return members(d, field)
}

// members reads the rest of an object whose brace has been read.
func members(d *json.Decoder, field func(key string) error) error {
	seen := map[string]bool{}
	for d.More() {
		key, err := text(d)
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("%q twice", key)
		}
		seen[key] = true
		if err := field(key); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return ended(err)
}

// metadata reads a map of strings. Some writers put null for none.
func metadata(d *json.Decoder) (map[string]string, error) {
	t, err := d.Token()
	if err != nil || t == nil {
		return nil, ended(err)
	}
	if t != json.Delim('{') {
		return nil, fmt.Errorf("%s: %s, want an object", metaKey, shown(t))
	}
	m := map[string]string{}
	err = members(d, func(key string) error {
		v, err := text(d)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", metaKey, key, err)
		}
		m[key] = v
		return nil
	})
	return m, err
}

func text(d *json.Decoder) (string, error) {
	t, err := d.Token()
	if err != nil {
		return "", ended(err)
	}
	s, ok := t.(string)
	if !ok {
		return "", fmt.Errorf("%s, want a string", shown(t))
	}
	return s, nil
}

// integers reads a list of at most limit integers; never nil without an error.
func integers(d *json.Decoder, limit int) ([]int64, error) {
	t, err := d.Token()
	if err != nil {
		return nil, ended(err)
	}
	if t != json.Delim('[') {
		return nil, fmt.Errorf("%s, want a list of integers", shown(t))
	}
	list := []int64{}
	for d.More() {
		if len(list) == limit {
			return nil, fmt.Errorf("more than %d numbers", limit)
		}
		t, err := d.Token()
		if err != nil {
			return nil, ended(err)
		}
		n, ok := t.(json.Number)
		if !ok {
			return nil, fmt.Errorf("%s, want an integer", shown(t))
		}
		v, err := strconv.ParseInt(n.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s, want an integer of 64 bits", shown(t))
		}
		list = append(list, v)
	}
	_, err = d.Token()
	return list, ended(err)
}

// shown is a JSON token for a message, cut short.
func shown(t json.Token) string {
	if t == nil {
		return "null"
	}
	s := fmt.Sprint(t)
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "…"
	}
	return strconv.Quote(s)
}

// ended says of the end of the header what it is: too early.
func ended(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readFull reads len(p) bytes at off.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("bytes %d to %d: %w", off, off+int64(len(p)), err)
}
