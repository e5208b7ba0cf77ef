//go:build !cpuref && cgo && (linux || darwin || windows) && (amd64 || arm64)

package gpu

import (
	"github.com/cogentcore/webgpu/wgpu"
)

type nativeKernel struct {
	pipe   *wgpu.ComputePipeline
	layout *nativeLayout
}

// layoutKey tells layouts apart: the kinds of the bindings, a letter each, and
// the bytes of the binding of parameters.
type layoutKey struct {
	kinds string
	param int
}

// nativeLayout is shared by all kernels with such bindings, and so are their
// bind groups.
type nativeLayout struct {
	id       uint64
	storage  int // bindings before the parameters
	param    int
	group    *wgpu.BindGroupLayout
	pipeline *wgpu.PipelineLayout
}

func (n *nativeDevice) compile(spec *KernelSpec) (_ kernel, err error) {
	defer recovered(&err)
	layout, err := n.layout(spec)
	if err != nil {
		return nil, n.failed(err)
	}
	module, err := n.dev.CreateShaderModule(&wgpu.ShaderModuleDescriptor{
		Label: spec.Name, WGSLDescriptor: &wgpu.ShaderModuleWGSLDescriptor{Code: spec.WGSL},
	})
	if err != nil {
		return nil, n.failed(err)
	}
	defer module.Release()
	pipe, err := n.dev.CreateComputePipeline(&wgpu.ComputePipelineDescriptor{
		Label: spec.Name, Layout: layout.pipeline,
		Compute: wgpu.ProgrammableStageDescriptor{Module: module, EntryPoint: spec.Entry},
	})
	if err != nil {
		return nil, n.failed(err)
	}
	k := &nativeKernel{pipe: pipe, layout: layout}
	n.kernels = append(n.kernels, k)
	return k, nil
}

func (n *nativeDevice) layout(spec *KernelSpec) (*nativeLayout, error) {
	kinds := make([]byte, len(spec.Bindings))
	entries := make([]wgpu.BindGroupLayoutEntry, 0, len(kinds)+1)
	for i, k := range spec.Bindings {
		letter, typ := byte('r'), wgpu.BufferBindingTypeReadOnlyStorage
		if k == ReadWrite {
			letter, typ = 'w', wgpu.BufferBindingTypeStorage
		}
		kinds[i] = letter
		entries = append(entries, wgpu.BindGroupLayoutEntry{
			Binding: uint32(i), Visibility: wgpu.ShaderStageCompute,
			Buffer: wgpu.BufferBindingLayout{Type: typ},
		})
	}
	key := layoutKey{string(kinds), (spec.ParamBytes + paramWindow - 1) / paramWindow * paramWindow}
	if l := n.layouts[key]; l != nil {
		return l, nil
	}
	if key.param > 0 {
		entries = append(entries, wgpu.BindGroupLayoutEntry{
			Binding: uint32(len(kinds)), Visibility: wgpu.ShaderStageCompute,
			Buffer: wgpu.BufferBindingLayout{Type: wgpu.BufferBindingTypeUniform, HasDynamicOffset: true},
		})
	}
	group, err := n.dev.CreateBindGroupLayout(&wgpu.BindGroupLayoutDescriptor{Label: key.kinds, Entries: entries})
	if err != nil {
		return nil, err
	}
	pipeline, err := n.dev.CreatePipelineLayout(&wgpu.PipelineLayoutDescriptor{
		Label: key.kinds, BindGroupLayouts: []*wgpu.BindGroupLayout{group},
	})
	if err != nil {
		group.Release()
		return nil, err
	}
	l := &nativeLayout{id: n.groups.nextID(), storage: len(kinds), param: key.param, group: group, pipeline: pipeline}
	n.layouts[key] = l
	return l, nil
}
