package cephalo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"sort"
	"strings"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/tensor"
)

// DefaultTolerance is the bound of model outputs in f32: |d| <= tol*max(1,|want|).
const DefaultTolerance = 5e-5

// VerifyOptions are the knobs of Verify.
type VerifyOptions struct {
	Tolerance float64 // 0: DefaultTolerance
	Dump      string  // file that gets every tensor computed, whatever the comparison says
}

// VerifyRow is the comparison of one expected tensor.
type VerifyRow struct {
	Name     string  `json:"name"`
	Compared bool    `json:"compared"`
	OK       bool    `json:"ok"`
	Abs      float64 `json:"abs"` // largest absolute error over kept places
	Rel      float64 `json:"rel"` // largest |d|/max(1,|want|)
	Note     string  `json:"note,omitempty"`
}

// Verification is what Verify found.
type Verification struct {
	Rows    []VerifyRow
	Missing string // why outputs of the head are missing, "" where they are not
}

// inputs of io.safetensors; everything else there is expected.
var verifyInputs = map[string]bool{"input_ids": true, "attention_mask": true, "token_type_ids": true, "position_ids": true, "labels": true,
	"start_positions": true, "end_positions": true, "greedy.prompt_ids": true, "greedy.min_margin": true}

// Verify runs the inputs of the folder's io.safetensors and compares the outputs
// with those stored there. Positions with mask 0 are not compared.
func (m *Model) Verify(ctx context.Context, o VerifyOptions) (*Verification, error) {
	done, err := m.use()
	if err != nil {
		return nil, err
	}
	defer done()
	if o.Tolerance == 0 {
		o.Tolerance = DefaultTolerance
	}
	if !(o.Tolerance > 0) {
		return nil, fmt.Errorf("tolerance is %v, want more than 0", o.Tolerance)
	}
	io, err := safetensors.OpenFS(m.folder.fsys, "io.safetensors")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no io.safetensors in the folder: nothing to compare with: %w", err)
	}
	if err != nil {
		return nil, err
	}
	defer io.Close()
	v := &verifier{m: m, io: io, got: map[string]tensor.Host{}}
	if err := v.compute(ctx); err != nil {
		return nil, err
	}
	if o.Dump != "" {
		if err := v.dump(o.Dump); err != nil {
			return nil, err
		}
	}
	res, err := v.compare(o.Tolerance)
	if err != nil {
		return nil, err
	}
	if m.noHead != nil && !heads.IsBare(m.folder.class) {
		res.Missing = m.noHead.Error()
	}
	return res, nil
}

// verifier holds what is computed, named and shaped as in io.safetensors.
type verifier struct {
	m     *Model
	io    *safetensors.File
	batch *encoders.Batch
	mask  []int32
	got   map[string]tensor.Host
}

// ints reads an integer input; nil where the file lacks it.
func (v *verifier) ints(name string) ([]int32, []int, error) {
	dims := v.io.Dims(name)
	if dims == nil {
		return nil, nil, nil
	}
	h, err := v.io.Read(name)
	if err != nil {
		return nil, nil, err
	}
	wide, err := h.Int64()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	out := make([]int32, len(wide))
	for i, x := range wide {
		if x < math.MinInt32 || x > math.MaxInt32 {
			return nil, nil, fmt.Errorf("%s[%d] is %d: out of range", name, i, x)
		}
		out[i] = int32(x)
	}
	return out, dims, nil
}

func (v *verifier) compute(ctx context.Context) error {
	ids, dims, err := v.ints("input_ids")
	if err != nil {
		return err
	}
	if len(dims) != 2 {
		return fmt.Errorf("io.safetensors: input_ids has shape %v, want [batch, tokens]", dims)
	}
	p := encoders.Padded{IDs: ids, Batch: dims[0], Cols: dims[1]}
	for _, in := range []struct {
		name string
		to   *[]int32
	}{{"attention_mask", &p.Mask}, {"token_type_ids", &p.Types}, {"position_ids", &p.Positions}} {
		if *in.to, _, err = v.ints(in.name); err != nil {
			return err
		}
	}
	v.mask = p.Mask
	if v.batch, err = encoders.NewBatch(p); err != nil {
		return err
	}
	if err := v.m.forward(ctx, func(s *tensor.Scope) error { return v.outputs(ctx, s) }); err != nil {
		return err
	}
	if err := v.loss(); err != nil {
		return err
	}
	return v.greedy(ctx)
}

// named is an output on the device.
type named struct {
	name string
	t    tensor.Tensor
}

