package cephalo_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	module  = "github.com/cephalo-ml/cephalo"
	binding = "github.com/cogentcore/webgpu"
)

// shared are the rooms that all may import; each imports at most tensor.
var shared = []string{"internal/safetensors", "internal/testutil"}

// may says which rooms of ours a room's non-test files may import, beside those in
// shared. A room covers the folders below it that have no line of their own.
var may = map[string][]string{
	"tensor":               {},
	"cpuref":               {"tensor"},
	"cpuref/internal/asm":  {},
	"shaders":              {},
	"gpu":                  {},
	"kernels":              {"tensor", "gpu", "shaders"},
	"nn":                   {"tensor"},
	"encoders":             {"tensor", "nn"},
	"heads":                {"tensor", "nn"},
	"tokenizers":           {},
	"train":                {"tensor", "nn"},
	"models":               {},
	"internal/conformance": {"tensor"},
	"internal/safetensors": {"tensor"},
	"internal/testutil":    {"tensor"},
	"internal/benchmark":   {"tensor", "nn", "encoders", "heads", "tokenizers", "train", "."},
	".":                    {"tensor", "cpuref", "gpu", "kernels", "nn", "encoders", "heads", "tokenizers", "train"},
	"cmd":                  {".", "models", "internal/benchmark"},
	"bench":                {".", "tensor", "cpuref", "gpu", "kernels", "internal/benchmark"},
	"examples":             {".", "tensor", "nn", "encoders", "heads", "tokenizers", "train", "models"},
}

// room is the line of may that a folder falls under.
func room(dir string) (string, bool) {
	for d := dir; d != "."; d = path.Dir(d) {
		if _, ok := may[d]; ok {
			return d, true
		}
	}
	return ".", dir == "."
}

// Nothing imports what the design does not allow it to.
func TestImports(t *testing.T) {
	files := 0
	require.NoError(t, filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if base := d.Name(); name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || base == "node_modules") {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") {
			files++
			checkImports(t, filepath.ToSlash(name))
		}
		return nil
	}))
	assert.Greater(t, files, 50, "the test looks at the module's files")
}

func checkImports(t *testing.T, file string) {
	t.Helper()
	ast, err := parser.ParseFile(token.NewFileSet(), filepath.FromSlash(file), nil, parser.ImportsOnly)
	require.NoError(t, err)
	at, known := room(path.Dir(file))
	assert.True(t, known, "%s lies in no room of the design", file)
	for _, spec := range ast.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		if imported == binding || strings.HasPrefix(imported, binding+"/") {
			assert.Equal(t, "gpu", at, "%s imports the binding: only gpu may", file)
			continue
		}
		rest, ours := strings.CutPrefix(imported+"/", module+"/")
		if !ours || strings.HasSuffix(file, "_test.go") {
			continue
		}
		target := strings.TrimSuffix(rest, "/")
		if target == "" {
			target = "."
		}
		to, known := room(target)
		assert.True(t, known, "%s imports %s, which lies in no room of the design", file, imported)
		allowed := to == at || strings.HasPrefix(to, at+"/") || slices.Contains(may[at], to) || slices.Contains(shared, to) && !slices.Contains(shared, at)
		assert.True(t, allowed, "%s imports %s: %s may import %v", file, imported, at, may[at])
	}
}
