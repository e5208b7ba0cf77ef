package conformance

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/tensor"
)

// faults is what is wrong with one run: with its results, and with the memory around them.
func (s *suite) faults(r *run, want [][]float64, tol tensor.Tol) (faults []string) {
	add := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("%s/%s (%s): ", r.c.Op, r.c.Name, r.variant)+fmt.Sprintf(format, args...))
	}
	for i := range r.dst {
		p := &r.dst[i]
		if p.spec.DType == tensor.NoType {
			continue
		}
		bound := tol
		if p.spec.DType == tensor.I32 {
			bound = tensor.Tol{}
		}
		d := compare(p.read(r.after[p.block]), r.expected(i, want[i]), bound, r.skip(i))
		s.report.add(r.c.Op, d)
		if !d.ok() {
			add("result %d %v: %s", i, p.spec, d)
		}
	}
	for b, mem := range r.srcMem {
		if at := firstChange(mem.words, r.srcEnd[b], nil); at >= 0 {
			add("word %d of operand memory %d changed", at, b)
		}
	}
	for b, mem := range r.dstMem {
		if at := firstChange(mem.words, r.after[b], mem.used); at >= 0 {
			add("word %d of result memory %d changed, which belongs to no result", at, b)
		}
	}
	return faults
}

// expected is the wanted result i: added to what was there in a run that accumulates.
func (r *run) expected(i int, want []float64) []float64 {
	if !r.variant.accum {
		return want
	}
	sum := slices.Clone(r.before[i])
	for e := range sum {
		if r.c.Undefined == nil || !r.c.Undefined(i, e) { // nothing is added there
			sum[e] += want[e]
		}
	}
	return sum
}

// skip says which elements of result i are not compared.
func (r *run) skip(i int) func(e int) bool {
	undefined, spoilt := r.c.Undefined, r.c.Spoilt
	if r.variant.accum {
		undefined = nil
	}
	return func(e int) bool {
		return undefined != nil && undefined(i, e) || spoilt != nil && spoilt(i, e)
	}
}

// firstChange is the first word outside used that differs, -1 if none does.
func firstChange(before, after []uint32, used []bool) int {
	for i := range before {
		if before[i] != after[i] && (used == nil || !used[i]) {
			return i
		}
	}
	return -1
}

// otherBits is where a second run differs in bits from the first; empty if nowhere.
func (r *run) otherBits(first *run) string {
	for i := range r.dst {
		p := &r.dst[i]
		if p.spec.DType == tensor.NoType {
			continue
		}
		skip := r.skip(i)
		for e := range int(p.spec.Elems()) {
			a, b := first.after[p.block][p.word(e)], r.after[p.block][p.word(e)]
			if a != b && (skip == nil || !skip(e)) {
				return fmt.Sprintf("%s/%s: result %d element %d: bits %08x, then %08x", r.c.Op, r.c.Name, i, e, a, b)
			}
		}
	}
	return ""
}

// report gathers what the suite saw of each operation.
type report map[tensor.Op]*opReport

type opReport struct {
	runs, failed int
	worst        float64 // share of the tolerance
}

func (rp *report) add(op tensor.Op, d difference) {
	if *rp == nil {
		*rp = report{}
	}
	o := (*rp)[op]
	if o == nil {
		o = &opReport{}
		(*rp)[op] = o
	}
	o.runs++
	if !d.ok() {
		o.failed++
	}
	o.worst = max(o.worst, d.share)
}

// table is a line for every operation that ran.
func (rp report) table(backend string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%-28s %8s %8s %18s\n", backend, "operation", "results", "outside", "worst of tolerance")
	for _, op := range tensor.Ops() {
		if o := rp[op]; o != nil {
			fmt.Fprintf(&b, "%-28s %8d %8d %17.1f%%\n", op, o.runs, o.failed, 100*o.worst)
		}
	}
	return b.String()
}
