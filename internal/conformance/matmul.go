package conformance

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// product is the m, k, n of a matrix product.
type product struct{ m, k, n int }

// products are sizes at and around tile edges, each edge in each place.
func products() []product {
	ps := []product{{1, 1, 1}, {1, 65, 1}, {65, 1, 65}, {1, 129, 64}, {64, 129, 1}, {3, 300, 5}, {48, 64, 96}, {128, 32, 128}}
	for i, e := range edges {
		a, b := edges[(i+5)%len(edges)], edges[(i+9)%len(edges)]
		ps = append(ps, product{e, a, b}, product{b, e, a}, product{a, b, e})
	}
	return ps
}

func (p product) String() string { return fmt.Sprintf("%dx%dx%d", p.m, p.k, p.n) }

func matmulCases() []Case {
	a, b := repeat([]float64{1, 2, 3, 4, 5, 6}, 2, 3), repeat([]float64{7, 8, 9, 10, 11, 12}, 3, 2)
	y := [][]float64{{58, 64, 139, 154}}
	cs := []Case{
		{Op: tensor.OpMatMul, Name: "numbers", Src: []Operand{a, b}, Dst: []tensor.Spec{f32(2, 2)}, Want: y},
		{Op: tensor.OpMatMul, Name: "numbers-ta", Src: []Operand{repeat([]float64{1, 4, 2, 5, 3, 6}, 3, 2), b}, Dst: []tensor.Spec{f32(2, 2)}, Attr: tensor.Attr{TransA: true}, Want: y},
		{Op: tensor.OpMatMul, Name: "numbers-tb", Src: []Operand{a, repeat([]float64{7, 9, 11, 8, 10, 12}, 2, 3)}, Dst: []tensor.Spec{f32(2, 2)}, Attr: tensor.Attr{TransB: true}, Want: y},
	}
	for i, p := range products() {
		cs = append(cs, matmulCase("", nil, false, p, i%2 == 1, i/2%2 == 1, false))
	}
	p := product{19, 35, 21}
	for i := range 4 {
		ta, tb := i&1 == 1, i&2 == 2
		cs = append(cs,
			matmulCase("plain-", nil, false, p, ta, tb, false),
			matmulCase("batch3-", []int{3}, false, p, ta, tb, false),
			matmulCase("batch2x3-", []int{2, 3}, false, p, ta, tb, false),
			matmulCase("one-b3-", []int{3}, true, p, ta, tb, false),
			matmulCase("one-b2x3-", []int{2, 3}, true, p, ta, tb, false),
			matmulCase("no-k-", nil, false, product{5, 0, 7}, ta, tb, false), // an empty sum is zero
			matmulCase("no-m-", nil, false, product{0, 5, 7}, ta, tb, false),
			matmulCase("no-n-", nil, false, product{5, 7, 0}, ta, tb, false),
		)
	}
	return append(cs,
		matmulCase("no-batch-", []int{0}, false, p, false, false, false),
		matmulCase("long-k-", nil, false, product{2, 5000, 3}, false, false, false),
		matmulCase("past-groups-", nil, false, product{pastGroups, 1, 1}, false, false, true),
		matmulCase("past-groups-wide-", nil, false, product{1, 2, pastGroups}, false, true, true),
		matmulCase("past-groups-batch-", []int{pastRows}, false, product{1, 3, 2}, false, false, true),
	)
}

func matmulCase(prefix string, batch []int, oneB bool, p product, ta, tb, long bool) Case {
	shape := func(batch []int, r, c int, swap bool) []int {
		if swap {
			r, c = c, r
		}
		return append(append([]int{}, batch...), r, c)
	}
	batchB := batch
	if oneB {
		batchB = nil
	}
	name := prefix + p.String()
	for i, set := range []bool{ta, tb} {
		if set {
			name += []string{"-ta", "-tb"}[i]
		}
	}
	return Case{Op: tensor.OpMatMul, Name: name, Long: long, Attr: tensor.Attr{TransA: ta, TransB: tb},
		Src: []Operand{normal(shape(batch, p.m, p.k, ta)...), normal(shape(batchB, p.k, p.n, tb)...)},
		Dst: []tensor.Spec{f32(shape(batch, p.m, p.n, false)...)}}
}
