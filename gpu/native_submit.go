//go:build !cpuref && cgo && (linux || darwin || windows) && (amd64 || arm64)

package gpu

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/cogentcore/webgpu/wgpu"
)

// submit encodes p and submits it. Uploads go by the queue, which acts before the
// submission; its own copies keep the data, so that parameters and staged data
// can lie in the same buffers again at once.
func (n *nativeDevice) submit(p *program) (_ ticket, err error) {
	defer recovered(&err)
	n.groups.age()
	if err := n.upload(p); err != nil {
		return nil, n.failed(err)
	}
	t := &nativeTicket{dev: n, readBytes: p.readBytes}
	if t.fence, err = newFence(); err != nil {
		return nil, err
	}
	if err := n.failed(n.encode(p, t)); err != nil {
		t.giveBack()
		return nil, err
	}
	if t.stage.buf != nil {
		t.fence.onMap(t.stage.buf, t.used)
	} else {
		t.fence.onQueue(n.queue)
	}
	if err := n.failed(nil); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDeviceLost, err)
	}
	return t, nil
}

// upload sends the parameters, and the writes that nothing in p comes before.
func (n *nativeDevice) upload(p *program) error {
	if len(p.params) > 0 {
		if need := int64(len(p.params) + maxParamBytes); need > n.paramCap {
			size := max(n.paramCap*2, firstParamBytes, classSize(need))
			buf, err := n.own("parameters", size, wgpu.BufferUsageUniform|wgpu.BufferUsageCopyDst)
			if err != nil {
				return err
			}
			if n.params != nil {
				n.groups.dropAll()
				n.disown(n.params, n.paramCap)
			}
			n.params, n.paramCap = buf, size
		}
		if err := n.queue.WriteBuffer(n.params, 0, p.params); err != nil {
			return err
		}
	}
	for i := range p.writes {
		c := &p.writes[i]
		if err := n.queue.WriteBuffer(c.dst.(*nativeMemory).buf, uint64(c.dstOff), p.data[c.srcOff:c.srcOff+c.n]); err != nil {
			return err
		}
	}
	return nil
}

// encoder is the state of encoding one program.
type encoder struct {
	dev    *nativeDevice
	cmd    *wgpu.CommandEncoder
	pass   *wgpu.ComputePassEncoder // open, or nil
	pipe   *wgpu.ComputePipeline    // set in pass
	offset []uint32                 // one dynamic offset
	data   staged                   // holds program.data, once a command needs it
	clock  *stopwatch               // of a profiled program, or nil
}

func (n *nativeDevice) encode(p *program, t *nativeTicket) (err error) {
	e := &n.enc
	*e = encoder{dev: n, offset: append(e.offset[:0], 0)}
	if e.cmd, err = n.dev.CreateCommandEncoder(nil); err != nil {
		return err
	}
	defer e.cmd.Release()
	defer func() { err = errors.Join(err, e.endPass()); e.data.giveBack(n) }()
	if p.profile {
		if e.clock, err = newStopwatch(n, p); err != nil {
			return err
		}
		defer e.clock.release()
	}
	for _, cmds := range [][]command{p.front, p.cmds} {
		for i := range cmds {
			if err := e.add(p, &cmds[i]); err != nil {
				return err
			}
		}
	}
	if err := e.endPass(); err != nil {
		return err
	}
	if err := e.readBack(p, t); err != nil {
		return err
	}
	buf, err := e.cmd.Finish(nil)
	if err != nil {
		return err
	}
	defer buf.Release()
	n.queue.Submit(buf)
	return nil
}

func (e *encoder) add(p *program, c *command) error {
	if c.op == opDispatch {
		return e.dispatch(p, c)
	}
	if err := e.endPass(); err != nil {
		return err
	}
	dst := c.dst.(*nativeMemory).buf
	switch c.op {
	case opCopy:
		return e.cmd.CopyBufferToBuffer(c.src.(*nativeMemory).buf, uint64(c.srcOff), dst, uint64(c.dstOff), uint64(c.n))
	case opClear:
		return e.cmd.ClearBuffer(dst, uint64(c.dstOff), uint64(c.n))
	default: // opWrite
		if err := e.stageData(p.data); err != nil {
			return err
		}
		return e.cmd.CopyBufferToBuffer(e.data.buf, uint64(c.srcOff), dst, uint64(c.dstOff), uint64(c.n))
	}
}

// stageData puts the data of writes that stand among dispatches where a copy
// finds it.
func (e *encoder) stageData(data []byte) (err error) {
	if e.data.buf != nil {
		return nil
	}
	if e.data, err = e.dev.staging.take(e.dev, stageUp, int64(len(data))); err != nil {
		return err
	}
	return e.dev.queue.WriteBuffer(e.data.buf, 0, data)
}

func (e *encoder) dispatch(p *program, c *command) error {
	k := c.kernel.(*nativeKernel)
	group, err := e.dev.bindGroup(k.layout, p.binds[c.bindFrom:c.bindTo])
	if err != nil {
		return err
	}
	if e.clock != nil {
		if err := e.clock.write(e.cmd); err != nil {
			return err
		}
	}
	if e.pass == nil {
		e.pass, e.pipe = e.cmd.BeginComputePass(nil), nil
	}
	if e.pipe != k.pipe {
		e.pass.SetPipeline(k.pipe)
		e.pipe = k.pipe
	}
	if c.param < 0 {
		e.pass.SetBindGroup(0, group, nil)
	} else {
		e.offset[0] = uint32(c.param)
		e.pass.SetBindGroup(0, group, e.offset)
	}
	e.pass.DispatchWorkgroups(c.groups[0], c.groups[1], c.groups[2])
	if e.clock != nil {
		if err := e.endPass(); err != nil {
			return err
		}
		return e.clock.write(e.cmd)
	}
	return nil
}

func (e *encoder) endPass() error {
	if e.pass == nil {
		return nil
	}
	pass := e.pass
	e.pass = nil
	defer pass.Release()
	return pass.End()
}

// readBack encodes the copies into the memory that the ticket shows.
func (e *encoder) readBack(p *program, t *nativeTicket) (err error) {
	t.used = p.readBytes
	if e.clock != nil {
		if p.stamps {
			for range 2 {
				if err := e.clock.write(e.cmd); err != nil {
					return err
				}
			}
		}
		t.ticksAt = (t.used + 7) / 8 * 8
		t.tickCount = e.clock.written
		t.used = t.ticksAt + 8*int64(t.tickCount)
	}
	if t.used == 0 {
		return nil
	}
	if t.stage, err = e.dev.staging.take(e.dev, stageDown, t.used); err != nil {
		return err
	}
	for i := range p.reads {
		c := &p.reads[i]
		if err := e.cmd.CopyBufferToBuffer(c.src.(*nativeMemory).buf, uint64(c.srcOff), t.stage.buf, uint64(c.dstOff), uint64(c.n)); err != nil {
			return err
		}
	}
	if e.clock != nil {
		return e.clock.resolve(e.cmd, t.stage.buf, t.ticksAt)
	}
	return nil
}

// nativeTicket is one submission: its fence and its read-back memory.
type nativeTicket struct {
	dev       *nativeDevice
	fence     fence
	stage     staged // unset when nothing is read
	readBytes int64
	used      int64 // bytes of stage
	ticksAt   int64
	tickCount int
	mapped    []byte
}

func (t *nativeTicket) done() (bool, error) { return t.fence.done() }

// view is the mapped memory. The binding ends the process for memory that is not
// mapped, so the fence is asked first.
func (t *nativeTicket) view() (_ []byte, err error) {
	defer recovered(&err)
	if t.mapped != nil || t.stage.buf == nil {
		return t.mapped, nil
	}
	if done, err := t.fence.done(); err != nil || !done {
		return nil, errors.Join(err, errors.New("read-back is not mapped"))
	}
	t.mapped = t.stage.buf.GetMappedRange(0, uint(t.used))
	return t.mapped, nil
}

func (t *nativeTicket) bytes() ([]byte, error) {
	data, err := t.view()
	if err != nil {
		return nil, err
	}
	return data[:t.readBytes], nil
}

func (t *nativeTicket) ticks() ([]uint64, error) {
	if t.tickCount == 0 {
		return nil, nil
	}
	data, err := t.view()
	if err != nil {
		return nil, err
	}
	first := (*uint64)(unsafe.Pointer(&data[t.ticksAt]))
	return append([]uint64(nil), unsafe.Slice(first, t.tickCount)...), nil
}

func (t *nativeTicket) end() {
	if t.stage.buf != nil {
		t.mapped = nil
		if t.stage.buf.Unmap() != nil {
			t.dev.disown(t.stage.buf, t.stage.bytes)
			t.stage = staged{}
		}
	}
	t.giveBack()
}

func (t *nativeTicket) giveBack() {
	t.fence.free()
	t.stage.giveBack(t.dev)
}
