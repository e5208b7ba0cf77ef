package gpu_test

import (
	"bytes"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	self    = "github.com/cephalo-ml/cephalo/gpu"
	binding = "github.com/cogentcore/webgpu"
)

// A second driver can stand behind the package only while no exported name
// speaks of the binding's types.
func TestNoBindingTypeIsExported(t *testing.T) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		t.Skip("no go command")
	}
	list := func(args ...string) string {
		var stderr bytes.Buffer
		cmd := exec.Command(goTool, append([]string{"list"}, args...)...)
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		require.NoError(t, err, "%s", stderr.String())
		return strings.TrimSpace(string(out))
	}
	exports := map[string]string{}
	for _, line := range strings.Split(list("-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", self), "\n") {
		path, file, _ := strings.Cut(line, "\t")
		exports[path] = file
	}
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(exports[path])
	})
	pkg, err := imp.Import(self)
	require.NoError(t, err)

	w := walker{seen: map[types.Type]bool{}, t: t}
	scope := pkg.Scope()
	exported := 0
	for _, name := range scope.Names() {
		if obj := scope.Lookup(name); obj.Exported() {
			exported++
			w.path = name
			w.walk(obj.Type())
		}
	}
	require.Greater(t, exported, 10)
}

type walker struct {
	seen map[types.Type]bool
	path string
	t    *testing.T
}

// walk visits every type that can be named through an exported one.
func (w *walker) walk(typ types.Type) {
	if w.seen[typ] {
		return
	}
	w.seen[typ] = true
	switch typ := typ.(type) {
	case *types.Named:
		if p := typ.Obj().Pkg(); p != nil {
			require.False(w.t, strings.HasPrefix(p.Path(), binding), "%s mentions %v", w.path, typ)
			if p.Path() != self {
				return
			}
		}
		for m := range typ.Methods() {
			if m.Exported() {
				w.walk(m.Type())
			}
		}
		w.walk(typ.Underlying())
	case *types.Struct:
		for f := range typ.Fields() {
			if f.Exported() || f.Embedded() {
				w.walk(f.Type())
			}
		}
	case *types.Interface:
		for m := range typ.Methods() {
			w.walk(m.Type())
		}
	case *types.Signature:
		w.walk(typ.Params())
		w.walk(typ.Results())
	case *types.Tuple:
		for v := range typ.Variables() {
			w.walk(v.Type())
		}
	case *types.Map:
		w.walk(typ.Key())
		w.walk(typ.Elem())
	case interface{ Elem() types.Type }: // pointers, slices, arrays, channels
		w.walk(typ.Elem())
	}
}
