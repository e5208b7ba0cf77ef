// Package conformance is the one suite that every backend runs. It may import
// tensor and nothing else of this module; the reference backend is handed in:
//
//	func TestConformance(t *testing.T) { conformance.Run(t, backend, reference) }
//
// A Case is one call: an operation, its operands' sizes and values, its
// attributes, and what must come of it: numbers worked out by hand or by the
// formula, or else the reference backend's result. One file holds the cases of a
// family, under the name that package tensor gives it.
//
// Every case runs several times (see layoutKind): dense, as views with offsets and
// gaps, with all operands in one buffer, and added to what is there. After each
// run the suite looks at more than the result: the bytes around and between the
// rows of every result, the operands, and a second run that must give the same bits.
//
// A single case runs alone by its name:
//
//	go test ./cpuref -run 'TestConformance/softmax/huge'
package conformance
