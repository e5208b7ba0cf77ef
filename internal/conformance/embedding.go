package conformance

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

func embeddingCases() []Case {
	none := tensor.Attr{Index: -1}
	table := repeat([]float64{1, 2, 3, 4, 5, 6}, 3, 2)
	cs := []Case{
		{Op: tensor.OpEmbedding, Name: "numbers", Src: []Operand{ints([]float64{2, 0, 2}, 3), table, repeat([]float64{10}, 3, 2)},
			Dst: []tensor.Spec{f32(3, 2)}, Attr: none, Want: [][]float64{{15, 16, 11, 12, 15, 16}}},
		{Op: tensor.OpEmbedding, Name: "ids-outside", Src: []Operand{ints([]float64{-1, 3, 1, -2147483648, 2147483647}, 5), table},
			Dst: []tensor.Spec{f32(5, 2)}, Attr: none, Want: [][]float64{{0, 0, 0, 0, 3, 4, 0, 0, 0, 0}}},
		{Op: tensor.OpEmbedding, Name: "ids-outside-residual", Src: []Operand{ints([]float64{3, 1}, 2), table, constant(7, 2, 2)},
			Dst: []tensor.Spec{f32(2, 2)}, Attr: none, Want: [][]float64{{7, 7, 10, 11}}},
		// The padding row is read as every other one; it has no gradient.
		{Op: tensor.OpEmbedding, Name: "padding-row", Src: []Operand{ints([]float64{1, 0}, 2), table},
			Dst: []tensor.Spec{f32(2, 2)}, Attr: tensor.Attr{Index: 1}, Want: [][]float64{{3, 4, 1, 2}}},
		{Op: tensor.OpEmbeddingBackward, Name: "numbers", Src: []Operand{ints([]float64{2, 0, 2}, 3), repeat([]float64{1, 2, 3, 4, 5, 6}, 3, 2)},
			Dst: []tensor.Spec{f32(3, 2)}, Attr: none, Want: [][]float64{{3, 4, 0, 0, 6, 8}}},
		{Op: tensor.OpEmbeddingBackward, Name: "padding-row", Src: []Operand{ints([]float64{2, 0, 2}, 3), repeat([]float64{1, 2, 3, 4, 5, 6}, 3, 2)},
			Dst: []tensor.Spec{f32(3, 2)}, Attr: tensor.Attr{Index: 2}, Want: [][]float64{{3, 4, 0, 0, 0, 0}}},
		{Op: tensor.OpEmbeddingBackward, Name: "ids-outside", Src: []Operand{ints([]float64{-1, 3, 1, -2147483648, 2147483647}, 5), normal(5, 2)},
			Dst: []tensor.Spec{f32(3, 2)}, Attr: none},
		{Op: tensor.OpEmbeddingBackward, Name: "one-id-only", Src: []Operand{ints([]float64{4}, 200), normal(200, 17)}, Dst: []tensor.Spec{f32(9, 17)}, Attr: none},
	}
	add := func(name string, rows, vocab, width int, long bool) {
		ids := index(vocab, rows)
		cs = append(cs,
			Case{Op: tensor.OpEmbedding, Name: name, Src: []Operand{ids, normal(vocab, width)}, Dst: []tensor.Spec{f32(rows, width)}, Attr: none, Long: long},
			Case{Op: tensor.OpEmbedding, Name: name + "-residual", Src: []Operand{ids, normal(vocab, width), normal(rows, width)}, Dst: []tensor.Spec{f32(rows, width)}, Attr: none, Long: long},
			Case{Op: tensor.OpEmbeddingBackward, Name: name, Src: []Operand{ids, normal(rows, width)}, Dst: []tensor.Spec{f32(vocab, width)}, Attr: tensor.Attr{Index: int32(vocab / 2)}, Long: long})
	}
	for _, n := range edges {
		add(fmt.Sprintf("%dx5", n), n, 11, 5, false)
		add(fmt.Sprintf("7x%d", n), 7, 11, n, false)
	}
	add("large-vocabulary", 9, 30522, 8, false)
	add("no-ids", 0, 5, 3, false)
	add("no-width", 4, 5, 0, false)
	// Not fewer ids: software renderers end a kernel's loops after 65,535 rounds.
	add("past-groups", pastGroups/3, 61, 3, true)
	return append(cs, Case{Op: tensor.OpEmbeddingBackward, Name: "past-rows-vocabulary", Src: []Operand{index(pastRows, 3), normal(3, 1)},
		Dst: []tensor.Spec{f32(pastRows, 1)}, Attr: none, Long: true})
}
