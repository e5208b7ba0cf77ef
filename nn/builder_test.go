package nn_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// source is a file of zeros.
type source map[string][]int

func (s source) Names() (names []string) {
	for n := range s {
		names = append(names, n)
	}
	return names
}

func (s source) Dims(name string) []int { return s[name] }

func (s source) ReadFloat32(name string, chunk func(int64, []float32) error) error {
	n := 1
	for _, d := range s[name] {
		n *= d
	}
	return chunk(0, make([]float32, n))
}

// meter counts the bytes that a backend is asked for.
type meter struct {
	tensor.Backend
	asked int64
}

func (m *meter) Alloc(n int64) (tensor.Buffer, error) {
	m.asked += n
	return m.Backend.Alloc(n)
}

func metered(t *testing.T) *meter {
	t.Helper()
	b, err := cpuref.New(cpuref.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return &meter{Backend: b}
}

// TestMemoryFollowsTheFile: what a file does not hold in the shape asked for takes no
// memory; all of it is listed, part by part of a fused group.
func TestMemoryFollowsTheFile(t *testing.T) {
	b := metered(t)
	file := source{"a.weight": {2, 4}, "q.weight": {3, 4}, "v.weight": {3, 4}, "stray": {1}}
	build := func(lenient bool, vocab int) error {
		bld := nn.NewBuilder(t.Context(), b, nn.Options{Source: file, Lenient: lenient})
		bld.Param("a.weight", nn.Ones, vocab, 4)
		bld.FusedLinear(4, 3, false, nn.Ones, "q", "k", "v")
		w, err := bld.Finish(nil)
		if err == nil {
			require.Equal(t, []string{"k.weight"}, w.Filled)
			w.Release()
		}
		return err
	}
	var le *nn.LoadError
	require.ErrorAs(t, build(false, math.MaxInt32), &le)
	require.Equal(t, []string{"k.weight"}, le.Missing)
	require.Equal(t, []string{"stray"}, le.Surplus)
	require.Equal(t, []string{"a.weight is [2 4], want [2147483647 4]"}, le.Misshaped)
	require.Zero(t, b.asked)

	require.ErrorContains(t, build(true, 3), "a.weight is [2 4], want [3 4]")
	require.NoError(t, build(true, 2))
}

// TestTooManyElements: a fresh parameter beyond MaxElems is an error before it takes memory.
func TestTooManyElements(t *testing.T) {
	b := metered(t)
	for _, shape := range [][]int{{math.MaxInt32, 4}, {1 << 17, 1<<15 + 1}, {math.MaxInt32, math.MaxInt32}, {math.MaxInt32, math.MaxInt32, math.MaxInt32}} {
		bld := nn.NewBuilder(t.Context(), b, nn.Options{})
		require.False(t, bld.Param("w", nn.Ones, shape...).Present())
		_, err := bld.Finish(nil)
		require.ErrorIs(t, err, tensor.ErrShape)
		require.ErrorContains(t, err, "parameter w: ")
		require.Zero(t, b.asked)
	}
}
