package tensor

func embeddingRows() rows {
	return rows{
		OpEmbedding: {Name: "embedding", Check: checkEmbedding, Grad: gradEmbedding, Reads: 1 << 0, Tol: tolElementwise},
		OpEmbeddingBackward: {Name: "embedding_backward", Check: checkEmbeddingBackward, Accum: true,
			Tol: func(c *Call) Tol { return tolSum(c.Src[0].Dim(0)) }},
	}
}

// Embedding is y[r] = weight[ids[r]] (+ residual[r]). ids I32 [R]; weight [V,C];
// residual [R,C] may be absent; y [R,C]. Ids are checked against V on the host
// before they are written; an id outside [0,V) reads as a row of zeros.
// paddingIdx (-1: none) is the row that gets no gradient, as in torch.nn.Embedding.
func Embedding(s Stream, ids, weight, residual Tensor, paddingIdx int) (Tensor, error) {
	rows := 0
	if ids.Rank > 0 {
		rows = ids.Dim(0)
	}
	return run1(s, Of(F32, rows, weight.Cols()), Call{Op: OpEmbedding, Src: src(ids, weight, residual), Attr: Attr{Index: int32(paddingIdx)}})
}

func checkEmbedding(c *Call) error {
	ids, w := &c.Src[0], &c.Src[1]
	if err := all(only(c, 1, 3), wantType("ids", ids, I32), wantF32("weight", w, 2, 2)); err != nil {
		return err
	}
	r := int(ids.Elems())
	return all(
		wantSpec("ids", ids, I32, r),
		optional(&c.Src[2], func() error { return wantSpec("residual", &c.Src[2], F32, r, w.Dim(1)) }),
		wantSpec("y", &c.Dst[0], F32, r, w.Dim(1)),
	)
}

// checkEmbeddingBackward: ids [R], dy [R,C] -> dWeight [V,C].
func checkEmbeddingBackward(c *Call) error {
	ids, dy, dw := &c.Src[0], &c.Src[1], &c.Dst[0]
	if err := all(only(c, 1, 2), wantType("ids", ids, I32), wantF32("dy", dy, 2, 2), wantF32("dWeight", dw, 2, 2)); err != nil {
		return err
	}
	return all(wantSpec("ids", ids, I32, dy.Dim(0)), wantSpec("dWeight", dw, F32, dw.Dim(0), dy.Dim(1)))
}

func gradEmbedding(g Grads, c *Call) error {
	dy, want, err := g.Of(c.Dst[0])
	if err != nil || !want {
		return err
	}
	if err := accumulateTo(g, c.Src[2], dy); err != nil {
		return err
	}
	dw, want, err := g.Of(c.Src[1])
	if err != nil || !want {
		return err
	}
	return Exec(g, Call{Op: OpEmbeddingBackward, Dst: dst(dw), Src: src(c.Src[0], dy), Attr: Attr{Index: c.Attr.Index}, Accum: true})
}
