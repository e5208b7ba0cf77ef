package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDecode: an id that no token has is an error of its line.
func TestDecode(t *testing.T) {
	embedded(t)
	encoded, _, code := command(t, "", "tokenize", "--format", "json", "good")
	require.Zero(t, code)
	var good tokenized
	require.NoError(t, json.Unmarshal([]byte(encoded), &good))
	line := strings.ReplaceAll(fmt.Sprintf("{\"ids\":%v}\n", good.IDs), " ", ",")
	in := line + "{\"ids\":[101,99999]}\n{\"ids\":[-1]}\n{\"ids\":[]}\n{\"text\":\"x\"}\n{\"ids\":[3000000000]}\n"
	out, errOut, code := command(t, in, "tokenize", "--decode", "--format", "json")
	require.Equal(t, exitFailed, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 6)
	require.Equal(t, `{"text":"[CLS] good [SEP]"}`, lines[0])
	require.Regexp(t, `"error":"the key \\"ids\\" has 99999 as element 1, want ids from 0 to \d+","line":2`, lines[1])
	require.Contains(t, lines[2], "has -1 as element 0, want ids from 0")
	require.Equal(t, `{"text":""}`, lines[3])
	require.Contains(t, lines[4], `--decode takes`)
	require.Contains(t, lines[5], `has 3000000000 as element 0`)
	require.Contains(t, errOut, "line 2: ")
	out, _, code = command(t, line, "tokenize", "--decode", "--skip-special")
	require.Zero(t, code)
	require.Equal(t, "good\n", out)
}

// TestTokenizeFolder: a folder that is not there is said to be that.
func TestTokenizeFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	_, errOut, code := command(t, "", "tokenize", "--model", dir, "x")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, dir)
	require.NotContains(t, errOut, "tokenizer.json")
	_, errOut, code = command(t, "", "tokenize", "--model", "tokenize.go", "x")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "is a file, want a folder")
}
