package benchmark

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Options of a run.
type Options struct {
	MinTime time.Duration // time a case for at least this long
	MinRuns int
}

// Result is one case on one backend.
type Result struct {
	Case     string  `json:"case"`
	Backend  string  `json:"backend"`
	MedianMs float64 `json:"median_ms"`
	MinMs    float64 `json:"min_ms"`
	Spread   float64 `json:"spread"` // (p90 - p10) / median
	Runs     int     `json:"runs"`
	GFLOPS   float64 `json:"gflops,omitempty"`
	GBs      float64 `json:"gb_s"`
	Share    float64 `json:"share_of_peak"` // of the peak that bounds it: arithmetic or memory
	Allocs   float64 `json:"allocs"`        // backend allocations a run
	Heap     float64 `json:"heap_objects"`  // Go heap objects a run
	Error    float64 `json:"error"`         // largest |got-want|/max(1,|want|) against the reference
}

// Peak is the best that a backend reaches on work that nothing else holds up.
type Peak struct {
	Backend string  `json:"backend"`
	GFLOPS  float64 `json:"gflops"` // matmul 512^3, operands in cache
	GBs     float64 `json:"gb_s"`   // scale over 64 MiB
}

// once runs the work on a stream of its own and reads the result.
func once(ctx context.Context, b tensor.Backend, run func(tensor.Stream) (tensor.Tensor, error), read bool) ([]float32, tensor.Stats, error) {
	s, err := b.Begin()
	if err != nil {
		return nil, tensor.Stats{}, err
	}
	defer s.Close()
	y, err := run(s)
	if err != nil {
		return nil, tensor.Stats{}, err
	}
	if read {
		v, err := tensor.Download(ctx, s, y)
		return v, s.Stats(), err
	}
	err = s.Read(ctx, nil) // submits and waits
	return nil, s.Stats(), err
}

// Reference is what a case computes on the reference backend.
func Reference(ctx context.Context, c Case, b tensor.Backend) ([]float32, error) {
	run, release, err := c.Prepare(ctx, b)
	if err != nil {
		return nil, err
	}
	defer release()
	v, _, err := once(ctx, b, run, true)
	return v, err
}

// Run checks a case against want and times it.
func Run(ctx context.Context, c Case, b tensor.Backend, want []float32, peak Peak, o Options) (Result, error) {
	r := Result{Case: c.Name, Backend: b.Name()}
	run, release, err := c.Prepare(ctx, b)
	if err != nil {
		return r, err
	}
	defer release()
	got, _, err := once(ctx, b, run, true)
	if err != nil {
		return r, err
	}
	if len(got) != len(want) {
		return r, fmt.Errorf("%s on %s: %d values, the reference has %d", c.Name, b.Name(), len(got), len(want))
	}
	for i := range got {
		d := math.Abs(float64(got[i])-float64(want[i])) / math.Max(1, math.Abs(float64(want[i])))
		if !(d <= c.Tol) {
			return r, fmt.Errorf("%s on %s: value %d is %g, the reference has %g (bound %.2g)", c.Name, b.Name(), i, got[i], want[i], c.Tol)
		}
		r.Error = math.Max(r.Error, d)
	}
	for range 2 { // warm
		if _, _, err := once(ctx, b, run, false); err != nil {
			return r, err
		}
	}
	var times []float64
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	allocs := int64(0)
	for begin := time.Now(); time.Since(begin) < o.MinTime || len(times) < o.MinRuns; {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		start := time.Now()
		_, st, err := once(ctx, b, run, false)
		if err != nil {
			return r, err
		}
		times = append(times, time.Since(start).Seconds())
		allocs += st.Allocs
	}
	runtime.ReadMemStats(&after)
	n := float64(len(times))
	slices.Sort(times)
	at := func(q float64) float64 { return times[int(q*(n-1))] }
	median := at(.5)
	r.Runs, r.MedianMs, r.MinMs, r.Spread = len(times), 1e3*median, 1e3*times[0], (at(.9)-at(.1))/median
	r.GFLOPS, r.GBs = c.FLOPs/median/1e9, c.Bytes/median/1e9
	r.Allocs, r.Heap = float64(allocs)/n, float64(after.Mallocs-before.Mallocs)/n
	if peak.GFLOPS > 0 && peak.GBs > 0 {
		r.Share = math.Max(r.GFLOPS/peak.GFLOPS, r.GBs/peak.GBs)
	}
	return r, nil
}

// Measure finds a backend's peak.
func Measure(ctx context.Context, b tensor.Backend, o Options) (Peak, error) {
	p := Peak{Backend: b.Name()}
	const n, big = 512, 16 << 20
	mm := opCase("peak matmul", 2*n*n*n, [][]int{{n, n}, {n, n}}, func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error) {
		return tensor.Linear(s, in[0], in[1], tensor.Tensor{}, tensor.Tensor{}, tensor.ActNone, false)
	}, n, n)
	sc := opCase("peak scale", 0, [][]int{{big}}, func(s tensor.Stream, in []tensor.Tensor) (tensor.Tensor, error) {
		return tensor.Scale(s, in[0], 2, 0)
	}, big)
	for _, c := range []Case{mm, sc} {
		run, release, err := c.Prepare(ctx, b)
		if err != nil {
			return p, err
		}
		best := math.Inf(1)
		for begin, k := time.Now(), 0; k < 3 || time.Since(begin) < o.MinTime; k++ {
			start := time.Now()
			if _, _, err = once(ctx, b, run, false); err != nil {
				break
			}
			best = min(best, time.Since(start).Seconds())
		}
		release()
		if err != nil {
			return p, err
		}
		p.GFLOPS, p.GBs = math.Max(p.GFLOPS, c.FLOPs/best/1e9), math.Max(p.GBs, c.Bytes/best/1e9)
	}
	return p, nil
}
