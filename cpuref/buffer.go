package cpuref

import (
	"fmt"
	"sync"

	"github.com/cephalo-ml/cephalo/tensor"
)

// buffer is one allocation. A temporary belongs to its stream and needs no lock.
// A long-lived buffer is shared by streams: the lock guards data and packs, which
// reading changes; what the elements are is for the callers to agree on.
type buffer struct {
	size  int64
	owner *stream // of a temporary
	mem   *memory

	mu      sync.Mutex
	data    []float32 // nil: given back, or only the packed form is kept
	packs   []packed
	rawRead bool // an operation other than linear reads the elements
}

// packed is one view of the buffer as a weight of linear.
type packed struct {
	off    int64
	stride int32
	spec   tensor.Spec
	transW bool
	stale  bool // the buffer was written since
	form   *gemmPacked
}

// Len is the size in bytes, as asked for.
func (b *buffer) Len() int64 { return b.size }

// read is the memory of the elements for an operation that reads them.
func (b *buffer) read(s *stream) ([]float32, error) {
	if b.owner != nil {
		return b.data, b.alive()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.restore(s); err != nil {
		return nil, err
	}
	b.rawRead = true
	return b.data, nil
}

// copyOut is the memory of the elements for one look at them: a buffer that
// keeps only the packed form goes on doing so.
func (b *buffer) copyOut(*stream) ([]float32, error) {
	if b.owner != nil {
		return b.data, b.alive()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.data == nil && len(b.packs) == 1 {
		data := make([]float32, (b.size+3)/4)
		b.packs[0].unpack(data)
		return data, nil
	}
	return b.data, b.alive()
}

// write is the memory of the elements for an operation that changes them.
func (b *buffer) write(s *stream) ([]float32, error) {
	if b.owner != nil {
		return b.data, b.alive()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.restore(s); err != nil {
		return nil, err
	}
	for i := range b.packs {
		b.packs[i].stale = true
	}
	return b.data, nil
}

// weight is the packed form of the matrix t, a view of this buffer: [k,n], or
// [n,k] unless transW. It is made at first use, and again, in the same memory,
// once the buffer was written.
//
// The elements themselves are dropped when the view is all of the buffer and no
// other operation has read them: a weight is held once.
func (b *buffer) weight(s *stream, t *tensor.Tensor, transW bool) (*gemmPacked, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.find(t, transW)
	if w != nil && !w.stale {
		return w.form, nil
	}
	if err := b.restore(s); err != nil {
		return nil, err
	}
	if w == nil {
		b.packs = append(b.packs, packed{off: t.Off, stride: t.Stride, spec: t.Spec, transW: transW})
		w = &b.packs[len(b.packs)-1]
		n, k := w.sizes()
		w.form = gemmPack(s.b.pool, b.data[t.Off/4:], k, n, int(t.Stride), !transW)
		s.stats.Allocs++
		b.mem.allocs.Add(1)
		b.mem.held.Add(bytesOf(w.form.data))
	} else {
		form := w.form
		s.b.pool.run(form.panels(), func(i int) { form.pack(i, b.data[t.Off/4:], int(t.Stride), !transW) })
		w.stale = false
	}
	if t.Off == 0 && t.Dense() && t.Bytes() == b.size && !b.rawRead && len(b.packs) == 1 {
		n := bytesOf(b.data)
		b.mem.held.Add(-n)
		b.data = nil
		b.mem.dropped(n)
	}
	return w.form, nil
}

func (b *buffer) find(t *tensor.Tensor, transW bool) *packed {
	for i := range b.packs {
		w := &b.packs[i]
		if w.off == t.Off && w.stride == t.Stride && w.spec == t.Spec && w.transW == transW {
			return w
		}
	}
	return nil
}

func (w *packed) sizes() (n, k int) {
	n, k = w.spec.Dim(0), w.spec.Dim(1)
	if w.transW {
		n, k = k, n
	}
	return n, k
}

func (w *packed) unpack(data []float32) {
	w.form.unpack(data[w.off/4:], int(w.stride), !w.transW)
}

// restore brings the elements back from the packed form.
func (b *buffer) restore(s *stream) error {
	if b.data == nil && len(b.packs) == 1 {
		data, err := b.mem.fresh(b.size)
		if err != nil {
			return err
		}
		s.stats.Allocs++
		b.packs[0].unpack(data)
		b.data = data
	}
	return b.alive()
}

func (b *buffer) alive() error {
	if b.data != nil {
		return nil
	}
	if b.owner != nil {
		return fmt.Errorf("a freed temporary of %d bytes: %w", b.size, tensor.ErrClosed)
	}
	return fmt.Errorf("a released buffer of %d bytes: %w", b.size, tensor.ErrClosed)
}

func (b *buffer) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.data == nil && b.packs == nil {
		return
	}
	b.mem.held.Add(-bytesOf(b.data))
	b.mem.out.add(-b.size)
	for _, w := range b.packs {
		b.mem.held.Add(-bytesOf(w.form.data))
	}
	b.data, b.packs = nil, nil
}
