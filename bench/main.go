// Command bench compares the backends: operations of a BERT-base layer and forward
// passes of seeded encoders, each checked against the reference before it is timed.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/internal/benchmark"
	"github.com/cephalo-ml/cephalo/tensor"
)

type cli struct {
	JSON     bool     `help:"One JSON value a line."`
	Quick    bool     `help:"Short runs of fewer cases."`
	Full     string   `help:"Time one encoder at its published size: BERT-base, ModernBERT-base, Qwen3-0.6B or GPT-2-small." placeholder:"NAME"`
	Only     string   `help:"Cases whose name matches a pattern." placeholder:"GLOB"`
	Backends []string `help:"Backends to time." default:"cpu,webgpu"`
	Threads  int      `help:"CPU threads; 0 is all." default:"0"`
	Peer     string   `help:"Source of the OpenBLAS peer." default:"bench/peers/openblas.c" type:"path"`
}

func main() {
	var c cli
	kong.Parse(&c, kong.Name("bench"))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := c.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func (c *cli) cases() []benchmark.Case {
	all := append(benchmark.Ops(1024), benchmark.Models()...)
	if c.Quick {
		all = append(benchmark.Ops(128), benchmark.Models()[:2]...)
	}
	var out []benchmark.Case
	for _, k := range all {
		if ok, _ := path.Match(c.Only, k.Name); c.Only == "" || ok {
			out = append(out, k)
		}
	}
	return out
}

func (c *cli) run(ctx context.Context) error {
	reference, err := cpuref.New(cpuref.Options{Reference: true, Threads: c.Threads})
	if err != nil {
		return err
	}
	defer reference.Close()
	var backends []tensor.Backend
	for _, name := range c.Backends {
		b, err := cephalo.OpenBackend(ctx, cephalo.BackendOptions{Name: name, Threads: c.Threads})
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s left out: %v\n", name, err)
			continue
		}
		defer b.Close()
		backends = append(backends, b)
	}
	if c.Full != "" {
		return c.full(ctx, backends)
	}
	o := benchmark.Options{MinTime: 2 * time.Second, MinRuns: 5}
	if c.Quick {
		o = benchmark.Options{MinTime: 200 * time.Millisecond, MinRuns: 3}
	}
	out := newPrinter(c.JSON)
	out.machine(benchmark.Processor(), runtime.GOMAXPROCS(0))
	peaks := map[string]benchmark.Peak{}
	for _, b := range backends {
		p, err := benchmark.Measure(ctx, b, o)
		if err != nil {
			return err
		}
		peaks[b.Name()] = p
		out.peak(p)
	}
	for _, k := range c.cases() {
		want, err := benchmark.Reference(ctx, k, reference)
		if err != nil {
			return err
		}
		for _, b := range backends {
			r, err := benchmark.Run(ctx, k, b, want, peaks[b.Name()], o)
			if err != nil {
				return err
			}
			out.result(r)
		}
	}
	out.flush()
	return c.peers(ctx, out)
}

// full times one encoder at full size, in a process of its own for the sake of its
// peak memory.
func (c *cli) full(ctx context.Context, backends []tensor.Backend) error {
	m, ok := benchmark.FullSize()[c.Full]
	if !ok {
		return fmt.Errorf("--full %q is unknown", c.Full)
	}
	for _, b := range backends {
		rs, err := benchmark.Full(ctx, b, c.Full, m, 5)
		if err != nil {
			return err
		}
		for _, r := range rs {
			raw, err := json.Marshal(r)
			if err != nil {
				return err
			}
			fmt.Println(string(raw))
		}
	}
	return nil
}

// peers times OpenBLAS on the shapes of the linear layers, where it is installed.
func (c *cli) peers(ctx context.Context, out *printer) error {
	if _, err := os.Stat(c.Peer); err != nil {
		return nil
	}
	rs, err := benchmark.OpenBLAS(ctx, c.Peer, runtime.GOMAXPROCS(0), []string{"1024x768x768", "1024x2304x768", "1024x3072x768", "1024x768x3072"})
	if err != nil {
		return err
	}
	for _, r := range rs {
		out.peer(r)
	}
	return nil
}

// printer writes a table or JSON lines.
type printer struct {
	json bool
	tw   *tabwriter.Writer
	head bool
}

func newPrinter(asJSON bool) *printer {
	return &printer{json: asJSON, tw: tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)}
}

func (p *printer) line(v any, format string, args ...any) {
	if p.json {
		raw, err := json.Marshal(v)
		if err != nil {
			panic(err) // plain structs of numbers and strings
		}
		fmt.Println(string(raw))
		return
	}
	fmt.Fprintf(p.tw, format, args...)
}

func (p *printer) machine(cpu string, threads int) {
	p.line(map[string]any{"processor": cpu, "threads": threads}, "%s, %d threads\n", cpu, threads)
}

func (p *printer) peak(k benchmark.Peak) {
	p.line(k, "peak of %s: %.1f GFLOP/s, %.1f GB/s\n", k.Backend, k.GFLOPS, k.GBs)
}

func (p *printer) result(r benchmark.Result) {
	if !p.head && !p.json {
		p.head = true
		fmt.Fprintln(p.tw, "case\tbackend\tmedian ms\tmin ms\tspread\tGFLOP/s\tGB/s\tof peak\tallocs\theap\terror\t")
	}
	name := r.Backend
	if i := strings.IndexAny(name, " ("); i > 0 {
		name = name[:i]
	}
	p.line(r, "%s\t%s\t%.3f\t%.3f\t%.0f%%\t%.1f\t%.1f\t%.0f%%\t%.1f\t%.0f\t%.1e\t\n", r.Case, name, r.MedianMs, r.MinMs, 100*r.Spread, r.GFLOPS, r.GBs, 100*r.Share, r.Allocs, r.Heap, r.Error)
}

func (p *printer) peer(r benchmark.PeerResult) {
	raw, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	fmt.Println("openblas " + string(raw))
}

func (p *printer) flush() { p.tw.Flush() }
