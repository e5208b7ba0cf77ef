package heads

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/tensor"
)

// TestUnserved: a task without a head is an error that names it and lists those that
// have one, sorted. Every task has one, so a head is taken away here.
func TestUnserved(t *testing.T) {
	kind := kinds[Ranking]
	delete(kinds, Ranking)
	defer func() { kinds[Ranking] = kind }()
	served := ServedTasks()
	require.Len(t, served, 36)
	require.IsIncreasing(t, served)
	_, err := NewHead(nil, TaskConfig{Name: "x", TaskType: Ranking}, 8, Options{})
	require.ErrorIs(t, err, tensor.ErrUnsupported)
	require.ErrorContains(t, err, "task ranking has no head; served: "+strings.Join(served, ", "))
	_, err = OutputSpec(Ranking)
	require.ErrorContains(t, err, "task ranking has no head")
	_, _, err = DefaultHeadConfig(Ranking)
	require.ErrorContains(t, err, "task ranking has no head")
}
