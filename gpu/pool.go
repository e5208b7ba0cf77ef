package gpu

import (
	"fmt"
	"math/bits"
)

const (
	minClass    = 256      // bytes of the smallest size class
	classSteps  = 4        // classes in each power of two: at most a quarter is wasted
	minIdlePool = 16 << 20 // bytes that may lie idle however little was ever in use
)

// pool keeps idle blocks by size class, the latest on top.
type pool struct {
	idle  map[int64][]idleBlock
	bytes int64  // idle
	inUse int64  // of pooled blocks handed out
	peak  int64  // of inUse
	clock uint64 // orders idle blocks by age
}

type idleBlock struct {
	*block
	since uint64
}

func newPool() pool { return pool{idle: map[int64][]idleBlock{}} }

// classSize is the size of the class that holds n bytes.
func classSize(n int64) int64 {
	if n <= minClass {
		return minClass
	}
	step := max(int64(1)<<(bits.Len64(uint64(n-1))-1)/classSteps, minClass)
	return (n + step - 1) / step * step
}

func (p *pool) take(class int64) *block {
	stack := p.idle[class]
	if len(stack) == 0 {
		return nil
	}
	b := stack[len(stack)-1].block
	stack[len(stack)-1] = idleBlock{}
	p.idle[class] = stack[:len(stack)-1]
	p.bytes -= b.bytes
	return b
}

func (p *pool) put(b *block) {
	p.clock++
	p.idle[b.bytes] = append(p.idle[b.bytes], idleBlock{b, p.clock})
	p.bytes += b.bytes
}

// takeOldest removes the block that lay idle longest; the pool is not empty.
func (p *pool) takeOldest() *block {
	var class int64
	oldest := ^uint64(0)
	for c, stack := range p.idle {
		if len(stack) > 0 && stack[0].since < oldest {
			class, oldest = c, stack[0].since
		}
	}
	stack := p.idle[class]
	b := stack[0].block
	copy(stack, stack[1:])
	stack[len(stack)-1] = idleBlock{}
	p.idle[class] = stack[:len(stack)-1]
	p.bytes -= b.bytes
	return b
}

// Acquire is memory for short use from the pool, a new Buffer value each time. Its
// contents are undefined. nbytes is rounded up to a multiple of 4.
func (d *Device) Acquire(nbytes int64) (*Buffer, error) {
	size, err := d.roundSize(nbytes)
	if err != nil {
		return nil, fmt.Errorf("acquire: %w", err)
	}
	class := min(classSize(size), d.can.MaxBuffer/wordBytes*wordBytes)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ready(); err != nil {
		return nil, fmt.Errorf("acquire: %w", err)
	}
	blk := d.pool.take(class)
	if blk == nil {
		if blk, err = d.newBlock(class, "pool"); err != nil {
			return nil, fmt.Errorf("acquire %d bytes: %w", nbytes, err)
		}
	}
	d.pool.inUse += blk.bytes
	d.pool.peak = max(d.pool.peak, d.pool.inUse)
	return d.handOut(blk, size, true), nil
}

// Recycle gives b back to the pool, for anyone to acquire. A list that uses b must
// have been read before: one that is read later gets an error. Memory that is no
// pool memory is released. Recycling twice is fine.
func (d *Device) Recycle(b *Buffer) {
	if b == nil || b.d != d {
		return
	}
	blk := b.blk.Swap(nil)
	if blk == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inUse -= blk.bytes
	if !b.pooled || d.closed {
		d.freeBlock(blk)
		return
	}
	d.pool.inUse -= blk.bytes
	d.pool.put(blk)
	// Sizes that are no longer asked for would pile up: no more may lie idle than
	// was once in use.
	for d.pool.bytes > max(d.pool.peak, minIdlePool) {
		d.freeBlock(d.pool.takeOldest())
	}
}
