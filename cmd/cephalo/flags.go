package main

import (
	"fmt"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/models"
)

// backendFlags choose where to run.
type backendFlags struct {
	Backend string `help:"Backend: auto, webgpu or cpu." enum:",auto,webgpu,cpu" default:"" env:"CEPHALO_BACKEND" placeholder:"auto|webgpu|cpu"`
	Device  string `help:"WebGPU adapter, by number or part of its name."`
	Threads int    `help:"CPU threads; 0 is all." env:"CEPHALO_THREADS" default:"0"`
	Dtype   string `help:"Type to compute in: f32." enum:"f32" default:"f32"`
}

// options are the flags as the façade takes them.
func (f backendFlags) options() ([]cephalo.Option, error) {
	if f.Device != "" && f.Backend == cephalo.BackendCPU {
		return nil, usagef("--device picks a WebGPU adapter, but the backend is cpu (by --backend or CEPHALO_BACKEND)")
	}
	return []cephalo.Option{cephalo.WithBackend(f.Backend), cephalo.WithDevice(f.Device), cephalo.WithThreads(f.Threads)}, nil
}

// modelFlags choose the folder and the backend.
type modelFlags struct {
	Model string `help:"Model folder; without it the small embedded sentiment model." env:"CEPHALO_MODEL" placeholder:"DIR" type:"path" default:""`
	backendFlags
	Batch          int `help:"Inputs in a batch; 0 keeps the default." default:"0"`
	MaxBatchTokens int `help:"Tokens in a batch; 0 keeps the default." default:"0"`
}

// open opens the folder, or the embedded model.
func (f modelFlags) open(a *app) (*cephalo.Model, error) {
	opts, err := f.options()
	if err != nil {
		return nil, err
	}
	opts = append(opts, cephalo.WithBatch(f.Batch, f.MaxBatchTokens), cephalo.WithLog(a.log), cephalo.WithIdle(a.idle))
	if f.Model != "" {
		return cephalo.Open(a.ctx, f.Model, opts...)
	}
	fsys, ok := models.Default()
	if !ok {
		return nil, usagef("--model is missing: this build embeds no model")
	}
	a.log(fmt.Sprintf("no --model given, using the embedded %s", models.DefaultName))
	return cephalo.OpenFS(a.ctx, fsys, opts...)
}
