//go:build !cpuref && cgo && (linux || darwin || windows) && (amd64 || arm64)

package gpu

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/cogentcore/webgpu/wgpu"
)

const (
	maxParamBytes   = 1024     // of one dispatch
	paramWindow     = 256      // bytes of a parameter binding are a multiple of it, so that few layouts arise
	firstParamBytes = 64 << 10 // of the buffer of parameters
	storageUsage    = wgpu.BufferUsageStorage | wgpu.BufferUsageCopySrc | wgpu.BufferUsageCopyDst
)

// nativeDevice is a device of the binding. The caller holds the mutex of the
// common layer in every call. What the library does not let go of: where the
// system reports the loss of the device to a submission or a poll itself, this
// version of the library ends the process; a loss that any other call meets is
// an error here.
type nativeDevice struct {
	drv    *nativeDriver
	alarm  alarm
	dev    *wgpu.Device
	queue  *wgpu.Queue
	can    Caps
	bytes  int64 // of the driver's own buffers
	allocs int64

	kernels  []*nativeKernel
	layouts  map[layoutKey]*nativeLayout
	groups   groupCache
	params   *wgpu.Buffer // the parameters of one submission after another
	paramCap int64
	staging  stagingPool
	enc      encoder
}

// nativeMemory is a buffer and the bind groups that hold on to it.
type nativeMemory struct {
	buf    *wgpu.Buffer
	id     uint64
	bytes  int64
	groups []*bindGroup // some may be released already
}

func newNativeDevice(drv *nativeDriver, dev *wgpu.Device, bell alarm, timestamps bool) *nativeDevice {
	has := dev.GetLimits().Limits
	clamp := func(n uint64) int64 { return int64(min(n, math.MaxInt64)) / wordBytes * wordBytes }
	n := &nativeDevice{drv: drv, dev: dev, alarm: bell, queue: dev.GetQueue(), layouts: map[layoutKey]*nativeLayout{}}
	n.can = Caps{
		Timestamps:     timestamps,
		ZeroedBuffers:  true,
		MaxBuffer:      clamp(has.MaxBufferSize),
		MaxBinding:     clamp(has.MaxStorageBufferBindingSize),
		StorageBuffers: int(has.MaxStorageBuffersPerShaderStage),
		StorageAlign:   int(has.MinStorageBufferOffsetAlignment),
		UniformAlign:   int(has.MinUniformBufferOffsetAlignment),
		ParamBytes:     int(min(has.MaxUniformBufferBindingSize, maxParamBytes)),
		WorkgroupBytes: int(has.MaxComputeWorkgroupStorageSize),
		Invocations:    int(has.MaxComputeInvocationsPerWorkgroup),
		WorkgroupSize: [3]int{
			int(has.MaxComputeWorkgroupSizeX), int(has.MaxComputeWorkgroupSizeY), int(has.MaxComputeWorkgroupSizeZ),
		},
		GroupsPerDim: int(has.MaxComputeWorkgroupsPerDimension),
	}
	return n
}

func (n *nativeDevice) caps() Caps           { return n.can }
func (n *nativeDevice) held() (int64, int64) { return n.bytes, n.allocs }

func (n *nativeDevice) alloc(nbytes int64, label string) (_ memory, err error) {
	defer recovered(&err)
	buf, err := n.dev.CreateBuffer(&wgpu.BufferDescriptor{Label: label, Size: uint64(nbytes), Usage: storageUsage})
	if err = n.failed(err); err != nil {
		if buf != nil {
			buf.Release()
		}
		return nil, err
	}
	return &nativeMemory{buf: buf, id: n.groups.nextID(), bytes: nbytes}, nil
}

func (n *nativeDevice) free(m memory) {
	mem := m.(*nativeMemory)
	for _, g := range mem.groups {
		n.groups.drop(g)
	}
	mem.groups = nil
	mem.buf.Release()
}

func (n *nativeDevice) write(m memory, off int64, data []byte) (err error) {
	defer recovered(&err)
	return n.failed(n.queue.WriteBuffer(m.(*nativeMemory).buf, uint64(off), data))
}

func (n *nativeDevice) poll() (err error) {
	defer recovered(&err)
	n.dev.Poll(false, nil)
	return n.failed(nil)
}

// failed passes on an error of a call, or what the library said beside it, as
// the loss of the device where that is the reason.
func (n *nativeDevice) failed(err error) error {
	rung := n.alarm.rung()
	switch {
	case errors.Is(err, ErrDeviceLost):
		return err
	case errors.Is(rung, ErrDeviceLost):
		return errors.Join(rung, err)
	case err != nil && strings.Contains(err.Error(), lossText):
		return fmt.Errorf("%w: %w", ErrDeviceLost, err)
	}
	return errors.Join(err, rung)
}

// lossText is part of the library's message for a lost device where that comes
// as an ordinary error.
const lossText = "device is lost"

// own makes a buffer of the driver's own.
func (n *nativeDevice) own(label string, nbytes int64, usage wgpu.BufferUsage) (*wgpu.Buffer, error) {
	buf, err := n.dev.CreateBuffer(&wgpu.BufferDescriptor{Label: label, Size: uint64(nbytes), Usage: usage})
	if err = n.failed(err); err != nil {
		if buf != nil {
			buf.Release()
		}
		return nil, err
	}
	n.bytes += nbytes
	n.allocs++
	return buf, nil
}

func (n *nativeDevice) disown(buf *wgpu.Buffer, nbytes int64) {
	n.bytes -= nbytes
	buf.Release()
}

func (n *nativeDevice) close() {
	n.groups.dropAll()
	for _, k := range n.kernels {
		k.pipe.Release()
	}
	for _, l := range n.layouts {
		l.pipeline.Release()
		l.group.Release()
	}
	if n.params != nil {
		n.disown(n.params, n.paramCap)
	}
	n.staging.dropAll(n)
	n.queue.Release()
	n.dev.Release()
	n.alarm.free()
	n.drv.close()
}
