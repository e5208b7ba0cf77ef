// Package gpu is the device: adapters, limits, buffers and their pool, pipelines,
// lists of commands, read-back, timing and statistics over WebGPU. It knows
// neither tensors nor kernels and imports nothing else of this module; it alone
// imports the binding, and no exported name mentions a type of it. Where no
// driver is built in (no cgo, tag cpuref, other platforms) Open answers
// ErrNoDevice.
//
// A Device serves many goroutines; a List belongs to one. What a List records
// runs in the order it was recorded, in one submission, when Read is called:
//
//	d, err := gpu.Open(ctx, gpu.Options{AllowSoftware: true})
//	defer d.Close()
//	p, err := d.Pipeline(gpu.KernelSpec{Name: "double", WGSL: src, Bindings: []gpu.Kind{gpu.ReadWrite}, Workgroup: [3]int{64, 1, 1}})
//	b, err := d.NewBuffer(1024, "x")
//	err = d.Write(b, 0, data)
//	l := d.NewList()
//	defer l.Close()
//	err = l.Dispatch(p, nil, [3]uint32{4, 1, 1}, gpu.Binding{Buf: b})
//	err = l.Read(ctx, []gpu.ReadBack{{Src: b, Dst: out}})
//
// Lists run on the device in the order of their Reads, so memory that one list
// gives back may be taken by the next at once.
package gpu
