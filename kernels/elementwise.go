package kernels

import "github.com/cephalo-ml/cephalo/tensor"

func add(s *stream, c *tensor.Call) error { return broadcast(s, c, false) }

func mul(s *stream, c *tensor.Call) error { return broadcast(s, c, true) }

// broadcast is add or mul. A row or column of b meets rows of a, one element or a
// b of a's shape its elements.
func broadcast(s *stream, c *tensor.Call, mul bool) error {
	a, b, y := c.Src[0], c.Src[1], c.Dst[0]
	how, _ := tensor.BroadcastOf(a.Spec, b.Spec)
	var ops []operand
	switch how {
	case tensor.BroadcastNone:
		ops = elements(a, b, y)
	case tensor.BroadcastScalar:
		ops = elements(a, y)
		ops = []operand{ops[0], flat(b).whole(), ops[1]}
	case tensor.BroadcastRow:
		ops = []operand{flat(a), flat(b).whole(), flat(y)}
	case tensor.BroadcastCol:
		ops = []operand{flat(a), flat(b), flat(y)}
	}
	return s.eachElement("elementwise", ops, []uint32{f32(c.Attr.Scale)},
		setIf("MUL", mul), set("BCAST", int(how)), setIf("ACCUM", c.Accum))
}

func scale(s *stream, c *tensor.Call) error {
	return s.eachElement("scale", elements(c.Src[0], c.Dst[0]), []uint32{f32(c.Attr.Scale), f32(c.Attr.Fill)}, setIf("ACCUM", c.Accum))
}
