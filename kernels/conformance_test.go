package kernels

import (
	"context"
	"testing"

	"github.com/cephalo-ml/cephalo/cpuref"
	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/internal/conformance"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/stretchr/testify/require"
)

// open is a backend on whatever adapter there is.
func open(t testing.TB) *Backend {
	t.Helper()
	b, err := New(context.Background(), gpu.Options{AllowSoftware: true})
	if err != nil {
		testutil.NoDevice(t, err)
	}
	t.Cleanup(func() { require.NoError(t, b.Close()) })
	return b
}

func TestConformance(t *testing.T) {
	reference, err := cpuref.New(cpuref.Options{Reference: true})
	require.NoError(t, err)
	defer reference.Close()
	b := open(t)
	conformance.Run(t, b, reference)
	conformance.RunUnseen(t, b, reference)
	requireListed(t, b)
}

// TestConformancePastLimits is the suite on a device that binds little and takes
// few workgroups, so that calls are cut everywhere.
func TestConformancePastLimits(t *testing.T) {
	reference, err := cpuref.New(cpuref.Options{Reference: true})
	require.NoError(t, err)
	defer reference.Close()
	b := open(t)
	smallLimits(b)
	conformance.Run(t, b, reference, conformance.Short())
	conformance.RunUnseen(t, b, reference)
}
