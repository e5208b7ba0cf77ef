package cephalo_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/tensor"
)

// definite is a folder whose head says what a test wants for each token: one BERT
// layer whose attention output and feed-forward output are zero, so that a row
// depends on its token alone, and word embeddings that are rows of a Hadamard
// matrix, which layer norm leaves as they are. The head is solved by transposing.
type definite struct {
	class  string
	words  []string             // vocabulary after the five special tokens
	labels []string             // id2label
	logits map[string][]float64 // by token; absent ones give zeros
	weight string               // of the output layer
	config map[string]any       // over the defaults
	pos    int                  // positions, 0: 512
}

const hadamard = 64 // width of the hidden states: up to 63 tokens

var specials = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}

// row is row i of a Hadamard matrix: orthogonal, mean 0 for i > 0, variance 1.
func row(i int) []float32 {
	v := make([]float32, hadamard)
	for j := range v {
		v[j] = 1 - 2*float32(bits.OnesCount(uint(i&j))%2)
	}
	return v
}

func logs(p ...float64) []float64 {
	for i := range p {
		p[i] = math.Log(p[i])
	}
	return p
}

// write makes the folder.
func (d definite) write(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	vocab := append(append([]string{}, specials...), d.words...)
	require.Less(t, len(vocab), hadamard)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "vocab.txt"), []byte(strings.Join(vocab, "\n")+"\n"), 0o644))
	tok := `{"tokenizer_class": "BertTokenizer", "do_lower_case": true, "model_max_length": 512}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(tok), 0o644))
	positions := 512
	if d.pos > 0 {
		positions = d.pos
	}
	cfg := map[string]any{
		"model_type": "bert", "architectures": []string{d.class}, "vocab_size": len(vocab), "hidden_size": hadamard, "num_hidden_layers": 1,
		"num_attention_heads": 4, "intermediate_size": 8, "max_position_embeddings": positions, "layer_norm_eps": 1e-12,
	}
	if d.labels != nil {
		m := map[string]string{}
		for i, l := range d.labels {
			m[fmt.Sprint(i)] = l
		}
		cfg["id2label"] = m
	}
	maps.Copy(cfg, d.config)
	raw, err := json.Marshal(cfg)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), raw, 0o644))

	var all []safetensors.Named
	add := func(name string, v []float32, shape ...int) {
		h, err := tensor.FromSlice(v, shape...)
		require.NoError(t, err)
		all = append(all, safetensors.Named{Name: name, Host: h})
	}
	zeros := func(name string, shape ...int) {
		n := 1
		for _, s := range shape {
			n *= s
		}
		add(name, make([]float32, n), shape...)
	}
	norm := func(name string) {
		w := make([]float32, hadamard)
		for i := range w {
			w[i] = 1
		}
		add(name+".weight", w, hadamard)
		zeros(name+".bias", hadamard)
	}
	var words []float32
	for i := range vocab {
		words = append(words, row(i+1)...)
	}
	add("bert.embeddings.word_embeddings.weight", words, len(vocab), hadamard)
	zeros("bert.embeddings.position_embeddings.weight", positions, hadamard)
	zeros("bert.embeddings.token_type_embeddings.weight", 2, hadamard)
	norm("bert.embeddings.LayerNorm")
	l := "bert.encoder.layer.0."
	for _, n := range []string{"attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"} {
		zeros(l+n+".weight", hadamard, hadamard)
		zeros(l+n+".bias", hadamard)
	}
	zeros(l+"intermediate.dense.weight", 8, hadamard)
	zeros(l+"intermediate.dense.bias", 8)
	zeros(l+"output.dense.weight", hadamard, 8)
	zeros(l+"output.dense.bias", hadamard)
	norm(l + "attention.output.LayerNorm")
	norm(l + "output.LayerNorm")
	d.head(t, vocab, add, zeros)
	require.NoError(t, safetensors.Write(filepath.Join(dir, "model.safetensors"), all, nil))
	return dir
}

// head solves W h = logits for every token: W is the sum of logits h^T / width.
func (d definite) head(t *testing.T, vocab []string, add func(string, []float32, ...int), zeros func(string, ...int)) {
	t.Helper()
	n := len(d.labels)
	if d.class == "BertForQuestionAnswering" {
		n = 2
	}
	w := make([]float64, n*hadamard)
	for i, token := range vocab {
		h := row(i + 1)
		for k, z := range d.logits[token] {
			for j := range h {
				w[k*hadamard+j] += z * float64(h[j]) / hadamard
			}
		}
	}
	// A pooler's tanh is the identity near zero alone: it passes the row at a scale
	// that the head undoes.
	scale := 1.0
	if d.class == "BertForSequenceClassification" {
		scale = 1e-4
		p := make([]float32, hadamard*hadamard)
		for i := range hadamard {
			p[i*hadamard+i] = float32(scale)
		}
		add("bert.pooler.dense.weight", p, hadamard, hadamard)
		zeros("bert.pooler.dense.bias", hadamard)
	}
	w32 := make([]float32, len(w))
	for i, x := range w {
		w32[i] = float32(x / scale)
	}
	add(d.weight+".weight", w32, n, hadamard)
	zeros(d.weight+".bias", n)
}
