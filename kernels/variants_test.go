package kernels

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cephalo-ml/cephalo/shaders"
	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/require"
)

// numbers are the values that kernels give to constants that are no bools.
var numbers = map[string][]int{
	"ACT":   upTo(int(tensor.NumActs)),
	"BCAST": upTo(int(tensor.BroadcastCol) + 1),
	"MASK":  upTo(maskEach + 1),
	"MODE":  upTo(int(tensor.PoolAttention) + 1),
	"CHUNK": {2, 8},
	"WG":    {elementGroup, wideRowGroup},
	"GX":    {1, 2, 4, 8, 16, 32, 64},
	"GY":    {1, 2, 4, 8, 16, 32, 64},
	"WX":    {narrowTile, tileCols},
	"PER":   {perInvocation},
}

func upTo(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	return v
}

var tunable = regexp.MustCompile(`(?m)^const (\w+): (u32|bool) = \w+;`)

// variants is every kernel that this package can ask for, and more: all shaders with
// every combination of their constants.
func variants(t testing.TB) map[string]string {
	files, err := filepath.Glob(filepath.Join("..", "shaders", "*.wgsl"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[string]string{}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".wgsl")
		own, err := os.ReadFile(f)
		require.NoError(t, err)
		sets := [][]shaders.Const{nil}
		for _, m := range tunable.FindAllStringSubmatch(string(own), -1) {
			values := numbers[m[1]]
			if m[2] == "bool" {
				values = upTo(2)
			}
			var next [][]shaders.Const
			for _, v := range values {
				for _, s := range sets {
					next = append(next, append(s[:len(s):len(s)], set(m[1], v)))
				}
			}
			if len(values) > 0 {
				sets = next
			}
		}
		for _, s := range sets {
			text, err := shaders.Source(name, s...)
			require.NoError(t, err)
			all[text] = kernelOf(name, s...).String()
		}
	}
	return all
}

// TestVariants reads every variant as dispatch does, and writes them all to the
// folder of CEPHALO_DUMP_SHADERS, for other front ends to judge.
func TestVariants(t *testing.T) {
	all := variants(t)
	dir := os.Getenv("CEPHALO_DUMP_SHADERS")
	for text, name := range all {
		_, err := reflect(text)
		require.NoError(t, err, name)
		if dir != "" {
			file := strings.ReplaceAll(name, " ", ",") + ".wgsl"
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
		}
	}
	t.Logf("%d variants", len(all))
}

// requireListed holds the kernels that b has used to the list of variants.
func requireListed(t *testing.T, b *Backend) {
	all := variants(t)
	for k := range b.programs {
		text, err := shaders.Source(k.file, k.list()...)
		require.NoError(t, err)
		if _, ok := all[text]; !ok {
			t.Errorf("variants misses %s", k)
		}
	}
}
