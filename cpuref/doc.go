// Package cpuref is the contract of package tensor in pure Go. It may import
// tensor and nothing else of this module.
//
// Every operation has a plain implementation in the file that bears its name:
// simple loops, sums in float64, written to be read. Beside it lie fast paths
// (files *_fast.go, the matrix product in gemm*.go, vector loops in vec*.go),
// which are tested against the plain ones and take over where they apply.
//
// A backend runs an operation when it is asked to, over all its threads. The
// bits of a result depend on the operands of its own row or sequence alone: not
// on the number of threads, on what else is in the batch, or on how a view lies
// in memory.
//
// Environment: CEPHALO_THREADS is the number of threads, CEPHALO_CPU the
// instruction set (auto, generic, or a name from the table in cpu_path.go).
package cpuref
