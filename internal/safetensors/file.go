package safetensors

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"sync/atomic"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Source is a place to read tensors from: a File, or the Shards of a folder. It
// is safe for concurrent use.
type Source interface {
	// Names are the tensors, sorted.
	Names() []string
	// Dims is a tensor's shape, empty for a scalar and nil where there is no such
	// tensor. It may have more axes than a tensor.Spec can hold.
	Dims(name string) []int
	// Spec is a tensor's dtype and shape; false where there is no such tensor or
	// one whose dtype or shape this module cannot hold.
	Spec(name string) (tensor.Spec, bool)
	// Read gives a whole tensor as it is in the file.
	Read(name string) (tensor.Host, error)
	// ReadFloat32 gives an F32, F16 or BF16 tensor widened to float32, in order
	// and in pieces: v are the elements from off on, valid during the call. An
	// error of chunk ends the reading and is returned as it is. A tensor without
	// elements has no pieces.
	ReadFloat32(name string, chunk func(off int64, v []float32) error) error
	// Close releases the files. Reads after it answer tensor.ErrClosed.
	Close() error
}

// chunkElems is the length of a piece: 1 MiB of float32, long enough that the
// calls cost nothing and short enough not to count.
const chunkElems = 1 << 18

// File is an open safetensors file.
type File struct {
	*header
	name   string // for messages
	r      io.ReaderAt
	close  func() error
	closed atomic.Bool
}

var _ Source = (*File)(nil)

// New opens size bytes of r; name is what messages call it. Closing the File
// leaves r open.
func New(name string, r io.ReaderAt, size int64) (*File, error) {
	h, err := readHeader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &File{header: h, name: name, r: r, close: func() error { return nil }}, nil
}

// Open opens the file at path and checks its header.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return open(path, f)
}

// OpenFS opens a file of fsys and checks its header. Files that cannot be read at
// an offset (those of a zip archive) are read into memory.
func OpenFS(fsys fs.FS, name string) (*File, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	return open(name, f)
}

func open(name string, f fs.File) (*File, error) {
	r, size, err := readerAt(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	file, err := New(name, r, size)
	if err != nil {
		f.Close()
		return nil, err
	}
	file.close = f.Close
	return file, nil
}

func readerAt(f fs.File) (io.ReaderAt, int64, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fmt.Errorf("%v, want a regular file", info.Mode())
	}
	if r, ok := f.(io.ReaderAt); ok {
		return r, info.Size(), nil
	}
	if info.Size() > math.MaxInt {
		return nil, 0, fmt.Errorf("%d bytes, more than this machine can address: %w", info.Size(), tensor.ErrUnsupported)
	}
	// The buffer grows with what is there, not with what Stat says.
	b, err := io.ReadAll(io.LimitReader(f, info.Size()))
	return bytes.NewReader(b), int64(len(b)), err
}

// Names implements Source.
func (f *File) Names() []string { return slices.Clone(f.names) }

// Metadata is the header's __metadata__; nil where it has none.
func (f *File) Metadata() map[string]string { return maps.Clone(f.meta) }

// Dims implements Source.
func (f *File) Dims(name string) []int {
	e := f.entries[name]
	if e == nil {
		return nil
	}
	return append([]int{}, e.shape...)
}

// Spec implements Source.
func (f *File) Spec(name string) (tensor.Spec, bool) {
	e := f.entries[name]
	if e == nil {
		return tensor.Spec{}, false
	}
	sp, err := e.spec()
	return sp, err == nil
}

// lookup is a tensor that is about to be read.
func (f *File) lookup(name string) (*entry, tensor.Spec, error) {
	if f.closed.Load() {
		return nil, tensor.Spec{}, fmt.Errorf("%s: %w", f.name, tensor.ErrClosed)
	}
	e := f.entries[name]
	if e == nil {
		return nil, tensor.Spec{}, fmt.Errorf("%s: no tensor %q: %w", f.name, name, fs.ErrNotExist)
	}
	sp, err := e.spec()
	if err != nil {
		return nil, tensor.Spec{}, f.wrap(name, err)
	}
	return e, sp, nil
}

// Read implements Source.
func (f *File) Read(name string) (tensor.Host, error) {
	e, sp, err := f.lookup(name)
	if err != nil {
		return tensor.Host{}, err
	}
	if e.end-e.begin > math.MaxInt {
		return tensor.Host{}, f.wrap(name, fmt.Errorf("%d bytes, more than this machine can address: %w", e.end-e.begin, tensor.ErrUnsupported))
	}
	b := make([]byte, e.end-e.begin)
	if err := readFull(f.r, b, f.data+e.begin); err != nil {
		return tensor.Host{}, f.wrap(name, err)
	}
	return tensor.Host{Spec: sp, Data: b}, nil
}

// ReadFloat32 implements Source.
func (f *File) ReadFloat32(name string, chunk func(off int64, v []float32) error) error {
	e, sp, err := f.lookup(name)
	if err != nil {
		return err
	}
	if sp.DType != tensor.F32 && sp.DType != tensor.F16 && sp.DType != tensor.BF16 {
		return f.wrap(name, fmt.Errorf("%v, want F32, F16 or BF16: %w", sp, tensor.ErrDType))
	}
	n := sp.Elems()
	v := make([]float32, min(n, chunkElems))
	raw := make([]byte, int64(len(v))*e.size)
	for off := int64(0); off < n; off += int64(len(v)) {
		v = v[:min(n-off, chunkElems)]
		raw = raw[:int64(len(v))*e.size]
		if err := readFull(f.r, raw, f.data+e.begin+off*e.size); err != nil {
			return f.wrap(name, err)
		}
		tensor.WidenFloat32(v, raw, sp.DType)
		if err := chunk(off, v); err != nil {
			return err
		}
	}
	return nil
}

// Close implements Source; the second call does nothing.
func (f *File) Close() error {
	if f.closed.Swap(true) {
		return nil
	}
	return f.close()
}

func (f *File) wrap(name string, err error) error {
	if errors.Is(err, fs.ErrClosed) { // by Close, during the read
		err = tensor.ErrClosed
	}
	return fmt.Errorf("%s: tensor %q: %w", f.name, name, err)
}
