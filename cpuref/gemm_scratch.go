package cpuref

// gemmScratch is the memory that one thread needs during a product. The pool keeps it between calls.
type gemmScratch struct {
	tile [gemmTileFloats]float32 // a tile at the right edge, whose kernel writes columns that C lacks
	pack gemmPacked              // B of a batch entry
	turn []float32               // A of a batch entry, if it is stored transposed
}

// gemmTileFloats is the size of the largest tile of any path.
const gemmTileFloats = 14 * 32

func (s *gemmScratch) packed(path *cpuPath, k, n int) *gemmPacked {
	s.pack = gemmPacked{path: path, k: k, n: n, data: gemmGrow(s.pack.data, gemmPackedLen(path, k, n))}
	return &s.pack
}

func (s *gemmScratch) left(n int) []float32 {
	s.turn = gemmGrow(s.turn, n)
	return s.turn
}

// gemmGrow returns n floats of undefined value, in s if they fit.
func gemmGrow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}
