package shaders

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSourceSetsConstants(t *testing.T) {
	text, err := Source("rope", Const{"WG", 32}, Const{"INVERSE", 1})
	require.NoError(t, err)
	require.Contains(t, text, "\nconst WG: u32 = 32u;\n")
	require.Contains(t, text, "\nconst INVERSE: bool = true;\n")
	require.Contains(t, text, "\nconst ACCUM: bool = false;\n", "the others keep their values")
	require.Contains(t, text, "fn row_at(", "fragments come along")
}

func TestSourceRefuses(t *testing.T) {
	for name, c := range map[string]Const{
		"const NOBODY is not declared": {"NOBODY", 1},
		"const WG: value -1":           {"WG", -1},
		"const ACCUM: value 2":         {"ACCUM", 2},
	} {
		_, err := Source("rope", c)
		require.ErrorContains(t, err, name)
	}
	_, err := Source("nothing")
	require.ErrorContains(t, err, `shader "nothing"`)
}

// TestFiles holds every file to what the guides of the package say of it.
func TestFiles(t *testing.T) {
	list, err := files.ReadDir(".")
	require.NoError(t, err)
	for _, f := range list {
		name, ok := strings.CutSuffix(f.Name(), ".wgsl")
		if !ok {
			continue
		}
		text, err := Source(name)
		require.NoError(t, err)
		own, err := files.ReadFile(f.Name())
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(own), "// "+name+":"), "%s begins with its name and formula", name)
		for _, want := range []string{"\n// Grid: ", "\n// Bounds: ", "Ref: cpuref/", "Workgroup: "} {
			require.True(t, strings.Contains(string(own), want), "header of %s has no %q", name, want)
		}
		for _, refused := range []string{"override ", "enable ", "f16", "subgroup"} {
			require.False(t, strings.Contains(text, refused), "%s has %q", name, refused)
		}
	}
	for name, parts := range fragments {
		_, err := files.ReadFile(name + ".wgsl")
		require.NoError(t, err)
		for _, p := range parts {
			_, err := files.ReadFile("common/" + p + ".wgsl")
			require.NoError(t, err)
		}
	}
}
