package cpuref

// gemmTranspose sets dst[c*ldd+r] = src[r*lds+c] for r < rows, c < cols.
func gemmTranspose(path *cpuPath, dst []float32, ldd int, src []float32, lds, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	gemmCheck("transpose", rows, cols, lds, len(src))
	gemmCheck("transpose result", cols, rows, ldd, len(dst))
	r8, c8 := 0, 0
	if path.transpose != nil && rows >= 8 && cols >= 8 {
		r8, c8 = rows&^7, cols&^7
		path.transpose(dst, ldd, src, lds, r8, c8)
	}
	if r8 < rows {
		gemmTransposePlain(dst[r8:], ldd, src[r8*lds:], lds, rows-r8, c8)
	}
	if c8 < cols {
		gemmTransposePlain(dst[c8*ldd:], ldd, src[c8:], lds, rows, cols-c8)
	}
}

func gemmTransposePlain(dst []float32, ldd int, src []float32, lds, rows, cols int) {
	const square = 8 // both sides of a square stay in the first-level cache
	for r0 := 0; r0 < rows; r0 += square {
		r1 := min(r0+square, rows)
		for c := range cols {
			to := dst[c*ldd:][:r1]
			for r := r0; r < r1; r++ {
				to[r] = src[r*lds+c]
			}
		}
	}
}
