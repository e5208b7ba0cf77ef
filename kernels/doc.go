// Package kernels is the contract of package tensor on a WebGPU device: for each
// operation it picks a shader variant, packs its parameters, binds its operands
// and sizes its grid. It may import tensor, gpu and shaders.
//
// One operation is one function in impl (table.go), in the file of its name:
//
//	func softmax(s *stream, c *tensor.Call) error {
//		ops := []operand{flat(c.Src[0]), flat(c.Dst[0])}
//		k := kernelOf("softmax", set("WG", 64))
//		return s.split(ops, func(part []operand) error {
//			return s.dispatch(k, part[0].rows, part, u32(part[0].rows), u32(part[0].cols))
//		})
//	}
//
// and one or more WGSL files of package shaders. The pieces:
//
//   - operand: a view of a buffer. flat gives the rows of the last axis, axis0 the
//     rows of axis 0, elements the single elements. An absent tensor gives an
//     absent operand, which is bound to a small dummy buffer: the shader must not
//     touch it (const HAS_X: bool).
//   - split: calls its function on pieces of the rows such that every window fits
//     into a binding. shared operands (weights, biases) are passed to each piece whole.
//   - kernelOf: a shader file and the values of its constants, which together name
//     a pipeline. Everything that varies between calls is a parameter, not a constant.
//   - dispatch: binds ops in the order of the file's bindings, 0 onwards, and packs
//     the parameters. The number of workgroups is one number; it is folded onto y
//     past the limit of a dimension.
//
// The parameters of every shader begin alike and are the last binding:
//
//	struct Params {
//	  grid: vec4<u32>,  // workgroups along x, workgroups in all
//	  x: vec4<u32>,     // one view for each operand, in the order of the bindings
//	  y: vec4<u32>,
//	  rows: u32,        // then the words passed to dispatch: u32, i32 or f32
//	  cols: u32,
//	}
//	@group(0) @binding(0) var<storage, read> x: array<f32>;
//	@group(0) @binding(1) var<storage, read_write> y: array<f32>;
//	@group(0) @binding(2) var<uniform> p: Params;
//
// A view is (first element, stride of axis 0, rows per index of axis 0, step
// between columns); common/view.wgsl turns it into element numbers, and the
// workgroup's id into a number. Bindings, workgroup size, workgroup memory and the
// size of Params are read from the text of the shader (reflect.go), so that they
// are written once.
//
// No buffer may be bound twice where one of the two is written: two results that
// are views of one buffer take two dispatches (sameBuffer tells).
package kernels
