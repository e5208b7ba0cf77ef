package cephalo_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var fence = regexp.MustCompile("(?s)```go\n(.*?)```")

// TestGuideSnippets: every snippet of the guide stands in an Example, which the
// tests compile and run.
func TestGuideSnippets(t *testing.T) {
	guide, err := os.ReadFile("docs/guide.md")
	require.NoError(t, err)
	examples, err := os.ReadFile("example_test.go")
	require.NoError(t, err)
	found := fence.FindAllStringSubmatch(string(guide), -1)
	require.NotEmpty(t, found)
	for _, f := range found {
		require.True(t, strings.Contains(string(examples), f[1]), "not in an Example:\n%s", f[1])
	}
}
