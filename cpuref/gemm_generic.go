package cpuref

func cpuGeneric() cpuPath {
	p := cpuPath{name: "generic", usable: true, mr: 4, nr: 4}
	for r := 1; r <= p.mr; r++ {
		p.tiles = append(p.tiles, func(steps int, a []float32, lda int, b []float32, c []float32, ldc int, add bool) {
			gemmTileGeneric(r, steps, a, lda, b, c, ldc, add)
		})
	}
	return p
}

// gemmTileGeneric is the 4x4 micro-kernel in plain Go for 1 to 4 rows. With fewer rows the last one is
// computed again and not stored, which keeps one loop. The conversions round each product, so that no
// compiler fuses some of the multiply-adds and not others.
func gemmTileGeneric(rows, steps int, a []float32, lda int, b []float32, c []float32, ldc int, add bool) {
	r1, r2, r3 := min(1, rows-1)*lda, min(2, rows-1)*lda, min(3, rows-1)*lda
	for k := 0; ; k += gemmSumBlock {
		n := min(steps-k, gemmSumBlock)
		a0, a1, a2, a3 := a[k:][:n], a[r1+k:][:n], a[r2+k:][:n], a[r3+k:][:n]
		bk := b[k*4:][:n*4]
		var s [4][4]float32
		var s00, s01, s02, s03, s10, s11, s12, s13 float32
		for i := range n {
			b0, b1, b2, b3 := bk[4*i], bk[4*i+1], bk[4*i+2], bk[4*i+3]
			x, y := a0[i], a1[i]
			s00 += float32(x * b0)
			s01 += float32(x * b1)
			s02 += float32(x * b2)
			s03 += float32(x * b3)
			s10 += float32(y * b0)
			s11 += float32(y * b1)
			s12 += float32(y * b2)
			s13 += float32(y * b3)
		}
		s[0] = [4]float32{s00, s01, s02, s03}
		s[1] = [4]float32{s10, s11, s12, s13}
		if rows > 2 {
			s00, s01, s02, s03, s10, s11, s12, s13 = 0, 0, 0, 0, 0, 0, 0, 0
			for i := range n {
				b0, b1, b2, b3 := bk[4*i], bk[4*i+1], bk[4*i+2], bk[4*i+3]
				x, y := a2[i], a3[i]
				s00 += float32(x * b0)
				s01 += float32(x * b1)
				s02 += float32(x * b2)
				s03 += float32(x * b3)
				s10 += float32(y * b0)
				s11 += float32(y * b1)
				s12 += float32(y * b2)
				s13 += float32(y * b3)
			}
			s[2] = [4]float32{s00, s01, s02, s03}
			s[3] = [4]float32{s10, s11, s12, s13}
		}
		for r := range rows {
			row := c[r*ldc:][:4]
			for j := range row {
				if add {
					row[j] += s[r][j]
				} else {
					row[j] = s[r][j]
				}
			}
		}
		add = true
		if k+n >= steps {
			return
		}
	}
}
