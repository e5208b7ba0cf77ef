package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/models"
)

// command runs the command and gives what it wrote and its exit code.
func command(t *testing.T, in string, args ...string) (out, errOut string, code int) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, strings.NewReader(in), &o, &e)
	return o.String(), e.String(), code
}

func embedded(t *testing.T) {
	t.Helper()
	if _, ok := models.Default(); !ok {
		t.Skip("built without the embedded model (tag nomodel)")
	}
	t.Setenv("CEPHALO_BACKEND", "cpu")
}

// TestPredictEmbedded is the README's first command.
func TestPredictEmbedded(t *testing.T) {
	embedded(t)
	out, errOut, code := command(t, "", "predict", "a moving, wonderful film")
	require.Zero(t, code)
	require.Regexp(t, `^POSITIVE\t0\.9\d+\n$`, out)
	require.Equal(t, 1, strings.Count(errOut, models.DefaultName), "one line says which model: %q", errOut)
	_, errOut, code = command(t, "", "predict", "--quiet", "fine")
	require.Zero(t, code)
	require.Empty(t, errOut)
}

// TestBadLines: a bad line keeps its place, is reported with its number, and stops
// nothing unless --strict.
func TestBadLines(t *testing.T) {
	embedded(t)
	in := "a good film\n{\"text\":3}\n{\"txt\":\"x\"}\n{}\n{\"text\":\"dull\"} trailing\nbad film\n"
	out, errOut, code := command(t, in, "predict", "--format", "json")
	require.Equal(t, exitFailed, code)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 6)
	for i, l := range lines {
		var v map[string]any
		require.NoError(t, json.Unmarshal([]byte(l), &v), l)
		if i == 0 || i == 5 {
			require.Contains(t, v, "label")
			continue
		}
		require.Contains(t, v, "error")
		require.EqualValues(t, i+1, v["line"])
	}
	require.Contains(t, errOut, "line 3")
	out, _, code = command(t, in, "predict", "--format", "json", "--strict")
	require.Equal(t, exitFailed, code)
	require.Equal(t, 2, strings.Count(out, "\n"))
}

// TestPairs: a key that is present counts even when empty.
func TestPairs(t *testing.T) {
	embedded(t)
	out, _, code := command(t, "{\"text\":\"a\"}\n{\"text\":\"a\",\"text_pair\":\"\"}\n{\"text\":\"\\ud83d\"}\n", "tokenize", "--format", "json")
	require.Zero(t, code)
	var got []tokenized
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		var v tokenized
		require.NoError(t, json.Unmarshal([]byte(l), &v))
		got = append(got, v)
	}
	require.Len(t, got, 3)
	require.Equal(t, len(got[0].IDs)+1, len(got[1].IDs), "an empty second text adds its [SEP]")
}

// TestStreaming: results appear while input is still being read.
func TestStreaming(t *testing.T) {
	embedded(t)
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan int, 1)
	go func() {
		code := run(context.Background(), []string{"predict", "--batch", "1", "--quiet"}, inR, outW, io.Discard)
		outW.Close()
		done <- code
	}()
	r := bufio.NewReader(outR)
	for _, text := range []string{"a fine film\n", "a dull film\n"} {
		_, err := io.WriteString(inW, text)
		require.NoError(t, err)
		got := make(chan string, 1)
		go func() { l, _ := r.ReadString('\n'); got <- l }()
		select {
		case l := <-got:
			require.Contains(t, l, "\t")
		case <-time.After(30 * time.Second):
			t.Fatal("no result while input is open")
		}
	}
	require.NoError(t, inW.Close())
	require.Zero(t, <-done)
}

// TestUsage: wrong use exits with 2 and one clear line.
func TestUsage(t *testing.T) {
	embedded(t)
	for _, args := range [][]string{{"fly"}, {"predict", "--no-such-flag"}, {"predict", "--top-k", "-1", "x"}, {"predict", "--format", "xml", "x"}, {"predict", "--backend", "cuda", "x"}, {"embed", "--output", "x.txt", "x"}, {"predict", "--input", "f", "x"}} {
		_, errOut, code := command(t, "", args...)
		require.Equal(t, exitUsage, code, args)
		require.Equal(t, 1, strings.Count(errOut, "\n"), "%v: %q", args, errOut)
	}
	for _, args := range [][]string{{"--help"}, {"predict", "--help"}} {
		out, _, code := command(t, "", args...)
		require.Zero(t, code)
		require.Contains(t, out, "Usage:")
	}
	_, errOut, code := command(t, "", "predict", "--model", filepath.Join(t.TempDir(), "none"), "x")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "no such file")
}

// TestVerify compares a golden folder, dumps what was computed, and fails on a
// difference.
func TestVerify(t *testing.T) {
	dir := testutil.Testdata("goldens", "bert-seqcls")
	dump := filepath.Join(t.TempDir(), "dump.safetensors")
	out, _, code := command(t, "", "verify", dir, "--backend", "cpu", "--dump", dump)
	require.Zero(t, code, out)
	require.Contains(t, out, "hidden_states.2")
	f, err := safetensors.Open(dump)
	require.NoError(t, err)
	defer f.Close()
	require.Subset(t, f.Names(), []string{"hidden_states.0", "logits", "loss"})
	_, errOut, code := command(t, "", "verify", dir, "--backend", "cpu", "--strict")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "not compared", "the gradients are expected and not computed")
	_, errOut, code = command(t, "", "verify", dir, "--backend", "cpu", "--tolerance", "1e-12")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "differ")
}

