// Package tensor is the contract that every backend implements and every layer
// is written against: dtypes, shapes, views, the table of operations and the
// typed functions over it. It knows no device and no model, and imports nothing
// else of this module.
//
// Shape letters, used alike in Go and in the shaders:
//
//	B batch        T query length   S key length     R packed rows (all kept tokens of a batch)
//	H heads        K kv heads       D head dim       C hidden (width of a row)
//	F intermediate V vocabulary     N output width
//
// A Tensor is a view passed by value. A forward pass opens a Stream on a
// Backend, records operations through the typed functions, reads the results
// back once and closes the stream:
//
//	s, err := backend.Begin()
//	defer s.Close()
//	x, err := tensor.Upload(s, []float32{1, 2, 3, 4}, 2, 2)
//	y, err := tensor.Softmax(s, x)
//	got, err := tensor.Download(ctx, s, y)
package tensor
