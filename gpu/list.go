package gpu

import "fmt"

// Binding is a storage binding of a dispatch: Size bytes of Buf from Off.
type Binding struct {
	Buf  *Buffer
	Off  int64 // a multiple of Caps.StorageAlign
	Size int64 // a multiple of 4 up to Caps.MaxBinding; 0: to the end of Buf
}

// List records the commands of one forward pass or one training step and runs
// them in that order, as one submission. It belongs to one goroutine. An error
// of a recording method leaves the list as it was before the call.
type List struct {
	d     *Device
	rec   *record // nil once closed
	stats Stats
	times []Time
}

// record is the part of a list that the device keeps for the next lists.
type record struct {
	program
	bufs    []*Buffer // all that the program uses
	uploads int64     // writes recorded
}

func (r *record) reset() {
	r.program.reset()
	clear(r.bufs)
	r.bufs = r.bufs[:0]
	r.uploads = 0
}

// maxRecords is how many emptied records a device keeps.
const maxRecords = 16

// NewList is an empty list. Close it.
func (d *Device) NewList() *List {
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.records); n > 0 {
		rec := d.records[n-1]
		d.records = d.records[:n-1]
		return &List{d: d, rec: rec}
	}
	return &List{d: d, rec: &record{}}
}

// Close drops what was recorded and not read. Closing twice is fine.
func (l *List) Close() error {
	if l.rec == nil {
		return nil
	}
	l.rec.reset()
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	if len(l.d.records) < maxRecords {
		l.d.records = append(l.d.records, l.rec)
	}
	l.rec = nil
	return nil
}

// Stats counts what the list did. Allocs counts the driver's own memory that its
// reads needed.
func (l *List) Stats() Stats { return l.stats }

// Dispatch records groups workgroups of p over binds. params has the length that
// the kernel's specification gives and is copied. A dispatch of no workgroups
// records nothing. A buffer that is bound for writing can be bound for nothing
// else, except for writing to another part.
func (l *List) Dispatch(p *Pipeline, params []byte, groups [3]uint32, binds ...Binding) error {
	if p == nil {
		return fmt.Errorf("dispatch: pipeline is nil")
	}
	if err := l.dispatch(p, params, groups, binds); err != nil {
		return fmt.Errorf("dispatch %s: %w", p.spec.Name, err)
	}
	return nil
}

func (l *List) dispatch(p *Pipeline, params []byte, groups [3]uint32, binds []Binding) error {
	if l.rec == nil {
		return fmt.Errorf("list: %w", ErrClosed)
	}
	d, r := l.d, l.rec
	if p.d != d {
		return fmt.Errorf("pipeline of another device")
	}
	if len(params) != p.spec.ParamBytes {
		return fmt.Errorf("%d bytes of parameters, want %d", len(params), p.spec.ParamBytes)
	}
	if len(binds) != len(p.spec.Bindings) {
		return fmt.Errorf("%d bindings, want %d", len(binds), len(p.spec.Bindings))
	}
	for _, n := range groups {
		if int64(n) > int64(d.can.GroupsPerDim) {
			return fmt.Errorf("%v workgroups, want up to %d along an axis, the device's limit", groups, d.can.GroupsPerDim)
		}
	}
	from, bufs := len(r.binds), len(r.bufs)
	if err := l.bind(p, binds); err != nil {
		r.binds, r.bufs = r.binds[:from], r.bufs[:bufs]
		return err
	}
	if groups[0] == 0 || groups[1] == 0 || groups[2] == 0 {
		r.binds, r.bufs = r.binds[:from], r.bufs[:bufs]
		return nil
	}
	c := command{op: opDispatch, kernel: p.k, name: p.spec.Name, groups: groups, bindFrom: from, bindTo: len(r.binds), param: -1}
	if len(params) > 0 {
		c.param = len(r.params)
		r.params = append(r.params, params...)
		for len(r.params)%d.can.UniformAlign != 0 {
			r.params = append(r.params, 0)
		}
	}
	r.cmds = append(r.cmds, c)
	r.dispatches++
	return nil
}

