package cpuref

import "fmt"

// gemmEpilogue is what happens to a tile of the product while it is in cache, in this order; absent parts
// are nil. The zero value stores the product.
//
//	c = product            (accum: c = c + product)
//	c = c + bias
//	pre = c
//	c = act(c)
//	c = c + residual
type gemmEpilogue struct {
	accum    bool
	bias     []float32           // [n]
	pre      []float32           // [m, ldp], written
	ldp      int                 // floats between rows of pre
	act      func(row []float32) // in place; each element by its own value alone, for rows come in pieces
	residual []float32           // [m, ldr]
	ldr      int
}

// gemm computes C [m,n] from A [m,k] and the packed B [k,n], with rows lda and ldc apart, then the epilogue;
// ep may be nil. It splits the work over p. Bits depend on k and on the operands' values alone: not on m,
// n, the position of a row or column, or the number of threads. C must not overlap an operand.
func gemm(p *cpuPool, m int, a []float32, lda int, b *gemmPacked, c []float32, ldc int, ep *gemmEpilogue) {
	if m == 0 || b.n == 0 {
		return
	}
	gemmCheck("a", m, b.k, lda, len(a))
	gemmCheck("c", m, b.n, ldc, len(c))
	t := p.tasks.get()
	if m*b.n < gemmSplit/max(1, b.k) {
		t.set(p, 1, m, a, lda, b, c, ldc, ep)
		for i := range t.items() {
			t.step(i)
		}
	} else {
		t.set(p, p.threads, m, a, lda, b, c, ldc, ep)
		p.run(t.items(), t.step)
	}
	t.release()
}

// gemmCheck guards the micro-kernels, which do not check bounds: shapes were checked by the operation, so
// a failure is a bug of ours.
func gemmCheck(name string, rows, cols, ld, have int) {
	if rows < 0 || cols < 0 || (rows > 1 && ld < cols) || have < (rows-1)*ld+cols {
		panic(fmt.Sprintf("cpuref: gemm: operand %s got %d floats, rows %d apart, want [%d,%d]", name, have, ld, rows, cols))
	}
}

// gemmTask is one product in progress, cut into a grid of blocks.
type gemmTask struct {
	pool     *cpuPool
	m        int
	a        []float32
	lda      int
	b        *gemmPacked
	c        []float32
	ldc      int
	ep       gemmEpilogue
	tiles    int // row tiles, of nearly equal height
	rowSteps int // row tiles in a block
	colSteps int // panels in a block
	step     func(i int)
}

func newGemmTask() *gemmTask {
	t := new(gemmTask)
	t.step = t.item
	return t
}

func (t *gemmTask) set(p *cpuPool, threads, m int, a []float32, lda int, b *gemmPacked, c []float32, ldc int, ep *gemmEpilogue) {
	t.pool, t.m, t.a, t.lda, t.b, t.c, t.ldc = p, m, a, lda, b, c, ldc
	t.ep = gemmEpilogue{}
	if ep != nil {
		t.ep = *ep
	}
	t.tiles = (m + b.path.mr - 1) / b.path.mr
	t.rowSteps, t.colSteps = gemmBlocks(threads, t.tiles, b)
}

// release gives the task back, without what it points to.
func (t *gemmTask) release() {
	p := t.pool
	*t = gemmTask{step: t.step}
	p.tasks.put(t)
}

const (
	gemmSplit       = 1 << 18  // multiply-adds, some microseconds: less is left to one thread
	gemmBlockFloats = 96 << 10 // of B in a block: well inside a second-level cache of 1 MiB
	gemmBlockTiles  = 8        // row tiles in a block
	gemmItems       = 4        // blocks for each thread, at least, where there are as many tiles
)

