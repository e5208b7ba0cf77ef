package gpu

import (
	"fmt"
	"sync/atomic"
)

const (
	wordBytes  = 4        // copies start and end at multiples of it
	writeChunk = 8 << 20  // bytes of one upload
	writeFlush = 32 << 20 // bytes that wait in the driver for a submission
)

// Buffer is device memory with one owner. It may be used from any goroutine;
// use after Release or Recycle is an error.
type Buffer struct {
	d      *Device
	n      int64
	pooled bool
	blk    atomic.Pointer[block] // nil once given back
}

// block is one allocation of the driver.
type block struct {
	mem   memory
	bytes int64
}

// Len is the length in bytes, a multiple of 4.
func (b *Buffer) Len() int64 { return b.n }

// Release frees the memory once the work that was submitted with it is done.
// Releasing twice is fine.
func (b *Buffer) Release() {
	if b == nil {
		return
	}
	blk := b.blk.Swap(nil)
	if blk == nil {
		return
	}
	d := b.d
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inUse -= blk.bytes
	d.freeBlock(blk)
}

// NewBuffer is zeroed memory for long use: weights, caches. nbytes is rounded up
// to a multiple of 4.
func (d *Device) NewBuffer(nbytes int64, label string) (*Buffer, error) {
	size, err := d.roundSize(nbytes)
	if err != nil {
		return nil, fmt.Errorf("new buffer %s: %w", label, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	blk, err := d.newBlock(size, label)
	if err != nil {
		return nil, fmt.Errorf("new buffer %s: %w", label, err)
	}
	if !d.can.ZeroedBuffers {
		if err := d.check(d.zero(blk)); err != nil {
			d.freeBlock(blk)
			return nil, fmt.Errorf("new buffer %s: %w", label, err)
		}
	}
	return d.handOut(blk, size, false), nil
}

func (d *Device) roundSize(nbytes int64) (int64, error) {
	if nbytes < 0 || nbytes > d.can.MaxBuffer {
		return 0, fmt.Errorf("%d bytes, want 0 to %d, the device's limit", nbytes, d.can.MaxBuffer)
	}
	return max((nbytes+wordBytes-1)/wordBytes*wordBytes, wordBytes), nil
}

// newBlock allocates, giving up the idle pool if memory is short. The caller
// holds mu.
func (d *Device) newBlock(size int64, label string) (*block, error) {
	if err := d.ready(); err != nil {
		return nil, err
	}
	mem, err := d.hw.alloc(size, label)
	if err != nil && d.lost == nil && d.pool.bytes > 0 {
		for d.pool.bytes > 0 {
			d.freeBlock(d.pool.takeOldest())
		}
		mem, err = d.hw.alloc(size, label)
	}
	if err != nil {
		return nil, d.check(err)
	}
	blk := &block{mem: mem, bytes: size}
	d.blocks[blk] = struct{}{}
	d.stats.Allocs++
	d.stats.Bytes += size
	return blk, nil
}

// freeBlock gives blk back to the driver, unless Close did. The caller holds mu.
func (d *Device) freeBlock(blk *block) {
	if _, ok := d.blocks[blk]; !ok {
		return
	}
	delete(d.blocks, blk)
	d.stats.Bytes -= blk.bytes
	d.hw.free(blk.mem)
}

// handOut makes a Buffer of blk. The caller holds mu.
func (d *Device) handOut(blk *block, n int64, pooled bool) *Buffer {
	d.inUse += blk.bytes
	d.stats.PeakBytes = max(d.stats.PeakBytes, d.inUse)
	b := &Buffer{d: d, n: n, pooled: pooled}
	b.blk.Store(blk)
	return b
}

// zero writes zeros over blk. The caller holds mu.
func (d *Device) zero(blk *block) error {
	zeros := make([]byte, min(blk.bytes, writeChunk))
	for off := int64(0); off < blk.bytes; off += int64(len(zeros)) {
		if err := d.hw.write(blk.mem, off, zeros[:min(blk.bytes-off, int64(len(zeros)))]); err != nil {
			return err
		}
	}
	return nil
}

// live is the block of b if b belongs to d and was not given back.
func (d *Device) live(b *Buffer) (*block, error) {
	if b == nil {
		return nil, fmt.Errorf("buffer is nil, want one of this device")
	}
	if b.d != d {
		return nil, fmt.Errorf("buffer of another device")
	}
	blk := b.blk.Load()
	if blk == nil {
		return nil, fmt.Errorf("buffer of %d bytes: %w", b.n, ErrClosed)
	}
	return blk, nil
}

// span is the block of b, after checking that bytes off to off+n lie in it.
func (d *Device) span(b *Buffer, off, n int64) (*block, error) {
	blk, err := d.live(b)
	if err != nil {
		return nil, err
	}
	if off < 0 || n < 0 || off > b.n-n {
		return nil, fmt.Errorf("bytes %d to %d+%d, want them in a buffer of %d", off, off, n, b.n)
	}
	return blk, nil
}

// words is span for copies, which are made of whole words.
func (d *Device) words(b *Buffer, off, n int64) (*block, error) {
	if off%wordBytes != 0 || n%wordBytes != 0 {
		return nil, fmt.Errorf("offset %d and length %d, want multiples of %d", off, n, wordBytes)
	}
	return d.span(b, off, n)
}

// writable is the block of dst for a write of n bytes. Only a write to the last
// word may have a length that is no multiple of 4; the rest of it becomes zero.
func (d *Device) writable(dst *Buffer, off, n int64) (*block, error) {
	blk, err := d.span(dst, off, n)
	if err != nil {
		return nil, err
	}
	if off%wordBytes != 0 || n%wordBytes != 0 && off+n < dst.n-wordBytes {
		return nil, fmt.Errorf("offset %d and length %d of a buffer of %d, want multiples of %d except at its end", off, n, dst.n, wordBytes)
	}
	return blk, nil
}

// Write uploads data of any size to dst from byte off, a multiple of 4, in
// bounded pieces. len(data) is a multiple of 4, or the write ends in the last
// word of dst. It acts before all lists that are read later, and after those
// that were read before.
func (d *Device) Write(dst *Buffer, off int64, data []byte) error {
	if _, err := d.writable(dst, off, int64(len(data))); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	for len(data) > 0 {
		n := min(len(data), writeChunk)
		if err := d.writeChunk(dst, off, data[:n]); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		off += int64(n)
		data = data[n:]
	}
	return nil
}

func (d *Device) writeChunk(dst *Buffer, off int64, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ready(); err != nil {
		return err
	}
	blk, err := d.writable(dst, off, int64(len(data)))
	if err != nil {
		return err
	}
	whole := len(data) / wordBytes * wordBytes
	if whole > 0 {
		if err := d.check(d.hw.write(blk.mem, off, data[:whole])); err != nil {
			return err
		}
	}
	if whole < len(data) {
		var last [wordBytes]byte
		copy(last[:], data[whole:])
		if err := d.check(d.hw.write(blk.mem, off+int64(whole), last[:])); err != nil {
			return err
		}
	}
	d.stats.Writes++
	if d.unflushed += int64(len(data)); d.unflushed >= writeFlush {
		return d.flush()
	}
	return nil
}
