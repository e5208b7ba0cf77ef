package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/testutil"
)

// TestWrongUse: exit 2, one line that says what is wrong, and nothing on standard
// output.
func TestWrongUse(t *testing.T) {
	embedded(t)
	for _, c := range []struct {
		args string // words
		want string
	}{
		{"nonsense", `unknown command nonsense; the commands are predict, tag, answer,`},
		{"predct x", `unknown command predct, did you mean "predict"?`},
		{"predict --backend cuda x", `--backend: want one of auto, webgpu, cpu, got "cuda"`},
		{"embed --pooling sum x", `--pooling: want one of cls, mean, max, last, got "sum"`},
		{"predict --on-long split x", `--on-long: want one of error, truncate, window, got "split"`},
		{"tag --aggregation best x", `--aggregation: want one of none, simple, first, average, max, got "best"`},
		{"completion csh", `want one of bash, zsh, fish, got "csh"`},
		{"--log-level loud version", `--log-level: want one of error, info, got "loud"`},
		{"predict --top-k -1 x", `--top-k: want a whole number from 0, got "-1"`},
		{"embed --dimensions -1 x", `--dimensions: want a whole number from 0, got "-1"`},
		{"embed --dimensions=-1 x", `--dimensions: want a whole number from 0, got "-1"`},
		{"embed --dimensions 1.5 x", `--dimensions: want a whole number from 0, got "1.5"`},
		{"embed --dimensions --strict", `--dimensions: want a whole number from 0, got "--strict"`},
		{"embed --dimensions", `--dimensions: want a whole number from 0, got nothing`},
		{"fill-mask --top-k 0 x", `--top-k: want a whole number from 1, got "0"`},
		{"generate --seed -1 x", `--seed: want a whole number from 0, got "-1"`},
		{"generate --top-p 1.5 x", `--top-p: want a number from 0 to 1, got "1.5"`},
		{"generate --temperature -0.5 x", `--temperature: want a number from 0, got "-0.5"`},
		{"generate --temperature nan x", `--temperature: want a number from 0, got "nan"`},
		{"generate --temperature=inf x", `--temperature: want a number from 0, got "inf"`},
		{"generate --stream --format json x", "--stream writes bare text"},
		{"generate --num-beams 2 --top-k 3 x", "--num-beams does not go with --temperature"},
		{"verify --tolerance -1 x", "--tolerance is -1, want more than 0"},
		{"verify --gradients x", "--gradients is not supported yet"},
		{"version x", "unexpected argument x"},
		{"predict -5", "a text that begins with - goes after --"},
		{"predict --backend cpu --device 0 x", "--device picks a WebGPU adapter"},
		{"inspect --backend cpu --device 0", "--device picks a WebGPU adapter"},
		{"verify --backend cpu --device 0 x", "--device picks a WebGPU adapter"},
		{"predict --device 0 x", "CEPHALO_BACKEND"}, // which is cpu here
		{"predict --overlap 3 --on-long truncate x", "--overlap is of windows"},
		{"tokenize --skip-special x", "--skip-special is of --decode"},
		{"tokenize --overlap 2 x", "--overlap needs --max-length"},
		{"tokenize --on-long error x", "--on-long error needs --max-length"},
		{"tokenize --decode --max-length 3 x", "--decode does not go with --max-length"},
		{"zero-shot --labels a,b --template label x", `--template is "label", want a sentence with {}`},
		{"zero-shot --labels ,,, x", "--labels has no label"},
		{"zero-shot --labels= x", "--labels has no label"},
		{"answer --question q --context notes.txt", "--context: there is no file notes.txt"},
		{"answer --question q --context no/notes", "--context: there is no file no/notes"},
		{"embed --output v.npy --format json x", "--output writes vectors to a file"},
	} {
		out, errOut, code := command(t, "", strings.Fields(c.args)...)
		require.Equal(t, exitUsage, code, "%s: %s", c.args, errOut)
		require.Empty(t, out, c.args)
		require.Contains(t, errOut, c.want, c.args)
		require.Equal(t, 1, strings.Count(errOut, "\n"), "%s: %q", c.args, errOut)
		require.NotContains(t, errOut, `""`, c.args)
	}
}

// TestNegativeTexts go after --.
func TestNegativeTexts(t *testing.T) {
	embedded(t)
	_, errOut, code := command(t, "", "predict", "--", "-5 stars")
	require.Zero(t, code, errOut)
}

// TestEnvironment: a wrong value names its variable, and one set to nothing counts as
// unset.
func TestEnvironment(t *testing.T) {
	embedded(t)
	for name, value := range map[string]string{"CEPHALO_BACKEND": "cuda", "CEPHALO_THREADS": "-2"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			_, errOut, code := command(t, "", "predict", "x")
			require.Equal(t, exitUsage, code)
			require.Contains(t, errOut, name+`="`+value+`"`)
			require.Contains(t, errOut, "want ")
		})
	}
	for _, name := range []string{"CEPHALO_MODEL", "CEPHALO_THREADS"} {
		t.Setenv(name, "")
	}
	for _, args := range [][]string{{"predict", "fine"}, {"predict", "--model", "", "fine"}, {"predict", "--model=", "fine"}, {"tokenize", "fine"}, {"tokenize", "--model", "", "fine"}, {"inspect", ""}} {
		_, errOut, code := command(t, "", args...)
		require.Zero(t, code, "%v: %s", args, errOut)
	}
}

// TestNoCommand: the help, on standard error, and wrong use: a script whose command
// is empty should fail.
func TestNoCommand(t *testing.T) {
	for _, args := range [][]string{{}, {"--quiet"}} {
		out, errOut, code := command(t, "", args...)
		require.Equal(t, exitUsage, code)
		require.Empty(t, out)
		require.Contains(t, errOut, "Usage: cephalo <command>")
		require.Contains(t, errOut, "zero-shot")
	}
}

// TestHelp: every command that takes something shows an example that would parse.
func TestHelp(t *testing.T) {
	for name, line := range examples {
		out, _, code := command(t, "", name, "--help")
		require.Zero(t, code)
		require.Contains(t, out, line)
		require.Contains(t, line, "cephalo "+name)
	}
	for _, name := range []string{"verify", "devices"} {
		out, _, _ := command(t, "", name, "--help")
		require.Contains(t, out, "text,json,tsv")
		require.NotContains(t, out, "--gradients")
	}
}

// TestFillMaskNeedsMasks says what is wrong in the user's words.
func TestFillMaskNeedsMasks(t *testing.T) {
	embedded(t)
	_, errOut, code := command(t, "", "fill-mask", "a [MASK] film")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "needs a masked language model: BertForSequenceClassification is a TextClassification head")
	_, errOut, code = command(t, "", "fill-mask", "--model", testutil.Testdata("goldens", "gpt2-lm"), "a [MASK] film")
	require.Equal(t, exitFailed, code)
	require.NotContains(t, errOut, "TextGeneration")
}

// TestNonBlank drops what is empty, and the space around labels.
func TestNonBlank(t *testing.T) {
	require.Equal(t, []string{"a", "b c"}, nonBlank([]string{"", "", "a", " ", " b c "}))
	require.Nil(t, nonBlank([]string{"", "\t"}))
}
