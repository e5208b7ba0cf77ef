package cpuref

// gemmOperand is one matrix of each entry of a batch: entry i begins at i*step, rows lie ld apart.
// With trans the matrix that takes part is the transpose of the one that is stored.
type gemmOperand struct {
	data     []float32
	ld, step int
	trans    bool
}

// gemmBatch computes C[i] [m,n] = A[i] [m,k] · B[i] [k,n] for each entry i, or with accum adds the products to C.
// Both operands are activations: B is packed on the way, into memory that p keeps for the next call.
// A step of 0 shares an operand between
// entries; the entries of C must lie apart. The bits are those of gemm.
func gemmBatch(p *cpuPool, batch, m, n, k int, a, b gemmOperand, c []float32, ldc, stepC int, accum bool) {
	if batch == 0 || m == 0 || n == 0 {
		return
	}
	last := batch - 1
	a.check("a", last, m, k)
	b.check("b", last, k, n)
	gemmCheck("c", m, n, ldc, len(c)-last*stepC)
	t := p.batches.get()
	*t = gemmBatchTask{pool: p, m: m, n: n, k: k, a: a, b: b, c: c, ldc: ldc, stepC: stepC, accum: accum, step: t.step, packB: t.packB, packA: t.packA}
	if batch >= p.threads*gemmItems || batch > 1 && m*n < gemmSplit/max(1, k) {
		p.run(batch, t.step)
	} else {
		for i := range batch {
			t.wide(i)
		}
	}
	*t = gemmBatchTask{step: t.step, packB: t.packB, packA: t.packA}
	p.batches.put(t)
}

// gemmPackRows is the number of rows of a transposed A that one step of the pool turns.
const gemmPackRows = 64

func (o *gemmOperand) check(name string, last, rows, cols int) {
	if o.trans {
		rows, cols = cols, rows
	}
	gemmCheck(name, rows, cols, o.ld, len(o.data)-last*o.step)
}

type gemmBatchTask struct {
	pool       *cpuPool
	m, n, k    int
	a, b       gemmOperand
	c          []float32
	ldc, stepC int
	accum      bool

	// The product that all threads share, in wide.
	one    int
	packed gemmPacked
	left   []float32

	step, packB, packA func(i int)
}

func newGemmBatchTask() *gemmBatchTask {
	t := new(gemmBatchTask)
	t.step = t.entry
	t.packB = func(i int) { t.packed.pack(i, t.b.data[t.one*t.b.step:], t.b.ld, t.b.trans) }
	t.packA = func(i int) { t.turn(t.left, t.one, i*gemmPackRows, min((i+1)*gemmPackRows, t.m)) }
	return t
}

// entry computes the product of entry i on this thread.
func (t *gemmBatchTask) entry(i int) {
	s := t.pool.scratch.get()
	packed := s.packed(t.pool.path, t.k, t.n)
	for p := range packed.panels() {
		packed.pack(p, t.b.data[i*t.b.step:], t.b.ld, t.b.trans)
	}
	a, lda := t.a.data[i*t.a.step:], t.a.ld
	if t.a.trans {
		a, lda = s.left(t.m*t.k), t.k
		t.turn(a, i, 0, t.m)
	}
	g := t.pool.tasks.get()
	g.set(t.pool, 1, t.m, a, lda, packed, t.c[i*t.stepC:], t.ldc, &gemmEpilogue{accum: t.accum})
	for j := range g.items() {
		g.block(s, j)
	}
	g.release()
	t.pool.scratch.put(s)
}

// wide computes the product of entry i on all threads.
func (t *gemmBatchTask) wide(i int) {
	p := t.pool
	s := p.scratch.get()
	t.one, t.packed = i, *s.packed(p.path, t.k, t.n)
	p.run(t.packed.panels(), t.packB)
	a, lda := t.a.data[i*t.a.step:], t.a.ld
	if t.a.trans {
		t.left = s.left(t.m * t.k)
		p.run(gemmCeil(t.m, gemmPackRows), t.packA)
		a, lda = t.left, t.k
	}
	gemm(p, t.m, a, lda, &t.packed, t.c[i*t.stepC:], t.ldc, &gemmEpilogue{accum: t.accum})
	p.scratch.put(s)
}

// turn writes rows r0 to r1 of entry i's A, which is stored transposed, to dst [m,k].
func (t *gemmBatchTask) turn(dst []float32, i, r0, r1 int) {
	if t.k > 0 {
		gemmTranspose(t.pool.path, dst[r0*t.k:], t.k, t.a.data[i*t.a.step+r0:], t.a.ld, t.k, r1-r0)
	}
}
