package kernels

import (
	"context"
	"syscall"
	"testing"

	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/tensor"
)

func cpu() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Sec) + float64(r.Utime.Usec)/1e6
}

func TestCompileTime(t *testing.T) {
	_ = gpu.Options{}
	b := open(t)
	for _, act := range []tensor.Act{0, 1, 2, 7} {
		for _, kk := range []int{7, 8} {
			s := begin(t, b)
			x, _ := tensor.Upload(s, make([]float32, 40*kk), 40, kk)
			w, _ := tensor.Upload(s, make([]float32, 40*kk), 40, kk)
			bi, _ := tensor.Upload(s, make([]float32, 40), 40)
			t0 := cpu()
			y, err := tensor.Linear(s, x, w, bi, tensor.Tensor{}, act, false)
			if err != nil {
				t.Fatal(err)
			}
			t1 := cpu()
			tensor.Download(context.Background(), s, y)
			t.Logf("act %v k %d: pipeline %.3f run %.3f", act, kk, t1-t0, cpu()-t1)
		}
	}
}
