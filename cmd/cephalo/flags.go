package main

import (
	"fmt"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/models"
)

// backendFlags choose where to run.
type backendFlags struct {
	Backend string `help:"Backend: auto, webgpu or cpu." enum:"auto,webgpu,cpu,," default:"" env:"CEPHALO_BACKEND" placeholder:"auto|webgpu|cpu"`
	Device  string `help:"WebGPU adapter, by number or part of its name."`
	Threads int    `help:"CPU threads; 0 is all." env:"CEPHALO_THREADS" default:"0"`
	Dtype   string `help:"Type to compute in: f32." enum:"f32" default:"f32"`
}

// modelFlags choose the folder and the backend.
type modelFlags struct {
	Model string `help:"Model folder; without it the small embedded sentiment model." env:"CEPHALO_MODEL" placeholder:"DIR" type:"path"`
	backendFlags
	Batch          int `help:"Inputs in a batch; 0 keeps the default." default:"0"`
	MaxBatchTokens int `help:"Tokens in a batch; 0 keeps the default." default:"0"`
}

// open opens the folder, or the embedded model.
func (f modelFlags) open(a *app, opts ...cephalo.Option) (*cephalo.Model, error) {
	if f.Batch < 0 || f.MaxBatchTokens < 0 || f.Threads < 0 {
		return nil, usagef("--batch, --max-batch-tokens and --threads want a number from 0")
	}
	opts = append(opts, cephalo.WithBackend(f.Backend), cephalo.WithDevice(f.Device), cephalo.WithThreads(f.Threads),
		cephalo.WithBatch(f.Batch, f.MaxBatchTokens), cephalo.WithLog(a.log), cephalo.WithIdle(a.idle))
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
