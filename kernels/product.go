package kernels

import (
	"fmt"
	"math/bits"

	"github.com/cephalo-ml/cephalo/shaders"
	"github.com/cephalo-ml/cephalo/tensor"
)

// matrix is rows of cols elements that lie ld apart.
type matrix struct {
	buf        *buffer
	off        int64 // bytes
	rows, cols int
	ld         int
}

// matrixOf is a tensor of rank 2, or the last two axes of a larger one.
func matrixOf(t tensor.Tensor) matrix {
	if t.Buf == nil {
		return matrix{}
	}
	m := matrix{buf: t.Buf.(*buffer), off: t.Off, rows: t.Dim(-2), cols: t.Cols(), ld: t.Cols()}
	if t.Rank == 2 {
		m.ld = int(t.Stride)
	}
	return m
}

// block is rows lo to hi and columns from to to.
func (m matrix) block(lo, hi, from, to int) matrix {
	if m.buf == nil {
		return m
	}
	m.off += 4 * (int64(lo)*int64(m.ld) + int64(from))
	m.rows, m.cols = hi-lo, to-from
	return m
}

// fit is how many rows extend over at most limit bytes.
func (m matrix) fit(limit int64) int {
	if m.buf == nil || m.cols == 0 {
		return m.rows
	}
	row := 4 * int64(m.cols)
	if row > limit {
		return 0
	}
	return min(m.rows, 1+clampInt((limit-row)/max(4*int64(m.ld), 1)))
}

// operand is the matrix as one row, with its ld as the stride.
func (m matrix) operand() operand {
	if m.buf == nil || m.rows == 0 || m.cols == 0 {
		return operand{}
	}
	return operand{buf: m.buf, off: m.off, rows: 1, cols: (m.rows-1)*m.ld + m.cols, inner: 1, stride: m.ld, step: 1}
}

// product is y = act(A B + bias) + residual, with y added to A B where accum is
// set: what linear and matmul have in common. A is [M,K], stored [K,M] with transA,
// B is [K,N], stored [N,K] with transB.
type product struct {
	a, b, y                matrix
	transA, transB         bool
	batch                  int     // matrices, at least 1
	batchA, batchB, batchY operand // of batch > 1: a row for each matrix
	bias                   operand
	residual, pre          matrix
	act                    tensor.Act
	accum                  bool
	m, n, k                int
}

