package cephalo_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/tensor"
)

var update = flag.Bool("update", false, "rewrite the README's table of operations")

// TestREADMEOperations holds the README's table to what the backends support.
func TestREADMEOperations(t *testing.T) {
	b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendCPU})
	require.NoError(t, err)
	defer b.Close()
	var forward, backward []string
	for _, op := range tensor.Ops() {
		name := "`" + op.String() + "`"
		if strings.HasSuffix(op.String(), "_backward") {
			backward = append(backward, name)
		} else {
			forward = append(forward, name)
		}
	}
	slices.Sort(forward)
	slices.Sort(backward)
	table := "| operations | cpu | webgpu |\n|---|---|---|\n"
	table += fmt.Sprintf("| %s | yes | yes |\n| gradients: %s | yes | yes |\n", strings.Join(forward, " "), strings.Join(backward, " "))
	raw, err := os.ReadFile("README.md")
	require.NoError(t, err)
	const begin, end = "<!-- operations -->\n", "<!-- /operations -->"
	head, rest, ok := strings.Cut(string(raw), begin)
	require.True(t, ok)
	have, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile("README.md", []byte(head+begin+table+end+tail), 0o644))
		return
	}
	require.Equal(t, table, have, "run: go test -run TestREADMEOperations . -update")
}
