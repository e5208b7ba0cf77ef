package testutil

import (
	"os"
	"path/filepath"
	"testing"
)

// Shared is a path below ../shared, beside the module's folder. A test that asks for one that is not there is
// skipped.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{root(), "..", "shared"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("shared files are not there: %v", err)
	}
	return path
}