// TestInspect names family, head and bytes.
func TestInspect(t *testing.T) {
	out, _, code := command(t, "", "inspect", testutil.Testdata("goldens", "bert-seqcls"), "--backend", "cpu", "--format", "json")
	require.Zero(t, code)
	var d map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &d))
	require.Equal(t, "bert", d["model_type"])
	require.Equal(t, "TextClassification", d["head"])
	require.EqualValues(t, 23491, d["parameters"])
	require.Greater(t, d["bytes_per_batch"], 0.0)
}

// TestEmbedFiles writes vectors as .npy and as safetensors.
func TestEmbedFiles(t *testing.T) {
	embedded(t)
	dir := t.TempDir()
	npy, st := filepath.Join(dir, "v.npy"), filepath.Join(dir, "v.safetensors")
	for _, path := range []string{npy, st} {
		_, errOut, code := command(t, "one\ntwo\nthree\n", "embed", "--output", path)
		require.Zero(t, code, errOut)
	}
	raw, err := os.ReadFile(npy)
	require.NoError(t, err)
	require.Equal(t, "\x93NUMPY\x01\x00", string(raw[:8]))
	head := int(raw[8]) | int(raw[9])<<8
	require.Zero(t, (10+head)%64)
	require.Contains(t, string(raw[10:10+head]), "'shape': (3, 128)")
	require.Len(t, raw[10+head:], 3*128*4)
	f, err := safetensors.Open(st)
	require.NoError(t, err)
	defer f.Close()
	h, err := f.Read("embeddings")
	require.NoError(t, err)
	require.Equal(t, []int{3, 128}, h.Dims())
	require.Equal(t, raw[10+head:], h.Data)
}

// TestGenerate streams the same text that comes whole.
func TestGenerate(t *testing.T) {
	dir := testutil.CausalWithTokenizer(t)
	whole, errOut, code := command(t, "", "generate", "--model", dir, "--backend", "cpu", "--max-new-tokens", "6", "Hello")
	require.Zero(t, code, errOut)
	require.NotEmpty(t, strings.TrimSpace(whole))
	stream, _, code := command(t, "", "generate", "--model", dir, "--backend", "cpu", "--max-new-tokens", "6", "--stream", "Hello")
	require.Zero(t, code)
	require.Equal(t, whole, stream)
	_, errOut, code = command(t, `{"text":"a","text_pair":"b"}`+"\n"+strings.Repeat("a", 2000), "generate", "--model", dir, "--backend", "cpu")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "cephalo: line 1: generate takes one text, not a pair\ncephalo: line 2: prompt of 2000 tokens leaves no room")
	_, errOut, _ = command(t, strings.Repeat("a", 2000), "generate", "--model", dir, "--backend", "cpu", "--stream")
	require.Contains(t, errOut, "cephalo: line 1: prompt of 2000 tokens leaves no room")
}

// TestGenerateSeveral: a head among several that generate is named; predict runs all
// heads of a causal model.
func TestGenerateSeveral(t *testing.T) {
	ctx := t.Context()
	m, err := cephalo.Open(ctx, testutil.CausalWithTokenizer(t), cephalo.WithBackend("cpu"))
	require.NoError(t, err)
	defer m.Close()
	writer := func(name string, task heads.TaskType) heads.Task {
		return heads.Task{Config: heads.TaskConfig{Name: name, TaskType: task, VocabularySize: 140}}
	}
	topic := one("topic", heads.TopicClassification, "x", "y")
	topic.Options.Pooling = "last"
	require.NoError(t, m.NewHeads(ctx, []heads.Task{writer("translate", heads.MachineTranslation), topic, writer("reply", heads.DialogueGeneration)}, false, 1))
	dir := filepath.Join(t.TempDir(), "model")
	require.NoError(t, m.Save(ctx, dir))
	_, errOut, code := command(t, "", "generate", "--model", dir, "--backend", "cpu", "Hello")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, "translate and reply are all heads for that: name one as the task")
	_, errOut, code = command(t, "", "generate", "--model", dir, "--backend", "cpu", "--task", "topic", "Hello")
	require.Equal(t, exitFailed, code)
	require.Contains(t, errOut, `task "topic" is none of the model's that generate`)
	replied, errOut, code := command(t, "", "generate", "--model", dir, "--backend", "cpu", "--task", "reply", "--format", "json", "Hello")
	require.Zero(t, code, errOut)
	all, errOut, code := command(t, "", "predict", "--model", dir, "--backend", "cpu", "--format", "json", "Hello")
	require.Zero(t, code, errOut)
	var got map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(all), &got))
	require.Len(t, got, 3)
	require.JSONEq(t, replied, string(got["reply"]))
	require.Contains(t, string(got["topic"]), `"label":`)
}
