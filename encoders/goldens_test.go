package encoders_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// openGolden builds the encoder of a folder; the head's tensors are passed over.
func openGolden(t *testing.T, b tensor.Backend, dir string) encoders.Encoder {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "config.json"))
	require.NoError(t, err)
	m, err := encoders.Parse(raw)
	require.NoError(t, err)
	src, err := safetensors.OpenFolder(os.DirFS(dir))
	require.NoError(t, err)
	defer src.Close()
	bld := nn.NewBuilder(t.Context(), b, nn.Options{Source: src, Candidates: encoders.Candidates(m)})
	enc := m.Build(bld)
	w, err := bld.Finish(func(string) bool { return true })
	require.NoError(t, err)
	t.Cleanup(w.Release)
	return enc
}

func ints(t *testing.T, f *safetensors.File, name string) []int32 {
	t.Helper()
	if f.Dims(name) == nil {
		return nil
	}
	h, err := f.Read(name)
	require.NoError(t, err)
	v, err := h.Int64()
	require.NoError(t, err)
	out := make([]int32, len(v))
	for i, x := range v {
		out[i] = int32(x)
	}
	return out
}

// golden compares outputs on a stream with a folder's io.safetensors.
type golden struct {
	t     *testing.T
	f     *safetensors.File
	s     tensor.Stream
	batch *encoders.Batch
	mask  []int32
}

// check holds a tensor to the stored one at kept places (spec 6.5).
func (g *golden) check(name string, x tensor.Tensor, padded bool) {
	g.t.Helper()
	if g.f.Dims(name) == nil {
		return
	}
	if padded {
		var err error
		x, err = g.batch.Unpack(g.s, x, 0)
		require.NoError(g.t, err)
	}
	got, err := tensor.Download(g.t.Context(), g.s, x)
	require.NoError(g.t, err)
	h, err := g.f.Read(name)
	require.NoError(g.t, err)
	want, err := h.Float32()
	require.NoError(g.t, err)
	require.Len(g.t, got, len(want), name)
	worst := 0.0
	for i := range want {
		if padded && g.mask != nil && g.mask[i/(len(want)/len(g.mask))] == 0 {
			continue
		}
		d := math.Abs(float64(got[i])-float64(want[i])) / math.Max(1, math.Abs(float64(want[i])))
		if !(d <= 5e-5) {
			g.t.Fatalf("%s at %d: got %g, want %g", name, i, got[i], want[i])
		}
		worst = math.Max(worst, d)
	}
	g.t.Logf("%s: worst %.2g", name, worst)
}

// TestGoldens holds every layer's hidden states to Hugging Face's.
func TestGoldens(t *testing.T) {
	b, err := cpuref.New(cpuref.Options{})
	require.NoError(t, err)
	defer b.Close()
	for _, dir := range testutil.GoldenModels(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) { holdGolden(t, b, dir) })
	}
}

// holdGolden runs the inputs of a folder and compares every hidden state.
func holdGolden(t *testing.T, b tensor.Backend, dir string) {
	t.Helper()
	enc := openGolden(t, b, dir)
	f, err := safetensors.Open(filepath.Join(dir, "io.safetensors"))
	require.NoError(t, err)
	defer f.Close()
	dims := f.Dims("input_ids")
	g := &golden{t: t, f: f, mask: ints(t, f, "attention_mask")}
	g.batch, err = encoders.NewBatch(encoders.Padded{IDs: ints(t, f, "input_ids"), Mask: g.mask, Types: ints(t, f, "token_type_ids"), Batch: dims[0], Cols: dims[1]})
	require.NoError(t, err)
	g.s, err = b.Begin()
	require.NoError(t, err)
	defer g.s.Close()
	out, err := enc.Forward(&tensor.Scope{Stream: g.s}, g.batch, encoders.Want{AllHidden: true, Pooled: enc.HasPooler()})
	require.NoError(t, err)
	for i, h := range out.All {
		g.check(fmt.Sprintf("hidden_states.%d", i), h, true)
	}
	g.check("last_hidden_state", out.Hidden, true)
	if enc.HasPooler() {
		g.check("pooler_output", out.Pooled, false)
	}
}
