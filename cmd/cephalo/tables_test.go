package main

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/internal/testutil"
)

// rows splits a table; each row must have as many columns.
func rows(t *testing.T, table string, columns int) [][]string {
	t.Helper()
	var out [][]string
	for _, l := range strings.Split(strings.TrimSuffix(table, "\n"), "\n") {
		cols := strings.Split(l, "\t")
		require.Len(t, cols, columns, l)
		out = append(out, cols)
	}
	return out
}

// TestInspectTSV has the keys of the JSON form.
func TestInspectTSV(t *testing.T) {
	dir := testutil.Testdata("goldens", "bert-seqcls")
	out, errOut, code := command(t, "", "inspect", dir, "--backend", "cpu", "--format", "tsv")
	require.Zero(t, code, errOut)
	got := map[string]string{}
	for _, r := range rows(t, out, 2) {
		got[r[0]] = r[1]
	}
	require.Equal(t, "bert", got["model_type"])
	require.Equal(t, "TextClassification", got["head"])
	require.Equal(t, "23491", got["parameters"])
	require.Equal(t, `{"F32":41}`, got["dtypes"])
	require.True(t, strings.HasPrefix(got["labels"], `["`), got["labels"])
	out, _, code = command(t, "", "inspect", dir, "--backend", "cpu", "--format", "tsv", "--tensors")
	require.Zero(t, code)
	require.Contains(t, out, "\ntensors.classifier.weight\tF32 [")
	rows(t, out, 2)
}

func TestVersionTables(t *testing.T) {
	out, _, code := command(t, "", "version", "--format", "tsv")
	require.Zero(t, code)
	require.Equal(t, "version", rows(t, out, 2)[0][0])
	out, _, code = command(t, "", "version", "--format", "json")
	require.Zero(t, code)
	var b built
	require.NoError(t, json.Unmarshal([]byte(out), &b))
	require.NotEmpty(t, b.Go)
	out, _, code = command(t, "", "version")
	require.Zero(t, code)
	require.Regexp(t, `^cephalo \S+.* go\S+ \w+/\w+\n$`, out)
}

// TestDevices: no adapter is no failure, and leaves a table empty.
func TestDevices(t *testing.T) {
	infos, err := cephalo.Adapters()
	if err != nil {
		require.ErrorIs(t, err, cephalo.ErrNoDevice)
	}
	for _, format := range []string{"tsv", "json"} {
		out, errOut, code := command(t, "", "devices", "--format", format)
		require.Zero(t, code)
		require.Equal(t, len(infos), strings.Count(out, "\n"))
		if len(infos) == 0 {
			require.Contains(t, errOut, "no WebGPU adapter")
		}
	}
	v := adapter(cephalo.AdapterInfo{Index: 2, Name: "llvmpipe", Backend: "vulkan", Software: true})
	require.Len(t, v.tsv, 7)
	require.Equal(t, []string{"2", "llvmpipe", "vulkan"}, v.tsv[:3])
	require.Equal(t, "true", v.tsv[6])
	require.Contains(t, v.text, "taken only by --backend webgpu")
}

// TestVerifyRows: what was not compared has no error and is neither right nor wrong.
func TestVerifyRows(t *testing.T) {
	dir := testutil.Testdata("goldens", "bert-seqcls")
	out, errOut, code := command(t, "", "verify", dir, "--backend", "cpu", "--format", "json")
	require.Zero(t, code, errOut)
	seen := map[bool]int{}
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		var r map[string]any
		require.NoError(t, json.Unmarshal([]byte(l), &r))
		compared := r["compared"].(bool)
		seen[compared]++
		for _, key := range []string{"ok", "abs", "rel"} {
			require.Contains(t, r, key, l)
			require.Equal(t, compared, r[key] != nil, l)
		}
		if compared {
			require.Equal(t, true, r["ok"])
		}
	}
	require.NotZero(t, seen[true])
	require.NotZero(t, seen[false])
	out, _, code = command(t, "", "verify", dir, "--backend", "cpu", "--format", "tsv")
	require.Zero(t, code)
	skipped := 0
	for _, r := range rows(t, out, 5) {
		if r[1] == "not compared" {
			skipped++
			require.Equal(t, []string{"-", "-"}, r[2:4])
		}
	}
	require.Equal(t, seen[false], skipped)
	out, _, code = command(t, "", "verify", dir, "--backend", "cpu")
	require.Zero(t, code)
	require.Regexp(t, `(?m)^grad\.\S+ +not compared +- +- +not computed`, out)
}

// TestComparedRows are the rows that no good folder has.
func TestComparedRows(t *testing.T) {
	form := func(r cephalo.VerifyRow) string {
		var b strings.Builder
		require.NoError(t, writeJSON(&b, compared(r).json))
		return strings.TrimSpace(b.String())
	}
	require.Equal(t, `{"name":"x","compared":true,"ok":false,"abs":null,"rel":null,"note":"shape [2], expected [3]"}`,
		form(cephalo.VerifyRow{Name: "x", Compared: true, Note: "shape [2], expected [3]"}))
	nan := cephalo.VerifyRow{Name: "x", Compared: true, Abs: math.Inf(1), Rel: math.Inf(1)}
	require.Equal(t, `{"name":"x","compared":true,"ok":false,"abs":null,"rel":null}`, form(nan))
	require.Equal(t, "x\tDIFFERS\t+Inf\t+Inf\t", compared(nan).text)
	require.Equal(t, `{"name":"x","compared":true,"ok":true,"abs":0,"rel":0}`, form(cephalo.VerifyRow{Name: "x", Compared: true, OK: true}))
}
