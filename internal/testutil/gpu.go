package testutil

import (
	"os"
	"testing"
)

// NoDevice ends a test that found no device it can use: it skips, unless
// REQUIRE_GPU=1 says that there must be one, where it fails. err is what opening
// the device returned.
func NoDevice(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("REQUIRE_GPU") == "1" {
		t.Fatalf("REQUIRE_GPU=1, but there is no device: %v", err)
	}
	t.Skipf("no device: %v", err)
}
