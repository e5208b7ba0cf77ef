package tensor

func gatedRows() rows {
	return rows{
		OpGated: {Name: "gated", Check: checkGated, Reads: 1<<0 | 1<<1, Tol: tolElementwise,
			Grad: func(g Grads, c *Call) error {
				dy, want, err := g.Of(c.Dst[0])
				if err != nil || !want {
					return err
				}
				d, any, err := wanted(g, c.Src[0], c.Src[1])
				if err != nil || !any {
					return err
				}
				return Exec(g, Call{Op: OpGatedBackward, Dst: dst(d[0], d[1]), Src: src(c.Src[0], c.Src[1], dy), Attr: c.Attr, Accum: true})
			}},
		OpGatedBackward: {Name: "gated_backward", Check: checkGatedBackward, Accum: true, Tol: tolElementwise},
	}
}

// Gated is act(a) * b, element by element (Shazeer 2020): GeGLU, SwiGLU and
// their kin. a, b and result of one shape; a and b may be views of one buffer.
func Gated(s Stream, a, b Tensor, act Act) (Tensor, error) {
	return run1(s, a.Spec, Call{Op: OpGated, Src: src(a, b), Attr: Attr{Act: act}})
}

func checkGated(c *Call) error {
	return all(only(c, 1, 2), wantAct(c.Attr.Act), wantF32("a", &c.Src[0], 1, MaxRank), wantSame("b", &c.Src[1], &c.Src[0]), wantSame("y", &c.Dst[0], &c.Src[0]))
}

// checkGatedBackward: a, b, dy -> da?, db?.
func checkGatedBackward(c *Call) error {
	a := &c.Src[0]
	return all(only(c, 2, 3), wantAct(c.Attr.Act), wantF32("a", a, 1, MaxRank), wantSame("b", &c.Src[1], a), wantSame("dy", &c.Src[2], a),
		optional(&c.Dst[0], func() error { return wantSame("da", &c.Dst[0], a) }),
		optional(&c.Dst[1], func() error { return wantSame("db", &c.Dst[1], a) }))
}
