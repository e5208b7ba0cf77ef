package cpuref

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// impl are the plain implementations, fast those that replace one where it has
// a faster form for all calls. A call that reaches them was checked by its row.
var (
	impl [tensor.NumOps]func(*stream, *tensor.Call) error
	fast [tensor.NumOps]func(*stream, *tensor.Call) error
)

// Run computes the operation before it returns.
func (s *stream) Run(c *tensor.Call) (err error) {
	if err := s.usable(); err != nil {
		return err
	}
	defer func() {
		if v := recover(); v != nil {
			err = s.fail(fmt.Errorf("cpuref: %s: internal error: %v", c.Op, v))
		}
	}()
	if err := s.b.Supports(c); err != nil {
		return s.fail(err)
	}
	run := impl[c.Op]
	if !s.b.reference && fast[c.Op] != nil {
		run = fast[c.Op]
	}
	if hasGappyVector(c) {
		err = s.runDense(c, run)
	} else {
		err = run(s, c)
	}
	if err != nil {
		return s.fail(fmt.Errorf("cpuref: %s: %w", c.Op, err))
	}
	s.stats.Dispatches++
	s.b.ran.Add(1)
	return nil
}

// A rank-1 view whose elements lie apart, a column of a matrix, is rare. Run
// passes a dense copy, so that operations may take any row as a slice.
func gappyVector(t *tensor.Tensor) bool { return t.Buf != nil && t.Rank == 1 && !t.Dense() }

func hasGappyVector(c *tensor.Call) bool {
	for i := range c.Src {
		if gappyVector(&c.Src[i]) {
			return true
		}
	}
	for i := range c.Dst {
		if gappyVector(&c.Dst[i]) {
			return true
		}
	}
	return false
}

// runDense runs the call on dense copies of its gappy vectors. Results start as
// they are, so that an accumulating call adds to them.
func (s *stream) runDense(c *tensor.Call, run func(*stream, *tensor.Call) error) error {
	d := *c
	var err error
	for i := range d.Src {
		if gappyVector(&d.Src[i]) {
			if d.Src[i], err = s.denseCopy(&d.Src[i]); err != nil {
				return err
			}
			defer s.Free(d.Src[i].Buf)
		}
	}
	for i := range d.Dst {
		if gappyVector(&d.Dst[i]) {
			if d.Dst[i], err = s.denseCopy(&d.Dst[i]); err != nil {
				return err
			}
			defer s.Free(d.Dst[i].Buf)
		}
	}
	if err := run(s, &d); err != nil {
		return err
	}
	for i := range d.Dst {
		if !gappyVector(&c.Dst[i]) {
			continue
		}
		to, err := s.elements(&c.Dst[i], (*buffer).write)
		if err != nil {
			return err
		}
		from, err := s.elements(&d.Dst[i], (*buffer).read)
		if err != nil {
			return err
		}
		copyRows(to, from[:d.Dst[i].Bytes()], &c.Dst[i], true)
	}
	return nil
}

func (s *stream) denseCopy(t *tensor.Tensor) (tensor.Tensor, error) {
	d, err := tensor.NewTemp(s, t.Spec)
	if err != nil {
		return d, err
	}
	from, err := s.elements(t, (*buffer).read)
	if err != nil {
		return d, err
	}
	to, err := s.elements(&d, (*buffer).write)
	if err != nil {
		return d, err
	}
	copyRows(from, to[:d.Bytes()], t, false)
	return d, nil
}

// stepCost is the number of elements in a step of the pool: some microseconds.
const stepCost = 8192

// each calls fn(0) … fn(n-1) over the threads of the backend; cost is the number
// of elements that one call works on.
func (s *stream) each(n, cost int, fn func(i int)) {
	per := max(1, stepCost/max(1, cost))
	if steps := (n + per - 1) / per; steps > 1 && s.b.pool.threads > 1 {
		s.b.pool.run(steps, func(step int) {
			for i := step * per; i < min((step+1)*per, n); i++ {
				fn(i)
			}
		})
		return
	}
	for i := range n {
		fn(i)
	}
}
