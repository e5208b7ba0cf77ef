package cpuref

import (
	"fmt"
	"strings"
)

// cpuPath is one implementation of the inner loops: a row of the table that cpuPaths returns for this
// architecture. All paths but generic sum with fused multiply-adds in the same order, so they give the
// same bits; generic rounds each product, on every architecture alike.
type cpuPath struct {
	name   string
	usable bool // this processor and operating system can run it

	// The micro-kernels of gemm: mr is the largest number of rows, nr the columns of a packed panel;
	// tiles[r-1] computes r rows.
	mr, nr int
	tiles  []gemmTile

	// transpose is gemmTranspose for rows and cols that are multiples of 8, at least 8; nil: plain Go does it.
	transpose func(dst []float32, ldd int, src []float32, lds, rows, cols int)
}

// gemmTile computes c[r,j] = sum over k of a[r*lda+k] * b[k*nr+j] for the rows it is written for and all nr
// columns of one packed panel; with add the sum starts at c.
//
// The order of the sum is fixed: blocks of gemmSumBlock steps of k, each block a chain from zero with
// one accumulator an element, the blocks added up in order. So an element depends on its row, its column
// and the number of steps alone. Blocks of 32 cost 2 % of speed beside blocks of 128 and keep the error of
// long sums several times smaller, within the contract's bound for sums.
type gemmTile func(steps int, a []float32, lda int, b []float32, c []float32, ldc int, add bool)

// gemmSumBlock is the number of products in one chain of a sum.
const gemmSumBlock = 32

// cpuSelect picks a path by name, the value of CEPHALO_CPU; "" and "auto" mean the fastest that this
// processor runs. A named path that it cannot run is an error, never a fallback.
func cpuSelect(name string) (*cpuPath, error) { return cpuPick(cpuPaths(), name) }

func cpuPick(paths []cpuPath, name string) (*cpuPath, error) {
	var names []string
	for i := range paths {
		p := &paths[i]
		switch {
		case (name == "" || name == "auto") && p.usable:
			return p, nil
		case p.name == name && !p.usable:
			return nil, fmt.Errorf("cpuref: CEPHALO_CPU got %s, which this processor or system cannot run", name)
		case p.name == name:
			return p, nil
		}
		names = append(names, p.name)
	}
	return nil, fmt.Errorf("cpuref: CEPHALO_CPU got %q, want auto, %s", name, strings.Join(names, ", "))
}
