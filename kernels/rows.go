package kernels

import "github.com/cephalo-ml/cephalo/shaders"

const (
	perInvocation = 4 // PER, elements of an invocation of an element-by-element kernel

	rowGroup     = 64 // WG, invocations of a workgroup that takes a row
	wideRow      = 1024
	wideRowGroup = 256 // the same for rows from wideRow on

	tileGroup   = 256 // TILE, invocations of a workgroup that sums over rows
	tileCols    = 32  // WX, columns of a tile
	narrowTile  = 4   // WX below narrowCols columns
	narrowCols  = 16
	fewPartRows = 256 // rows below which a sum is not cut into parts
	tileTarget  = 256 // workgroups that a sum over rows aims at
)

// eachElement runs an element-by-element file on ops: kernel constants WG, PER and
// DENSE, then consts; parameters rows and cols, then words.
func (s *stream) eachElement(file string, ops []operand, words []uint32, consts ...shaders.Const) error {
	k := s.elementKernel(file, ops, consts)
	return s.split(ops, func(part []operand) error {
		return s.dispatchElements(k, part, words)
	})
}

func (s *stream) elementKernel(file string, ops []operand, consts []shaders.Const) kernel {
	k := kernelOf(file, set("WG", elementGroup), set("PER", perInvocation), setIf("DENSE", runs(ops)))
	copy(k.consts[3:], consts)
	return k
}

func (s *stream) dispatchElements(k kernel, part []operand, words []uint32) error {
	rows, cols := part[0].rows, part[0].cols
	var w [8]uint32
	w[0], w[1] = u32(rows), u32(cols)
	n := 2 + copy(w[2:], words)
	return s.dispatch(k, groupsOf(rows*cols, elementGroup*perInvocation), part, w[:n]...)
}

// runs says whether the elements of every operand that split cuts are one run.
func runs(ops []operand) bool {
	for _, o := range ops {
		if o.present() && !o.shared && (o.inner != 1 || o.step != 1 || (o.rows > 1 && o.stride != o.cols)) {
			return false
		}
	}
	return true
}

// rowKernel is a kernel that takes a row of cols elements with each workgroup.
func rowKernel(file string, cols int, consts ...shaders.Const) kernel {
	group := rowGroup
	if cols >= wideRow {
		group = wideRowGroup
	}
	k := kernelOf(file, set("WG", group))
	copy(k.consts[1:], consts)
	return k
}

// eachRow runs a row kernel on ops: parameters rows and cols, then words.
func (s *stream) eachRow(k kernel, ops []operand, words ...uint32) error {
	cols := ops[0].cols
	return s.split(ops, func(part []operand) error {
		var w [4]uint32
		w[0], w[1] = u32(part[0].rows), u32(cols)
		n := 2 + copy(w[2:], words)
		return s.dispatch(k, part[0].rows, part, w[:n]...)
	})
}

// tileWidth is how many columns a tile takes of cols: few where it goes through so many
// rows that its lanes are to be many.
func (b *Backend) tileWidth(rows, cols int) int {
	if cols < narrowCols || rows/(tileGroup/tileCols) >= b.rounds {
		return narrowTile
	}
	return tileCols
}

// The modes of sum_rows.wgsl.
const (
	sumPlain = iota
	sumWeighted
	sumNormed
)

// sumRows adds f(r,c) up over the rows of x into the row y, f as sum_rows.wgsl says
// of the mode; h and w are those that it names.
func (s *stream) sumRows(mode int, x, h, w, y operand, accum bool) error {
	ops := []operand{x, h, w}
	if x.rows == 0 {
		return s.sumRowsOf(mode, ops, y, accum)
	}
	return s.split(ops, func(part []operand) error {
		err := s.sumRowsOf(mode, part, y, accum)
		accum = true // of the windows after the first
		return err
	})
}

// sumRowsOf is sumRows of one window. Many rows are summed in parts, and the parts
// then in a second dispatch, so that few columns make enough workgroups.
func (s *stream) sumRowsOf(mode int, x []operand, y operand, accum bool) error {
	rows, cols := x[0].rows, x[0].cols
	width := s.b.tileWidth(rows, cols)
	blocks := groupsOf(cols, width)
	parts := min(tileTarget/max(blocks, 1), rows/fewPartRows)
	if parts <= 1 {
		return s.sumTiles(mode, x, y, accum, width, 1, rows)
	}
	per := groupsOf(rows, parts)
	parts = groupsOf(rows, per)
	buf, err := s.temp(4 * int64(parts) * int64(cols))
	if err != nil {
		return err
	}
	defer s.Free(buf)
	sums := operand{buf: buf, rows: parts, cols: cols, inner: 1, stride: cols, step: 1}
	if err := s.sumTiles(mode, x, sums, false, width, parts, per); err != nil {
		return err
	}
	return s.sumTiles(sumPlain, []operand{sums, {}, {}}, y, accum, width, 1, parts)
}

func (s *stream) sumTiles(mode int, x []operand, y operand, accum bool, width, parts, per int) error {
	k := kernelOf("sum_rows", set("TILE", tileGroup), set("WX", width), set("MODE", mode), setIf("ACCUM", accum))
	rows, cols := x[0].rows, x[0].cols
	ops := [...]operand{x[0], x[1], x[2], y}
	return s.dispatch(k, parts*groupsOf(cols, width), ops[:], u32(rows), u32(cols), u32(parts), u32(per))
}