func (v *verifier) outputs(ctx context.Context, s *tensor.Scope) error {
	m, batch := v.m, v.batch
	enc, err := m.encoder.Forward(s, batch, encoders.Want{AllHidden: true, Pooled: m.encoder.HasPooler()})
	if err != nil {
		return err
	}
	var outs []named
	rows := func(name string, x tensor.Tensor) error {
		y, err := batch.Unpack(s, x, 0)
		outs = append(outs, named{name, y})
		return err
	}
	for i, h := range enc.All {
		if err := rows(fmt.Sprintf("hidden_states.%d", i), h); err != nil {
			return err
		}
	}
	if err := rows("last_hidden_state", enc.Hidden); err != nil {
		return err
	}
	if enc.Pooled.Present() {
		outs = append(outs, named{"pooler_output", enc.Pooled})
	}
	if m.head != nil {
		in := heads.Input{Hidden: enc.Hidden, Layout: batch.Layout, Pooled: enc.Pooled}
		if pub := m.published(); pub != nil && pub.Reads() == heads.LastNonPad {
			if in.Hidden, err = lastNonPad(s, enc.Hidden, batch, m.encoder.Config().PadTokenID); err != nil {
				return err
			}
			in.Layout = nil
		}
		out, err := m.head.Forward(s, in)
		if err != nil {
			return err
		}
		for _, o := range []named{{"logits", out.Logits}, {"start_logits", out.StartLogits}, {"end_logits", out.EndLogits}} {
			if !o.t.Present() {
				continue
			}
			if m.kind() == heads.KindTextClassification || m.kind() == heads.KindMultipleChoice {
				outs = append(outs, o)
			} else if err := rows(o.name, o.t); err != nil {
				return err
			}
		}
	}
	return v.read(ctx, s, outs)
}

// read copies the outputs to the host in one map.
func (v *verifier) read(ctx context.Context, s *tensor.Scope, outs []named) error {
	raw, src := make([][]byte, len(outs)), make([]tensor.Tensor, len(outs))
	for i, o := range outs {
		raw[i], src[i] = make([]byte, o.t.Bytes()), o.t
	}
	if err := s.Read(ctx, raw, src...); err != nil {
		return err
	}
	for i, o := range outs {
		v.got[o.name] = tensor.Host{Spec: o.t.Spec, Data: raw[i]}
	}
	return nil
}

func (v *verifier) dump(path string) error {
	var all []safetensors.Named
	for name, h := range v.got {
		all = append(all, safetensors.Named{Name: name, Host: h})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return safetensors.Write(path, all, nil)
}

func (v *verifier) compare(tol float64) (*Verification, error) {
	res := &Verification{}
	names := v.io.Names()
	sort.Strings(names)
	for _, name := range names {
		if verifyInputs[name] {
			continue
		}
		row := VerifyRow{Name: name}
		got, ok := v.got[name]
		if !ok {
			row.Note = "not computed"
			if strings.HasPrefix(name, "grad.") {
				row.Note = "not computed: gradients are not asked for"
			}
			res.Rows = append(res.Rows, row)
			continue
		}
		want, err := v.io.Read(name)
		if err != nil {
			return nil, err
		}
		if err := v.compareOne(&row, got, want, tol); err != nil {
			return nil, fmt.Errorf("io.safetensors: %s: %w", name, err)
		}
		res.Rows = append(res.Rows, row)
	}
	return res, nil
}

func (v *verifier) compareOne(row *VerifyRow, got, want tensor.Host, tol float64) error {
	row.Compared = true
	if !got.SameShape(want.Spec) {
		row.Note = fmt.Sprintf("shape %v, expected %v", got.Dims(), want.Dims())
		return nil
	}
	if got.DType == tensor.I64 {
		g, _ := got.Int64()
		w, err := want.Int64()
		if err != nil {
			return err
		}
		row.OK = true
		for i := range w {
			if g[i] != w[i] {
				row.OK, row.Note, row.Abs = false, fmt.Sprintf("at %d: %d for %d", i, g[i], w[i]), 1
				break
			}
		}
		return nil
	}
	g, err := got.Float32()
	if err != nil {
		return err
	}
	w, err := want.Float32()
	if err != nil {
		return err
	}
	inner := 0
	if v.mask != nil && want.Rank >= 2 && int(want.Shape[0])*int(want.Shape[1]) == len(v.mask) && row.Name != "pooler_output" && int(want.Shape[1]) == int(v.batch.Layout.Cols) {
		inner = max(len(w)/len(v.mask), 1)
	}
	row.OK = true
	for i := range w {
		if inner > 0 && v.mask[i/inner] == 0 {
			continue
		}
		d := math.Abs(float64(g[i]) - float64(w[i]))
		r := d / math.Max(1, math.Abs(float64(w[i])))
		if !(r <= tol) {
			if row.OK {
				row.Note = fmt.Sprintf("at %d: %g for %g", i, g[i], w[i])
			}
			row.OK = false
		}
		if math.IsNaN(d) {
			d, r = math.Inf(1), math.Inf(1)
		}
		row.Abs, row.Rel = math.Max(row.Abs, d), math.Max(row.Rel, r)
	}
	return nil
}