// run records g. Whatever does not fit into one binding is cut: batches, then rows
// of y, then columns where B is stored by columns, then terms, whose sums are
// added up in y before the last piece applies bias, activation and residual.
func (g *product) run(s *stream) error {
	if g.m == 0 || g.n == 0 || g.batch == 0 {
		return nil
	}
	if g.batch > 1 {
		return g.runBatch(s)
	}
	limit := s.b.window()
	stepM := min(g.m, g.y.fit(limit), g.residual.orElse(g.m, limit), g.pre.orElse(g.m, limit))
	stepN, stepK := g.n, g.terms(s)
	if g.transA {
		stepK = min(stepK, g.a.fit(limit))
	} else {
		stepM = min(stepM, g.a.fit(limit))
	}
	if o := g.bias; o.present() {
		stepN = min(stepN, 1+clampInt((limit-4)/max(4*int64(o.step), 4)))
	}
	if g.transB {
		stepN = min(stepN, g.b.fit(limit))
	} else {
		stepK = min(stepK, g.b.fit(limit))
	}
	stepM, stepN, stepK = wholeTiles(stepM, g.m), wholeTiles(stepN, g.n), wholeTiles(stepK, g.k)
	if stepM == 0 || stepN == 0 || (stepK == 0 && g.k > 0) {
		return fmt.Errorf("a row of a matrix exceeds the %d bytes that this device binds: %w", limit, tensor.ErrUnsupported)
	}
	for i := 0; i < g.m; i += stepM {
		for j := 0; j < g.n; j += stepN {
			for k := 0; k == 0 || k < g.k; k += max(stepK, 1) {
				if err := g.piece(i, min(i+stepM, g.m), j, min(j+stepN, g.n), k, min(k+stepK, g.k)).dispatch(s); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// terms is how many terms the shaders may sum, in rounds of four.
func (g *product) terms(s *stream) int {
	if g.k/4 < s.b.rounds {
		return g.k
	}
	return 3 * s.b.rounds
}

// wholeTiles keeps the pieces of a cut at multiples of every tile.
func wholeTiles(step, of int) int {
	if step < of && step > 64 {
		return step &^ 63
	}
	return step
}

// orElse is fit, or n for an absent matrix.
func (m matrix) orElse(n int, limit int64) int {
	if m.buf == nil {
		return n
	}
	return m.fit(limit)
}

// piece is rows m0 to m1 and columns n0 to n1 of y over terms k0 to k1.
func (g *product) piece(m0, m1, n0, n1, k0, k1 int) *product {
	q := *g
	q.m, q.n, q.k = m1-m0, n1-n0, k1-k0
	if g.transA {
		q.a = g.a.block(k0, k1, m0, m1)
	} else {
		q.a = g.a.block(m0, m1, k0, k1)
	}
	if g.transB {
		q.b = g.b.block(n0, n1, k0, k1)
	} else {
		q.b = g.b.block(k0, k1, n0, n1)
	}
	q.y = g.y.block(m0, m1, n0, n1)
	q.accum = g.accum || k0 > 0
	if k1 < g.k {
		q.act, q.bias, q.residual, q.pre = tensor.ActNone, operand{}, matrix{}, matrix{}
		return &q
	}
	q.residual, q.pre = g.residual.block(m0, m1, n0, n1), g.pre.block(m0, m1, n0, n1)
	if g.bias.present() {
		q.bias.off += 4 * int64(n0) * int64(g.bias.step)
		q.bias.cols = n1 - n0
	}
	return &q
}

// runBatch takes as many matrices at a time as bindings hold, or, where one is too
// large, each as a product of its own.
func (g *product) runBatch(s *stream) error {
	limit := s.b.window()
	ops := []operand{g.batchA, g.batchB, {}, {}, g.batchY, {}}
	for _, o := range ops {
		if (o.present() && o.fit(0, limit) == 0) || g.terms(s) < g.k {
			for i := range g.batch {
				if err := g.one(i).run(s); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return s.split(ops, func(part []operand) error {
		return g.record(s, part, part[4].rows)
	})
}

// one is the product of matrix i of the batch.
func (g *product) one(i int) *product {
	q := *g
	q.batch = 1
	q.a.off = g.batchA.slice(i, i+1).off
	if !g.batchB.shared {
		q.b.off = g.batchB.slice(i, i+1).off
	}
	q.y.off = g.batchY.slice(i, i+1).off
	return &q
}

func (g *product) dispatch(s *stream) error {
	ops := [...]operand{g.a.operand(), g.b.operand(), g.bias, g.residual.operand(), g.y.operand(), g.pre.operand()}
	return g.record(s, ops[:], 1)
}

func (g *product) record(s *stream, ops []operand, batch int) error {
	v := s.b.pickProduct(g.m, g.n)
	k := kernelOf(v.file,
		setIf("TRANS_A", g.transA), setIf("TRANS_B", g.transB),
		setIf("VEC_A", vectors(ops[0], g.a.ld, g.k, g.m, g.transA)), setIf("VEC_B", vectors(ops[1], g.b.ld, g.k, g.n, !g.transB)),
		setIf("ACCUM", g.accum), setIf("BIAS", g.bias.present()), set("ACT", int(g.act)),
		setIf("PRE", g.pre.buf != nil), setIf("RESIDUAL", g.residual.buf != nil), v.gx)
	tilesM, tilesN := groupsOf(g.m, v.tileM), groupsOf(g.n, v.tileN)
	return s.dispatch(k, tilesM*tilesN*batch, ops,
		u32(g.m), u32(g.n), u32(g.k), u32(g.a.ld), u32(g.b.ld), u32(g.y.ld), u32(tilesM), u32(tilesN))
}

// vectors says whether a factor can be read four elements at a time: k terms, or
// n columns where it is stored by rows of n.
func vectors(o operand, ld, k, n int, byRows bool) bool {
	if byRows {
		k = n
	}
	return o.off%windowRound == 0 && ld%4 == 0 && k%4 == 0 && (o.rows == 1 || o.stride%4 == 0)
}

// variant is a shader for products and the part of y that its workgroup computes.
type variant struct {
	file         string
	tileM, tileN int
	gx           shaders.Const // of the plain one
}

// pickProduct chooses the shader of a product that gives m x n. Tiles pay as soon as
// they are filled. The plain shader's workgroup takes the shape of y, so that few of
// its invocations lie outside.
func (b *Backend) pickProduct(m, n int) variant {
	if b.tiles && m > 16 && n > 16 {
		return variant{file: "matmul_tiled", tileM: 64, tileN: 64}
	}
	gx, gy := 8, 8
	switch {
	case m <= 16:
		gy = powerOfTwo(groupsOf(m, 4))
		gx = 64 / gy
	case n <= 16:
		gx = powerOfTwo(groupsOf(n, 4))
		gy = 64 / gx
	}
	return variant{file: "matmul", tileM: 4 * gy, tileN: 4 * gx, gx: set("GX", gx)}
}

// powerOfTwo is the smallest one that is n or more.
func powerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }
