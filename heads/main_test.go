package heads_test

import (
	"fmt"
	"os"
	"testing"
)

// TestMain closes the device that the tests share.
func TestMain(m *testing.M) {
	code := m.Run()
	if b, err := device(); err == nil {
		if err := b.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
