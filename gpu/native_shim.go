//go:build !cpuref && cgo && (linux || darwin || windows) && (amd64 || arm64)

package gpu

/*
#cgo darwin LDFLAGS: -Wl,-undefined,dynamic_lookup
#include "native_shim.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/cogentcore/webgpu/wgpu"
)

// single and handles are the layouts of the binding's objects, in the version of
// go.mod: the library's handles, which the binding hides.
type (
	single  struct{ object unsafe.Pointer }         // wgpu.Instance, Adapter, Device
	handles struct{ device, object unsafe.Pointer } // wgpu.Buffer, Queue
)

// checkLayouts fails where the binding's structs are not what is assumed here.
func checkLayouts() error {
	for t, fields := range map[reflect.Type][]string{
		reflect.TypeFor[wgpu.Instance](): {"ref"},
		reflect.TypeFor[wgpu.Adapter]():  {"ref"},
		reflect.TypeFor[wgpu.Device]():   {"ref"},
		reflect.TypeFor[wgpu.Buffer]():   {"deviceRef", "ref"},
		reflect.TypeFor[wgpu.Queue]():    {"deviceRef", "ref"},
	} {
		same := t.NumField() == len(fields) && t.Size() == uintptr(len(fields))*unsafe.Sizeof(uintptr(0))
		for i := 0; same && i < len(fields); i++ {
			f := t.Field(i)
			same = f.Name == fields[i] && f.Type.Kind() == reflect.Pointer
		}
		if !same {
			return fmt.Errorf("webgpu binding: %v is not made of %v, as in the version this driver was written for", t, fields)
		}
	}
	return nil
}

func newInstance(backends wgpu.InstanceBackend) (*wgpu.Instance, error) {
	ref := C.new_instance(C.uint32_t(backends))
	if ref == nil {
		return nil, errors.New("webgpu binding: no instance")
	}
	inst := &wgpu.Instance{}
	(*single)(unsafe.Pointer(inst)).object = ref
	return inst, nil
}

// alarm tells what the library says outside of the binding's calls.
type alarm struct{ c *C.alarm_box }

// limitsOf are those of has that kernels and buffers need; buffersOnly leaves
// those of kernels at their defaults.
func limitsOf(has wgpu.Limits, buffersOnly bool) C.limits {
	l := C.undefined_limits()
	l.buffer = C.uint64_t(has.MaxBufferSize)
	l.storage_binding = C.uint64_t(has.MaxStorageBufferBindingSize)
	if buffersOnly {
		return l
	}
	l.storage_buffers = C.uint32_t(min(has.MaxStorageBuffersPerShaderStage, maxStorageBuffers))
	l.uniform_align = C.uint32_t(has.MinUniformBufferOffsetAlignment)
	l.workgroup_storage = C.uint32_t(has.MaxComputeWorkgroupStorageSize)
	l.workgroup_invocations = C.uint32_t(has.MaxComputeInvocationsPerWorkgroup)
	l.workgroup_x = C.uint32_t(has.MaxComputeWorkgroupSizeX)
	l.workgroup_y = C.uint32_t(has.MaxComputeWorkgroupSizeY)
	l.workgroup_z = C.uint32_t(has.MaxComputeWorkgroupSizeZ)
	return l
}

// requestDevice asks for the adapter's limits of what kernels and buffers need,
// then for those of buffers alone, then for the defaults.
func requestDevice(a *wgpu.Adapter, features []wgpu.FeatureName) (*wgpu.Device, alarm, error) {
	box := (*C.alarm_box)(C.calloc(1, C.size_t(unsafe.Sizeof(C.alarm_box{}))))
	if box == nil {
		return nil, alarm{}, errors.New("out of memory")
	}
	has := a.GetLimits().Limits
	wanted := make([]C.uint32_t, len(features)+1) // one more, so that there is a first
	for i, f := range features {
		wanted[i] = C.uint32_t(f)
	}
	var errs []error
	for _, l := range []C.limits{limitsOf(has, false), limitsOf(has, true), C.undefined_limits()} {
		ref := C.new_device((*single)(unsafe.Pointer(a)).object, l, &wanted[0], C.size_t(len(features)), box)
		if ref != nil {
			dev := &wgpu.Device{}
			(*single)(unsafe.Pointer(dev)).object = ref
			return dev, alarm{box}, nil
		}
		errs = append(errs, errors.New(C.GoString(&box.message[0])))
	}
	C.free(unsafe.Pointer(box))
	return nil, alarm{}, errors.Join(errs...)
}

// rung is what the alarm took since it was asked last, or nil. A loss stays.
func (a alarm) rung() error {
	switch {
	case a.c.lost != 0:
		return fmt.Errorf("%w: %s", ErrDeviceLost, C.GoString(&a.c.message[0]))
	case a.c.failed != 0:
		err := errors.New(C.GoString(&a.c.message[0]))
		*a.c = C.alarm_box{}
		return err
	}
	return nil
}

// free may be called once the device is released.
func (a alarm) free() { C.free(unsafe.Pointer(a.c)) }

// fence tells whether work that was submitted is done.
type fence struct{ c *C.fence }

func newFence() (fence, error) {
	f := fence{C.new_fence()}
	if f.c == nil {
		return f, errors.New("out of memory")
	}
	return f, nil
}

// onMap lets f stand for the mapping of size bytes of b for reading.
func (f fence) onMap(b *wgpu.Buffer, size int64) {
	C.fence_map(f.c, (*handles)(unsafe.Pointer(b)).object, C.size_t(size))
}

// onQueue lets f stand for the end of all that was submitted to q.
func (f fence) onQueue(q *wgpu.Queue) {
	C.fence_queue(f.c, (*handles)(unsafe.Pointer(q)).object)
}

// done says whether the callback came. The common layer leaves no reason for a
// failure but the loss of the device.
func (f fence) done() (bool, error) {
	switch status := f.c.status; status {
	case C.pending:
		return false, nil
	case C.success:
		return true, nil
	default:
		return false, fmt.Errorf("%w: waiting for work ended with status %d", ErrDeviceLost, int(status))
	}
}

// free may be called once done.
func (f fence) free() { C.free(unsafe.Pointer(f.c)) }
