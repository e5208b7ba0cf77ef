package cpuref

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

func TestEveryOperationIsImplemented(t *testing.T) {
	for _, op := range tensor.Ops() {
		require.NotNil(t, impl[op], "%s", op)
	}
}
