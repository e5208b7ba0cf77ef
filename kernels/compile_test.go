package kernels

import (
	"testing"
	"time"
)

func TestCompileTime(t *testing.T) {
	b := open(t)
	for _, k := range []kernel{
		kernelOf("attention", set("VEC", 0)), kernelOf("attention", set("VEC", 1)),
		kernelOf("attention", set("VEC", 1), set("DROPOUT", 1)), kernelOf("attention", set("VEC", 1), set("MASK", 1)),
		kernelOf("attention", set("VEC", 1), set("MASK", 2)),
		kernelOf("attention", set("VEC", 1), set("CHUNK", 4)), kernelOf("attention", set("VEC", 0), set("CHUNK", 4)),
		kernelOf("attention_backward_q", set("VEC", 0)), kernelOf("attention_backward_q", set("VEC", 1)),
		kernelOf("attention_backward_kv", set("VEC", 1)), kernelOf("attention_backward_kv", set("VEC", 0), set("DROPOUT", 1)),
		kernelOf("matmul", set("VEC_A", 0)), kernelOf("matmul", set("VEC_A", 1), set("VEC_B", 1), set("ACT", 1)),
	} {
		t0 := time.Now()
		if _, err := b.program(k); err != nil {
			t.Fatal(err)
		}
		t.Log(k, time.Since(t0))
	}
}
