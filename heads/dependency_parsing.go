package heads

import (
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// The widest arc and label spaces of the parser (Dozat and Manning 2017, table 1).
const (
	maxArcWidth   = 500
	maxLabelWidth = 100
)

// DependencyParser scores, for every word, every other word and the root as its
// head, and every relation of such an arc: the deep biaffine parser of Dozat and
// Manning 2017 ("Deep Biaffine Attention for Neural Dependency Parsing"), on an
// encoder in place of its LSTM. ParseDependencies finds the best tree.
type DependencyParser struct {
	*trunk
	spaces    *nn.Linear // arc dependent, arc head, label dependent, label head
	arcWidth  int
	relWidth  int
	arc       *nn.Linear    // dep U + u: [A,A], [A]
	rel       *nn.Linear    // the same for each label: [C*R,R], [C*R]
	relDep    *nn.Linear    // what the dependent alone says of the label: [C,R], [C]
	rootOfArc tensor.Tensor // [1,A]: the root as a head
	rootOfRel tensor.Tensor // [1,R]
}

// NewDependencyParser builds the head's parameters in b; num_classes are the relations.
func NewDependencyParser(b *nn.Builder, cfg TaskConfig, inputDim int, opt Options) (*DependencyParser, error) {
	t, err := classTrunk(b, cfg, opt, KindDependencyParsing, inputDim)
	if err != nil {
		return nil, err
	}
	a, r := min(t.cur, maxArcWidth), min(t.cur, maxLabelWidth)
	std := nn.TruncatedNormal(*t.opt.InitializerRange)
	return &DependencyParser{
		trunk: t, arcWidth: a, relWidth: r,
		spaces:    b.FusedLinears(t.cur, []int{a, a, r, r}, true, nn.GlorotUniform, "arc_dep", "arc_head", "rel_dep", "rel_head"),
		arc:       b.Linear("arc", a, a, true, nn.GlorotUniform),
		rel:       b.Linear("rel", r, t.cfg.NumClasses*r, true, nn.GlorotUniform),
		relDep:    b.Linear("rel_bias", r, t.cfg.NumClasses, true, std),
		rootOfArc: b.Param("root_arc", std, 1, a), rootOfRel: b.Param("root_rel", std, 1, r),
	}, nil
}

// Forward takes packed rows or [B,L,D] to arc_logits [B,L,L+1] and label_logits
// [B,L,C,L+1], padded in both cases. The first axis of an arc is the dependent; the
// last is its head: 0 the root, j+1 column j. With a TagMask only the rows that it
// keeps are words. What is no arc between two words scores -1e9; its label logits
// mean nothing.
func (h *DependencyParser) Forward(s *tensor.Scope, in Input) (out Output, err error) {
	r, err := h.tokens(s, in)
	if err != nil {
		return out, err
	}
	place, err := h.places(r, in)
	if err != nil {
		return out, err
	}
	y, err := h.spaces.ForwardAct(s, r.x, h.act, tensor.Tensor{})
	if err := r.step(s, y, err); err != nil {
		return out, err
	}
	if r.x, err = nn.Dropout(s, r.x, h.rate); err != nil {
		return out, err
	}
	// From here on in the padded form, where words of one text meet in one matrix.
	x, err := gather(s, r.x, place)
	if err != nil {
		return out, err
	}
	r.free(s)
	defer s.Free(x.Buf)
	b, l := r.rows.Batch(), int(r.rows.Cols)
	var part [4]tensor.Tensor // of the four spaces, dense
	at := 0
	for i, w := range []int{h.arcWidth, h.arcWidth, h.relWidth, h.relWidth} {
		col, err := x.Columns(at, at+w)
		if err != nil {
			return out, err
		}
		if part[i], err = tensor.Scale(s, col, 1, 0); err != nil {
			return out, err
		}
		defer s.Free(part[i].Buf)
		at += w
	}
	if out.ArcLogits, err = h.arcs(s, part[0], part[1], place, b, l); err != nil {
		return out, err
	}
	out.LabelLogits, err = h.labels(s, part[2], part[3], b, l)
	return out, err
}

// places is the row of each place of the padded form [B,L], -1 where no word is.
func (h *DependencyParser) places(r *rowsIn, in Input) ([]int32, error) {
	taken, err := r.taken(h.cfg.Name, in.TagMask)
	if err != nil {
		return nil, err
	}
	l := int(r.rows.Cols)
	place := make([]int32, r.rows.Batch()*l)
	for i := range place {
		place[i] = -1
	}
	for row, seq := range r.rows.Seq() {
		if seq >= 0 && (taken == nil || taken[row] == 1) {
			place[int(seq)*l+int(r.rows.Pos[row])] = int32(row)
		}
	}
	return place, nil
}

// arcs scores dep [B*L,A] against head [B*L,A] and the root: [B,L,L+1].
func (h *DependencyParser) arcs(s *tensor.Scope, dep, head tensor.Tensor, place []int32, b, l int) (tensor.Tensor, error) {
	u, err := h.arc.Forward(s, dep)
	if err != nil {
		return u, err
	}
	defer s.Free(u.Buf)
	all, err := h.against(s, u, head, h.rootOfArc, b, l, l)
	if err != nil {
		return all, err
	}
	defer s.Free(all.Buf)
	mask := make([]float32, b*l*(l+1))
	for i := range mask {
		d, j := i/(l+1), i%(l+1)-1
		if place[d] < 0 || (j >= 0 && (j == d%l || place[d/l*l+j] < 0)) {
			mask[i] = maskedLogit
		}
	}
	m, err := tensor.Upload(s, mask, b*l, l+1)
	if err != nil {
		return m, err
	}
	defer s.Free(m.Buf)
	y, err := tensor.Add(s, all, m)
	if err != nil {
		return y, err
	}
	return y.Reshape(b, l, l+1)
}

// labels scores every relation of every arc: [B,L,C,L+1].
func (h *DependencyParser) labels(s *tensor.Scope, dep, head tensor.Tensor, b, l int) (tensor.Tensor, error) {
	c := h.cfg.NumClasses
	u, err := h.rel.Forward(s, dep)
	if err != nil {
		return u, err
	}
	defer s.Free(u.Buf)
	if u, err = u.Reshape(b*l*c, h.relWidth); err != nil {
		return u, err
	}
	all, err := h.against(s, u, head, h.rootOfRel, b, l*c, l)
	if err != nil {
		return all, err
	}
	defer s.Free(all.Buf)
	alone, err := h.relDep.Forward(s, dep)
	if err != nil {
		return alone, err
	}
	defer s.Free(alone.Buf)
	if alone, err = alone.Reshape(b*l*c, 1); err != nil {
		return alone, err
	}
	y, err := tensor.Add(s, all, alone)
	if err != nil {
		return y, err
	}
	return y.Reshape(b, l, c, l+1)
}

// against is u [B*N,W] times the root [1,W] and the heads [B*L,W] of its own
// sequence: [B*N,L+1].
func (h *DependencyParser) against(s *tensor.Scope, u, head, root tensor.Tensor, b, n, l int) (tensor.Tensor, error) {
	w := u.Dim(1)
	r, err := tensor.MatMul(s, u, root, false, true)
	if err != nil {
		return r, err
	}
	defer s.Free(r.Buf)
	left, err := u.Reshape(b, n, w)
	if err != nil {
		return left, err
	}
	right, err := head.Reshape(b, l, w)
	if err != nil {
		return right, err
	}
	y, err := tensor.MatMul(s, left, right, false, true)
	if err != nil {
		return y, err
	}
	defer s.Free(y.Buf)
	if y, err = y.Reshape(b*n, l); err != nil {
		return y, err
	}
	return tensor.Concat(s, r, y)
}
