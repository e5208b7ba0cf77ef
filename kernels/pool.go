package kernels

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// span is a run of whole sequences and the rows in which they lie.
type span struct{ seq, seqs, row, rows int }

// spans cuts the sequences of l into runs such that their rows of ops fit into a
// binding, and theirs of y, which has a row for each sequence. A sequence that does
// not fit is a run of its own.
func (s *stream) spans(l *tensor.Layout, ops []operand, y operand, fn func(at span) error) error {
	limit := s.b.window()
	for b := 0; b < l.Batch(); {
		at := span{seq: b, row: int(l.Start[b])}
		rows, seqs := l.Rows(), l.Batch()
		for i := range ops {
			if o := &ops[i]; o.present() {
				rows = min(rows, o.fit(at.row, limit))
			}
		}
		if y.present() {
			seqs = y.fit(b, limit)
		}
		for b < l.Batch() {
			end := int(l.Start[b] + l.Len[b])
			if at.seqs > 0 && (b >= seqs || end > rows) {
				break
			}
			b, at.seqs, at.rows = b+1, at.seqs+1, end-at.row
		}
		if err := fn(at); err != nil {
			return err
		}
	}
	return nil
}

// rowsOf and seqsOf are the part of o that lies in a span.
func (at span) rowsOf(o operand) operand { return o.part(at.row, at.rows) }
func (at span) seqsOf(o operand) operand { return o.part(at.seq, at.seqs) }

// part is n rows from lo on; an absent operand stays absent.
func (o operand) part(lo, n int) operand {
	if !o.present() {
		return o
	}
	return o.slice(lo, lo+n)
}

// byColumns calls fn on copies of as many columns of x as a binding holds, and on the
// same columns of y. x and y are matrices.
func (s *stream) byColumns(x, y operand, fn func(x, y operand) error) error {
	width := int(s.b.window() / (4 * int64(x.rows)))
	if width == 0 {
		return fmt.Errorf("a column of %d rows exceeds the %d bytes that this device binds: %w", x.rows, s.b.window(), tensor.ErrUnsupported)
	}
	for lo := 0; lo < x.cols; lo += width {
		n := min(width, x.cols-lo)
		buf, err := s.temp(4 * int64(x.rows) * int64(n))
		if err != nil {
			return err
		}
		piece := operand{buf: buf, rows: x.rows, cols: n, inner: 1, stride: n, step: 1}
		err = s.eachElement("scale", []operand{x.columns(lo, n), piece}, []uint32{f32(1), f32(0)})
		if err == nil {
			err = fn(piece, y.columns(lo, n))
		}
		s.Free(buf)
		if err != nil {
			return err
		}
	}
	return nil
}

// columns is n columns from lo on.
func (o operand) columns(lo, n int) operand {
	o.off += 4 * int64(lo) * int64(o.step)
	o.cols = n
	return o
}

// rowSpans cuts the rows of ops, of which the first has l's rows, and gives the
// sequences that the rows of each piece lie in.
func (s *stream) rowSpans(l *tensor.Layout, ops []operand, fn func(part []operand, at span) error) error {
	row, seq := 0, 0
	return s.split(ops, func(part []operand) error {
		at := span{row: row, rows: part[0].rows}
		row += at.rows
		for seq < l.Batch() && int(l.Start[seq]+l.Len[seq]) <= at.row {
			seq++
		}
		at.seq = seq
		for b := seq; b < l.Batch() && int(l.Start[b]) < row; b++ {
			at.seqs++
		}
		return fn(part, at)
	})
}

// layout is the operand of the arrays of l.
func layout(l *tensor.Layout) operand { return flat(l.Dev).whole() }

func pool(s *stream, c *tensor.Call) error {
	mode := tensor.PoolMean
	switch c.Op {
	case tensor.OpPoolCLS:
		mode = tensor.PoolCLS
	case tensor.OpPoolLast:
		mode = tensor.PoolLast
	}
	return s.pool(mode, flat(c.Src[0]), operand{}, flat(c.Dst[0]), c.Rows)
}

// pool runs the sums of pool.wgsl; w is the weights of attention pooling.
func (s *stream) pool(mode tensor.Pooling, x, w, y operand, l *tensor.Layout) error {
	width := s.b.tileWidth(l.MaxLen(), x.cols)
	k := kernelOf("pool", set("TILE", tileGroup), set("WX", width), set("MODE", int(mode)))
	return s.poolSpans(x, w, y, l, func(x, w, y operand, at span) error {
		ops := [...]operand{x, w, layout(l), y}
		return s.dispatch(k, at.seqs*groupsOf(x.cols, width), ops[:],
			u32(x.cols), u32(l.Batch()), u32(l.Rows()), u32(at.seqs), u32(at.seq), u32(at.row))
	})
}

// poolSpans calls fn on the parts of x, w and y that lie in a span, and column by
// column where a sequence does not fit.
func (s *stream) poolSpans(x, w, y operand, l *tensor.Layout, fn func(x, w, y operand, at span) error) error {
	return s.spans(l, []operand{x, w}, y, func(at span) error {
		x, w, y := at.rowsOf(x), at.rowsOf(w), at.seqsOf(y)
		if x.bytes() <= s.b.window() {
			return fn(x, w, y, at)
		}
		return s.byColumns(x, y, func(x, y operand) error { return fn(x, w, y, at) })
	})
}

// poolMax finds the maxima and, where they are asked for, their rows in a second
// dispatch of the same kernel.
func poolMax(s *stream, c *tensor.Call) error {
	l, x := c.Rows, flat(c.Src[0])
	width := s.b.tileWidth(l.MaxLen(), x.cols)
	for i, y := range c.Dst[:2] {
		if !y.Present() {
			continue
		}
		k := kernelOf("pool_max", set("TILE", tileGroup), set("WX", width), setIf("WANT_ROW", i == 1))
		err := s.poolSpans(x, operand{}, flat(y), l, func(x, _, y operand, at span) error {
			ops := [...]operand{x, layout(l), y}
			return s.dispatch(k, at.seqs*groupsOf(x.cols, width), ops[:],
				u32(x.cols), u32(l.Batch()), u32(l.Rows()), u32(at.seqs), u32(at.seq), u32(at.row))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func poolBackward(s *stream, c *tensor.Call) error {
	return s.poolBackward(tensor.Pooling(c.Attr.Mode), operand{}, c)
}

func poolMaxBackward(s *stream, c *tensor.Call) error {
	return s.poolBackward(tensor.PoolMax, flat(c.Src[1]), c)
}

func (s *stream) poolBackward(mode tensor.Pooling, arg operand, c *tensor.Call) error {
	l, dy, dx := c.Rows, flat(c.Src[0]), flat(c.Dst[0])
	k := kernelOf("pool_backward", set("WG", elementGroup), set("PER", perInvocation), set("MODE", int(mode)), setIf("ACCUM", c.Accum))
	return s.rowSpans(l, []operand{dx}, func(part []operand, at span) error {
		ops := [...]operand{at.seqsOf(dy), at.seqsOf(arg), layout(l), part[0]}
		return s.dispatch(k, groupsOf(at.rows*dx.cols, elementGroup*perInvocation), ops[:],
			u32(at.rows), u32(dx.cols), u32(l.Batch()), u32(l.Rows()), u32(at.seq), u32(at.row))
	})
}