// gemmBlocks picks the size of a block, in row tiles and panels: as much of B as stays in the second-level
// cache while rows pass, then smaller until every thread has several. Few rows are split by columns, so
// that each thread reads a part of B only.
func gemmBlocks(threads, tiles int, b *gemmPacked) (rows, cols int) {
	panels := b.panels()
	rows = gemmEven(tiles, gemmBlockTiles)
	cols = gemmEven(panels, max(1, gemmBlockFloats/max(1, b.k*b.path.nr)))
	for threads > 1 && gemmCeil(tiles, rows)*gemmCeil(panels, cols) < threads*gemmItems {
		switch {
		case cols > 1 && (tiles <= gemmBlockTiles || cols >= rows):
			cols = gemmEven(panels, gemmCeil(cols, 2))
		case rows > 1:
			rows = gemmEven(tiles, gemmCeil(rows, 2))
		default:
			return rows, cols
		}
	}
	return rows, cols
}

func gemmCeil(a, b int) int { return (a + b - 1) / b }

// gemmEven is the size of the largest of the nearly equal parts, none above limit, that n falls into.
func gemmEven(n, limit int) int { return gemmCeil(n, gemmCeil(n, limit)) }

func (t *gemmTask) items() int {
	return gemmCeil(t.tiles, t.rowSteps) * gemmCeil(t.b.panels(), t.colSteps)
}

func (t *gemmTask) item(i int) {
	s := t.pool.scratch.get()
	t.block(s, i)
	t.pool.scratch.put(s)
}

// block computes block i of the grid. Neighbouring numbers share their part of B, which so stays in the
// second-level cache; the rows of A in one tile stay in the first-level cache while the panels pass.
func (t *gemmTask) block(s *gemmScratch, i int) {
	down := gemmCeil(t.tiles, t.rowSteps)
	t0, p0 := i%down*t.rowSteps, i/down*t.colSteps
	t1, p1 := min(t0+t.rowSteps, t.tiles), min(p0+t.colSteps, t.b.panels())
	b, nr := t.b, t.b.path.nr
	whole := b.n / nr
	for ; t0 < t1; t0++ {
		r0, r1 := t.row(t0), t.row(t0+1)
		kernel, a := b.path.tiles[r1-r0-1], t.a[r0*t.lda:]
		for p := p0; p < min(p1, whole); p++ {
			kernel(b.k, a, t.lda, b.panel(p), t.c[r0*t.ldc+p*nr:], t.ldc, t.ep.accum)
		}
		if p1 > whole {
			t.edge(s, kernel, r1-r0, a, whole, t.c[r0*t.ldc+whole*nr:])
		}
		for r := r0; r < r1; r++ {
			t.finish(r, p0*nr, min(p1*nr, b.n))
		}
	}
}

// row is the first row of a tile: the rows are spread evenly, so that no thin tile is left at the end.
func (t *gemmTask) row(tile int) int {
	return tile*(t.m/t.tiles) + min(tile, t.m%t.tiles)
}

// edge computes a tile of the last, padded panel.
func (t *gemmTask) edge(s *gemmScratch, kernel gemmTile, rows int, a []float32, p int, c []float32) {
	nr := t.b.path.nr
	cols := t.b.n - p*nr
	if t.ep.accum {
		for r := range rows {
			copy(s.tile[r*nr:][:cols], c[r*t.ldc:])
		}
	}
	kernel(t.b.k, a, t.lda, t.b.panel(p), s.tile[:], nr, t.ep.accum)
	for r := range rows {
		copy(c[r*t.ldc:][:cols], s.tile[r*nr:])
	}
}

// finish applies the epilogue to columns col to end of row r.
func (t *gemmTask) finish(r, col, end int) {
	row, vec := t.c[r*t.ldc:][col:end], vecOf(t.b.path)
	if t.ep.bias != nil {
		vec.add(row, row, t.ep.bias[col:end])
	}
	if t.ep.pre != nil {
		copy(t.ep.pre[r*t.ep.ldp:][col:end], row)
	}
	if t.ep.act != nil {
		t.ep.act(row)
	}
	if t.ep.residual != nil {
		vec.add(row, row, t.ep.residual[r*t.ep.ldr:][col:end])
	}
}
