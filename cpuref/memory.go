package cpuref

import (
	"fmt"
	"math"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/cephalo-ml/cephalo/tensor"
)

// memory is what a backend holds. Temporaries come from lists of free blocks,
// one list for each size class, so that a repeated forward pass allocates nothing.
type memory struct {
	allocs, held atomic.Int64
	garbage      atomic.Int64 // bytes dropped since the collector was last asked
	out          gauge        // bytes handed out
	temps        gauge        // those of temporaries

	mu        sync.Mutex
	free      [numClasses][][]float32
	freeBytes int64
}

// keepFree bounds the free blocks: this many times the most bytes of temporaries
// that were handed out at one time. One forward pass needs about twice, as not
// every size is in use when the most is.
const keepFree = 4

// Size classes: four to each power of two, so that a block is at most a quarter
// larger than asked for.
const (
	minClassFloats = 16
	numClasses     = 4 * 60
)

// classOf is the class of a block of n floats, and the floats in it.
func classOf(n int64) (class int, floats int64) {
	if n <= minClassFloats {
		return 0, minClassFloats
	}
	octave := bits.Len64(uint64(n-1)) - 1 // 2^octave < n <= 2^(octave+1)
	step := int64(1) << (octave - 2)
	quarters := (n - int64(1)<<octave + step - 1) / step // 1 to 4
	return 4*(octave-4) + int(quarters), int64(1)<<octave + quarters*step
}

// fresh is zeroed memory of at least nbytes.
func (m *memory) fresh(nbytes int64) (data []float32, err error) {
	if nbytes < 0 || nbytes > math.MaxInt-64 {
		return nil, fmt.Errorf("cpuref: alloc: %d bytes, want 0 to %d: %w", nbytes, math.MaxInt-64, tensor.ErrShape)
	}
	defer func() {
		if recover() != nil { // the address space is too small for it
			data, err = nil, fmt.Errorf("cpuref: alloc: %d bytes: out of memory", nbytes)
		}
	}()
	data = make([]float32, max(1, (nbytes+3)/4))
	m.allocs.Add(1)
	m.held.Add(bytesOf(data))
	return data, nil
}

// temp is a block of at least nbytes, its contents undefined; fresh says that it is new.
func (m *memory) temp(nbytes int64) (data []float32, fresh bool, err error) {
	if nbytes < 0 || nbytes > math.MaxInt64/8 {
		return nil, false, fmt.Errorf("cpuref: temp: %d bytes: %w", nbytes, tensor.ErrShape)
	}
	class, floats := classOf((nbytes + 3) / 4)
	m.mu.Lock()
	list := m.free[class]
	if n := len(list); n > 0 {
		data, list[n-1] = list[n-1], nil
		m.free[class] = list[:n-1]
		m.freeBytes -= bytesOf(data)
	} else {
		m.trim(keepFree*m.temps.peak() - 4*floats)
	}
	m.mu.Unlock()
	if data == nil {
		data, err = m.fresh(4 * floats)
		fresh = true
	}
	if err == nil {
		m.out.add(nbytes)
		m.temps.add(nbytes)
	}
	return data, fresh, err
}

// maxGarbage is how much dropped memory may wait for the collector. Weights are
// large and live long, so the collector's own pace would let as much again pile up.
const maxGarbage = 64 << 20

// dropped counts memory that nothing refers to any more.
func (m *memory) dropped(nbytes int64) {
	if m.garbage.Add(nbytes) >= maxGarbage {
		m.garbage.Store(0)
		runtime.GC()
	}
}

// trim drops free blocks, the largest first, until at most nbytes are left.
func (m *memory) trim(nbytes int64) {
	for c := numClasses - 1; c >= 0 && m.freeBytes > max(nbytes, 0); c-- {
		for n := len(m.free[c]); n > 0 && m.freeBytes > max(nbytes, 0); n-- {
			size := bytesOf(m.free[c][n-1])
			m.freeBytes -= size
			m.held.Add(-size)
			m.free[c][n-1] = nil
			m.free[c] = m.free[c][:n-1]
		}
	}
}

// recycle takes back a block of temp that was handed out for nbytes.
func (m *memory) recycle(data []float32, nbytes int64) {
	m.out.add(-nbytes)
	m.temps.add(-nbytes)
	class, _ := classOf(int64(len(data)))
	m.mu.Lock()
	m.free[class] = append(m.free[class], data)
	m.freeBytes += bytesOf(data)
	m.mu.Unlock()
}

// drop forgets the free blocks.
func (m *memory) drop() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trim(0)
}

// gauge is a level and the highest that it was.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) add(n int64) {
	now := g.now.Add(n)
	for most := g.most.Load(); now > most && !g.most.CompareAndSwap(most, now); most = g.most.Load() {
	}
}

func (g *gauge) peak() int64 { return g.most.Load() }

func bytesOf(data []float32) int64 { return 4 * int64(len(data)) }

// int32s and rawBytes view the same memory as another type: both are no larger
// than a float32 and no more strictly aligned.
func int32s(f []float32) []int32 {
	return unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(f))), len(f))
}

func rawBytes(f []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(f))), 4*len(f))
}
