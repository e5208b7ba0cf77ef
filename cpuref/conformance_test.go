package cpuref_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/internal/conformance"
)

func open(t *testing.T, opt cpuref.Options) *cpuref.Backend {
	t.Helper()
	b, err := cpuref.New(opt)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

// The fast paths, on every instruction set that this processor has, and the plain
// implementations hold to the contract. The largest cases run once, on all threads.
func TestConformance(t *testing.T) {
	reference := open(t, cpuref.Options{Reference: true})
	t.Run("reference", func(t *testing.T) {
		conformance.Run(t, reference, reference, conformance.ExactRows(), conformance.Short())
	})
	t.Run("auto", func(t *testing.T) { conformance.Run(t, open(t, cpuref.Options{}), reference, conformance.ExactRows()) })
	t.Run("unseen", func(t *testing.T) { conformance.RunUnseen(t, reference, reference) })
	for _, path := range cpuref.Paths() {
		for _, threads := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/%d", path, threads), func(t *testing.T) {
				t.Setenv("CEPHALO_CPU", path)
				conformance.Run(t, open(t, cpuref.Options{Threads: threads}), reference, conformance.ExactRows(), conformance.Short())
				conformance.RunUnseen(t, open(t, cpuref.Options{Threads: threads}), reference)
			})
		}
	}
}
