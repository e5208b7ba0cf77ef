package kernels

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cephalo-ml/cephalo/shaders"
	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/stretchr/testify/require"
)

// choices are the values that kernels give to constants that say what is computed;
// bools take both.
var choices = map[string][]int{
	"BCAST": upTo(int(tensor.BroadcastCol) + 1),
	"MASK":  upTo(maskEach + 1),
	"MODE":  upTo(int(tensor.PoolAttention) + 1),
}

// tunings are the values that they give to those that say how, and to ACT, which
// changes one function whatever the rest.
var tunings = map[string][]int{
	"ACT":   upTo(int(tensor.NumActs)),
	"CHUNK": {chunkSingle, chunkSoftware, chunkByFour},
	"GX":    {1, 2, 4, 8, 16, 32, 64},
	"PER":   {perInvocation},
	"TILE":  {tileGroup},
	"WG":    {elementGroup, wideRowGroup},
	"WX":    {narrowTile, tileCols},
}

func upTo(n int) []int {
	v := make([]int, n)
	for i := range v {
		v[i] = i
	}
	return v
}

var constants = regexp.MustCompile(`(?m)^const (\w+): (u32|bool) = \w+;`)

// variants are all shaders, by their kernels: with every combination of choices, and
// with every tuning for each single choice.
func variants(t testing.TB) map[kernel]string {
	files, err := filepath.Glob(filepath.Join("..", "shaders", "*.wgsl"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	all := map[kernel]string{}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".wgsl")
		own, err := os.ReadFile(f)
		require.NoError(t, err)
		combined, single := [][]shaders.Const{nil}, [][]shaders.Const{nil}
		for _, m := range constants.FindAllStringSubmatch(string(own), -1) {
			values := choices[m[1]]
			if m[2] == "bool" {
				values = upTo(2)
			}
			var next [][]shaders.Const
			for _, v := range values {
				single = append(single, []shaders.Const{set(m[1], v)})
				for _, s := range combined {
					next = append(next, append(s[:len(s):len(s)], set(m[1], v)))
				}
			}
			if len(values) > 0 {
				combined = next
			}
		}
		for _, m := range constants.FindAllStringSubmatch(string(own), -1) {
			for _, v := range tunings[m[1]] {
				for _, s := range single {
					combined = append(combined, append(s[:len(s):len(s)], set(m[1], v)))
				}
			}
		}
		for _, s := range combined {
			text, err := shaders.Source(name, s...)
			require.NoError(t, err)
			all[kernelOf(name, s...)] = text
		}
	}
	return all
}

// TestVariants reads every variant as dispatch does, and writes them all to the
// folder of CEPHALO_DUMP_SHADERS, for other front ends to judge.
func TestVariants(t *testing.T) {
	all := variants(t)
	dir := os.Getenv("CEPHALO_DUMP_SHADERS")
	for k, text := range all {
		_, err := reflect(text)
		require.NoError(t, err, "%s", k)
		if dir != "" {
			file := strings.ReplaceAll(k.String(), " ", ",") + ".wgsl"
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
		}
	}
	t.Logf("%d variants", len(all))
}

// requireListed holds the constants that b has set to those of variants.
func requireListed(t *testing.T, b *Backend) {
	for k := range b.programs {
		text, err := shaders.Source(k.file, k.list()...)
		require.NoError(t, err)
		for _, c := range k.list() {
			isBool := regexp.MustCompile(`(?m)^const ` + c.Name + `: bool`).MatchString(text)
			if !isBool && !slices.Contains(choices[c.Name], c.Value) && !slices.Contains(tunings[c.Name], c.Value) {
				t.Errorf("variants misses %s=%d of %s", c.Name, c.Value, k)
			}
		}
	}
}
