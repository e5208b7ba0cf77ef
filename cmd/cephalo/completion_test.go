package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// script writes a shell's script to a file. It skips where the shell is missing,
// after the checks that need none.
func script(t *testing.T, shell string) (path, shellPath string) {
	t.Helper()
	out, errOut, code := command(t, "", "completion", shell)
	require.Zero(t, code, errOut)
	for _, word := range []string{"zero-shot", "max-batch-tokens", "no-normalize", "longest_first", "bash zsh fish"} {
		require.Contains(t, out, word)
	}
	require.NotContains(t, out, "gradients", "hidden flags are no completions")
	require.NotContains(t, out, "<no value>")
	path = filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(path, []byte(out), 0o644))
	shellPath, err := exec.LookPath(shell)
	if runtime.GOOS == "windows" {
		t.Skip("a bash on Windows takes other paths")
	}
	if err != nil {
		t.Skip("no " + shell + " here")
	}
	return path, shellPath
}

// completions are what was typed, words of the last of which is being typed, and
// what completes it.
var completions = []struct {
	typed []string
	want  []string // among the completions
	not   []string
}{
	{[]string{""}, []string{"predict", "completion"}, []string{"text"}},
	{[]string{"ze"}, []string{"zero-shot"}, []string{"predict"}},
	{[]string{"--qu"}, []string{"--quiet"}, []string{"predict"}},
	{[]string{"embed", "--no"}, []string{"--normalize", "--no-normalize"}, []string{"--pooling", "--aggregation"}},
	{[]string{"--quiet", "tag", "--agg"}, []string{"--aggregation"}, nil},
	{[]string{"tag", "--aggregation", ""}, []string{"none", "simple", "first", "average", "max"}, []string{"--aggregation"}},
	{[]string{"predict", "--format", "t"}, []string{"text", "tsv"}, []string{"json"}},
	{[]string{"--log-level", ""}, []string{"error", "info"}, []string{"predict"}},
	{[]string{"completion", ""}, []string{"bash", "zsh", "fish"}, []string{"--help"}},
}

func TestCompletionBash(t *testing.T) {
	path, bash := script(t, "bash")
	ask := func(typed ...string) []string {
		cmd := exec.Command(bash, append([]string{"--norc", "-c", `source "$1"; shift; COMP_WORDS=(cephalo "$@"); COMP_CWORD=$#; _cephalo; printf '%s\n' "${COMPREPLY[@]}"`, "bash", path}, typed...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.Fields(string(out))
	}
	for _, c := range completions {
		got := ask(c.typed...)
		require.Subset(t, got, c.want, c.typed)
		for _, not := range c.not {
			require.NotContains(t, got, not, c.typed)
		}
	}
	require.Equal(t, []string{"text", "tsv"}, ask("predict", "--format", "=", "t"), "bash splits at =")
	require.Equal(t, []string{"text", "json", "tsv"}, ask("predict", "--format", "="))
	require.Empty(t, ask("predict", "--model", ""), "left to bash, which completes names of files")
	require.Empty(t, ask("inspect", ""))
}

func TestCompletionFish(t *testing.T) {
	path, fish := script(t, "fish")
	for _, c := range completions {
		cmd := exec.Command(fish, "--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, path, "cephalo "+strings.Join(c.typed, " "))
		cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		var got []string
		for _, l := range strings.Split(string(out), "\n") {
			word, _, _ := strings.Cut(l, "\t")
			got = append(got, word)
		}
		require.Subset(t, got, c.want, c.typed)
		for _, not := range c.not {
			require.NotContains(t, got, not, c.typed)
		}
	}
}

// TestCompletionZsh parses the script: what it offers needs a terminal.
func TestCompletionZsh(t *testing.T) {
	path, zsh := script(t, "zsh")
	out, err := exec.Command(zsh, "-f", "-c", `autoload -Uz compinit && compinit -D -u && source $1 && [[ $_comps[cephalo] == _cephalo ]]`, "zsh", path).CombinedOutput()
	require.NoError(t, err, string(out))
	require.Empty(t, string(out))
}
