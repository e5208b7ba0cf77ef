package cpuref

// gemmPacked is the right operand of gemm, B [k,n], laid out for the micro-kernels of one path: panels of nr
// columns, each panel the k rows of those columns one after the other, the last panel padded with zeros.
type gemmPacked struct {
	path *cpuPath
	k, n int
	data []float32 // [panels][k][nr]
}

// gemmPack packs b for the path of p. b is [k,n] with rows ldb apart, or with trans [n,k], which is how
// linear layers keep their weight.
func gemmPack(p *cpuPool, b []float32, k, n, ldb int, trans bool) *gemmPacked {
	g := &gemmPacked{path: p.path, k: k, n: n, data: make([]float32, gemmPackedLen(p.path, k, n))}
	p.run(g.panels(), func(i int) { g.pack(i, b, ldb, trans) })
	return g
}

// gemmPackedLen is the number of floats in a packed [k,n] operand.
func gemmPackedLen(path *cpuPath, k, n int) int {
	return (n + path.nr - 1) / path.nr * path.nr * k
}

func (g *gemmPacked) panels() int { return (g.n + g.path.nr - 1) / g.path.nr }

// panel returns panel i, k*nr floats.
func (g *gemmPacked) panel(i int) []float32 {
	size := g.k * g.path.nr
	return g.data[i*size : (i+1)*size]
}

func (g *gemmPacked) pack(i int, b []float32, ldb int, trans bool) {
	if g.k == 0 {
		return
	}
	nr, dst := g.path.nr, g.panel(i)
	cols := min(nr, g.n-i*nr)
	if trans {
		if cols < nr {
			clear(dst)
		}
		gemmTranspose(g.path, dst, nr, b[i*nr*ldb:], ldb, cols, g.k)
		return
	}
	for k := range g.k {
		row := dst[k*nr:][:nr]
		copy(row, b[k*ldb+i*nr:][:cols])
		clear(row[cols:])
	}
}

// unpack writes the operand as it was given to gemmPack, with rows ldb apart.
func (g *gemmPacked) unpack(b []float32, ldb int, trans bool) {
	nr := g.path.nr
	for i := range g.panels() {
		src := g.panel(i)
		cols := min(nr, g.n-i*nr)
		for k := range g.k {
			row := src[k*nr:][:cols]
			if !trans {
				copy(b[k*ldb+i*nr:], row)
				continue
			}
			for j, v := range row {
				b[(i*nr+j)*ldb+k] = v
			}
		}
	}
}
