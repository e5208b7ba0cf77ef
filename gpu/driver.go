package gpu

import "context"

// A driver is one binding to WebGPU. It speaks of memory, kernels and programs;
// encoders, passes, bind groups, error scopes and callbacks stay behind it. The
// common layer makes every call on a hardware while holding the device's mutex,
// has checked every argument, and never uses what it has freed: a driver does
// not check again.
type driver interface {
	adapters() []AdapterInfo
	// open makes a device of adapters()[i], which keeps the driver until its close.
	open(i int) (hardware, error)
	close()
}

// memory and kernel are a driver's own objects.
type (
	memory any
	kernel any
)

type hardware interface {
	caps() Caps
	alloc(nbytes int64, label string) (memory, error)
	free(memory)
	// write acts before what is submitted later and after what was submitted before.
	write(m memory, off int64, data []byte) error
	compile(*KernelSpec) (kernel, error)
	submit(*program) (ticket, error)
	// poll lets finished work be seen by tickets. It does not wait.
	poll() error
	// held is the device memory of the driver's own buffers and how many it made.
	held() (bytes, allocs int64)
	close()
}

// A ticket stands for one submission.
type ticket interface {
	done() (bool, error)
	// bytes is what the program read back; valid once done, until end.
	bytes() ([]byte, error)
	// ticks are the timestamps of a profiled program, two a dispatch, in
	// the device's own unit.
	ticks() ([]uint64, error)
	// end is called once, after done.
	end()
}

type opcode uint8

const (
	opDispatch opcode = iota
	opCopy            // n bytes of src to dst
	opWrite           // program.data[srcOff:srcOff+n] to dst
	opClear           // n zero bytes to dst
)

// A command is one entry of a program. Offsets and lengths are in bytes.
type command struct {
	op             opcode
	kernel         kernel
	name           string // of the kernel
	groups         [3]uint32
	bindFrom       int // binds[bindFrom:bindTo] of the program
	bindTo         int
	param          int // where in program.params; -1: none
	dst, src       memory
	dstOff, srcOff int64
	n              int64
}

// A bind is one storage binding of a dispatch.
type bind struct {
	mem       memory
	off, size int64
}

// A program is what a list recorded, in the order writes, front, cmds, reads.
// The writes may go by the queue, ahead of the submission. Copies and clears
// that depend on no dispatch stand in front, so that they do not split the pass
// of cmds. reads copy into the memory that ticket.bytes shows, dst being unset.
type program struct {
	writes, front, cmds, reads []command
	binds                      []bind
	params                     []byte // laid out in steps of Caps.UniformAlign
	data                       []byte // of the writes
	readBytes                  int64
	dispatches                 int
	profile                    bool
	// stamps asks for a pair of timestamps although nothing is dispatched.
	stamps bool
}

// reset empties p and keeps its memory.
func (p *program) reset() {
	clear(p.writes)
	clear(p.front)
	clear(p.cmds)
	clear(p.reads)
	clear(p.binds)
	*p = program{
		writes: p.writes[:0], front: p.front[:0], cmds: p.cmds[:0], reads: p.reads[:0],
		binds: p.binds[:0], params: p.params[:0], data: p.data[:0],
	}
}

// driverOpener is the type of openDriver, which the build gives; tests put
// another one in its place.
type driverOpener func(context.Context) (driver, error)