// bind checks the bindings of a dispatch and appends them to the record.
func (l *List) bind(p *Pipeline, binds []Binding) error {
	can := &l.d.can
	from := len(l.rec.binds)
	for i, b := range binds {
		size := b.Size
		if size == 0 && b.Buf != nil {
			size = b.Buf.n - b.Off
		}
		blk, err := l.d.span(b.Buf, b.Off, size)
		if err != nil {
			return fmt.Errorf("binding %d: %w", i, err)
		}
		if b.Off%int64(can.StorageAlign) != 0 {
			return fmt.Errorf("binding %d: offset %d, want a multiple of %d", i, b.Off, can.StorageAlign)
		}
		if size == 0 || size%wordBytes != 0 || size > can.MaxBinding {
			return fmt.Errorf("binding %d: %d bytes, want a multiple of %d from %d up to %d, the device's limit", i, size, wordBytes, wordBytes, can.MaxBinding)
		}
		for j, o := range l.rec.binds[from:] {
			if o.mem != blk.mem {
				continue
			}
			if p.spec.Bindings[i] != p.spec.Bindings[j] {
				return fmt.Errorf("bindings %d and %d: one buffer for reading and for writing", j, i)
			}
			if p.spec.Bindings[i] == ReadWrite && b.Off < o.off+o.size && o.off < b.Off+size {
				return fmt.Errorf("bindings %d and %d: the same bytes for writing twice", j, i)
			}
		}
		l.rec.binds = append(l.rec.binds, bind{blk.mem, b.Off, size})
		l.rec.bufs = append(l.rec.bufs, b.Buf)
	}
	return nil
}

// Write records an upload of data, which is copied at once, to dst from byte
// off, a multiple of 4. len(data) is a multiple of 4, or the write ends in the
// last word of dst.
func (l *List) Write(dst *Buffer, off int64, data []byte) error {
	if l.rec == nil {
		return fmt.Errorf("write: list: %w", ErrClosed)
	}
	blk, err := l.d.writable(dst, off, int64(len(data)))
	if err != nil {
		return fmt.Errorf("write: %w", err)
	}
	if len(data) == 0 {
		return nil
	}
	r := l.rec
	c := command{op: opWrite, dst: blk.mem, dstOff: off, srcOff: int64(len(r.data))}
	r.data = append(r.data, data...)
	for len(r.data)%wordBytes != 0 {
		r.data = append(r.data, 0)
	}
	c.n = int64(len(r.data)) - c.srcOff
	r.bufs = append(r.bufs, dst)
	r.uploads++
	l.stats.Writes++
	if !r.touched(r.front, blk.mem) && !r.used(blk.mem) {
		r.writes = append(r.writes, c)
		return nil
	}
	l.place(c)
	return nil
}

// Copy records a copy of n bytes. Offsets and n are multiples of 4, and dst and
// src are two buffers.
func (l *List) Copy(dst *Buffer, dstOff int64, src *Buffer, srcOff, n int64) error {
	if l.rec == nil {
		return fmt.Errorf("copy: list: %w", ErrClosed)
	}
	to, err := l.d.words(dst, dstOff, n)
	if err != nil {
		return fmt.Errorf("copy: to %w", err)
	}
	from, err := l.d.words(src, srcOff, n)
	if err != nil {
		return fmt.Errorf("copy: from %w", err)
	}
	if to == from {
		return fmt.Errorf("copy: within one buffer, want two")
	}
	if n > 0 {
		l.rec.bufs = append(l.rec.bufs, dst, src)
		l.place(command{op: opCopy, dst: to.mem, dstOff: dstOff, src: from.mem, srcOff: srcOff, n: n})
	}
	return nil
}

// Fill0 records that n bytes of dst from off become zero. Both are multiples of 4.
func (l *List) Fill0(dst *Buffer, off, n int64) error {
	if l.rec == nil {
		return fmt.Errorf("fill: list: %w", ErrClosed)
	}
	blk, err := l.d.words(dst, off, n)
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	if n > 0 {
		l.rec.bufs = append(l.rec.bufs, dst)
		l.place(command{op: opClear, dst: blk.mem, dstOff: off, n: n})
	}
	return nil
}

// place appends a copy or a clear: in front where no command in between uses
// its memory, so that it does not end the pass.
func (l *List) place(c command) {
	r := l.rec
	if r.used(c.dst) || c.src != nil && r.used(c.src) {
		r.cmds = append(r.cmds, c)
		return
	}
	r.front = append(r.front, c)
}

// used says whether cmds use m.
func (p *program) used(m memory) bool {
	for i := range p.binds {
		if p.binds[i].mem == m {
			return true
		}
	}
	return p.touched(p.cmds, m)
}

// touched says whether a copy, write or clear among cmds uses m.
func (p *program) touched(cmds []command, m memory) bool {
	for i := range cmds {
		if cmds[i].op != opDispatch && (cmds[i].dst == m || cmds[i].src == m) {
			return true
		}
	}
	return false
}
