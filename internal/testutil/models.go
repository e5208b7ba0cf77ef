package testutil

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// root is the module's folder.
func root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// Testdata is a path in the module's own testdata folder.
func Testdata(elem ...string) string {
	return filepath.Join(append([]string{root(), "testdata"}, elem...)...)
}

// GoldenModels are the golden model folders: all of ../shared where it is there,
// else those that the project ships, one a family.
func GoldenModels(t testing.TB) []string {
	t.Helper()
	for _, dir := range []string{filepath.Join(root(), "..", "shared", "goldens"), Testdata("goldens")} {
		found, err := filepath.Glob(filepath.Join(dir, "*", "io.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		if len(found) == 0 {
			continue
		}
		var out []string
		for _, f := range found {
			if _, err := os.Stat(filepath.Join(filepath.Dir(f), "config.json")); err == nil {
				out = append(out, filepath.Dir(f))
			}
		}
		return out
	}
	t.Fatal("no golden model folders in ../shared/goldens or testdata/goldens")
	return nil
}
