package heads_test

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/tensor"
)

// TestGoldenGradients: every gradient that a golden folder stores comes out of the
// rules, through head and encoder, within the bound of spec 6.5. In the question
// answering folders padded positions compete (a stated difference), so that their
// losses differ.
func TestGoldenGradients(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		compared := 0
		for _, dir := range testutil.GoldenModels(t) {
			io, err := safetensors.Open(filepath.Join(dir, "io.safetensors"))
			require.NoError(t, err)
			defer io.Close()
			if io.Dims("start_positions") != nil || !storesGradients(io) {
				continue
			}
			t.Run(filepath.Base(dir), func(t *testing.T) { compared += requireGoldenGradients(t, b, dir, io) })
		}
		require.NotZero(t, compared)
	})
}

func storesGradients(io *safetensors.File) bool {
	for _, name := range io.Names() {
		if strings.HasPrefix(name, "grad.") {
			return true
		}
	}
	return false
}

// requireGoldenGradients runs a folder on a tape, and gives the number of tensors compared.
func requireGoldenGradients(t *testing.T, b tensor.Backend, dir string, io *safetensors.File) int {
	config, err := os.ReadFile(filepath.Join(dir, "config.json"))
	require.NoError(t, err)
	enc, head, w := published(t, b, config, filepath.Join(dir, "model.safetensors"))
	inner, err := b.Begin()
	require.NoError(t, err)
	tape := testutil.NewTape(testutil.Poison(inner))
	defer tape.Close()
	for _, p := range w.Params {
		tape.Watch(p.Buf)
	}
	s := &tensor.Scope{Stream: tape}
	loss := goldenLoss(t, s, enc, head, io)
	require.NoError(t, tape.Backward(testutil.Seed{Y: loss}))
	got, err := tensor.Download(t.Context(), s, loss)
	require.NoError(t, err)
	near(t, floatsOf(t, io, "loss"), got, 5e-5, "loss")

	grads, largest := map[string][]float32{}, 0.0
	for _, name := range io.Names() {
		if name, ok := strings.CutPrefix(name, "grad."); ok {
			grads[name] = floatsOf(t, io, "grad."+name)
			largest = math.Max(largest, maxAbs(grads[name]))
		}
	}
	compared := 0
	for _, p := range w.Params {
		want := grads[p.Name]
		g, ok := tape.Grad(p.Tensor)
		require.Equal(t, want != nil, ok, p.Name)
		if !ok {
			continue
		}
		got, err := tensor.Download(t.Context(), s, g)
		require.NoError(t, err)
		require.Len(t, got, len(want), p.Name)
		tol := 1e-4 * math.Max(maxAbs(want), 1e-3*largest)
		if !isCPU(b) && isKeyBias(p.Name) {
			tol = math.Max(tol, keyBiasNoise)
		}
		for i := range want {
			if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= tol) {
				t.Fatalf("%s at %d: got %v, want %v within %v", p.Name, i, got[i], want[i], tol)
			}
		}
		compared++
	}
	require.Equal(t, len(grads), compared, "each stored gradient")
	return compared
}

// keyBiasNoise bounds what a device makes of a gradient that is zero in exact
// arithmetic: as much as Hugging Face's own float32 is off in distilbert-seqcls, by the
// goldens' README. Measured there: 5.0e-8, where the bound of spec 6.5 is 4.0e-8.
const keyBiasNoise = 1.5e-7

// isKeyBias names the biases of attention's keys, which no softmax sees.
func isKeyBias(name string) bool {
	return strings.HasSuffix(name, ".key.bias") || strings.HasSuffix(name, ".k_lin.bias")
}

// goldenLoss is the mean cross entropy of the folder's labels: of sequences, of tokens,
// or, for a causal language model, of the token that comes next.
func goldenLoss(t testing.TB, s *tensor.Scope, enc encoders.Encoder, head *heads.PublishedHead, io *safetensors.File) tensor.Tensor {
	t.Helper()
	ids, dims := stored(t, io, "input_ids"), io.Dims("input_ids")
	batch, err := encoders.NewBatch(encoders.Padded{IDs: ids, Mask: stored(t, io, "attention_mask"), Types: stored(t, io, "token_type_ids"), Batch: dims[0], Cols: dims[1]})
	require.NoError(t, err)
	e, err := enc.Forward(s, batch, encoders.Want{Pooled: head.Reads() == heads.PooledRow})
	require.NoError(t, err)
	in := heads.Input{Hidden: e.Hidden, Layout: batch.Layout, Pooled: e.Pooled}
	if head.Reads() == heads.LastNonPad {
		rows := make([]int32, dims[0])
		for r, seq := range batch.Layout.Seq() {
			if batch.IDs[r] != int32(enc.Config().PadTokenID) {
				rows[seq] = int32(r)
			}
		}
		at, err := tensor.Upload(s, rows, len(rows))
		require.NoError(t, err)
		in.Layout = nil
		in.Hidden, err = tensor.GatherRows(s, e.Hidden, at, 0)
		require.NoError(t, err)
	}
	out, err := head.Forward(s, in)
	require.NoError(t, err)
	labels := stored(t, io, "labels")
	if head.Kind() != heads.KindTextClassification { // packed rows
		padded := labels
		labels = make([]int32, len(batch.At))
		for r, at := range batch.At {
			next := int(at)
			if enc.Config().Causal {
				next++
			}
			labels[r] = tensor.IgnoreIndex
			if next == int(at) || next%dims[1] != 0 {
				labels[r] = padded[next]
			}
		}
	}
	return tokenLoss(t, s, out.Logits, labels, tensor.MeanCrossEntropy)
}

func floatsOf(t testing.TB, f *safetensors.File, name string) []float32 {
	t.Helper()
	h, err := f.Read(name)
	require.NoError(t, err)
	v, err := h.Float32()
	require.NoError(t, err)
	return v
}

func maxAbs(v []float32) float64 {
	m := 0.0
	for _, x := range v {
		m = math.Max(m, math.Abs(float64(x)))
	}
	return m
}
