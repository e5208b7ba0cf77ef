package cephalo_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/models"
	"github.com/cephalo-ml/cephalo/tensor"
)

// spoiled is the embedded model with NaN in the word embedding of a word.
func spoiled(t *testing.T, b tensor.Backend, word string) string {
	t.Helper()
	tok, err := sentiment(t, b).Tokenizer()
	require.NoError(t, err)
	id, ok := tok.TokenToID(word)
	require.True(t, ok)
	fsys, _ := models.Default()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "m"), fsys))
	return copyFolder(t, filepath.Join(dir, "m"), nil, func(all map[string]tensor.Host) {
		h := all["bert.embeddings.word_embeddings.weight"]
		at := int(id) * h.Cols()
		if h.DType == tensor.F16 {
			binary.LittleEndian.PutUint16(h.Data[2*at:], 0x7e00)
		} else {
			binary.LittleEndian.PutUint32(h.Data[4*at:], 0x7fc00000)
		}
	})
}

// TestNotANumber: what comes out as NaN is the error of its input, whatever the head,
// and of no other.
func TestNotANumber(t *testing.T) {
	tasks := append(everyHead(), heads.Task{Config: heads.TaskConfig{Name: "coref", TaskType: heads.CoreferenceResolution}},
		heads.Task{Config: heads.TaskConfig{Name: "words", TaskType: heads.MaskedLanguageModeling}})
	pair := "a dull one"
	input := func(text string) cephalo.Input {
		return cephalo.Input{
			Text:     &cephalo.Text{Text: text + " [MASK]", Targets: []cephalo.Span{span(text, "a"), span(text, "good")}},
			Question: &cephalo.Question{Question: "what is good", Context: text},
			Choice:   &cephalo.Choice{Question: text, Choices: []string{"yes", "no"}},
			Query:    &cephalo.Query{Query: text, Texts: []string{"a dull one", "good"}},
		}
	}
	texts := []string{"a good one", "a good film", "a good and long one", "film a good"}
	inputs := make([]cephalo.Input, len(texts))
	for i, text := range texts {
		inputs[i] = input(text)
	}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, spoiled(t, b, "film"))
		for r, err := range m.ClassifySeq(t.Context(), slices.Values([]cephalo.Text{*inputs[0].Text}), cephalo.ClassifyOptions{}) {
			require.NoError(t, err)
			require.Len(t, r.Scores, 1)
		}
		for _, task := range tasks {
			require.NoError(t, m.NewHead(t.Context(), task.Config, task.Options, 5))
			alone := !slices.Contains([]string{"topic", "value", "match", "similar", "senses", "words"}, task.Config.Name)
			for i := range inputs {
				if inputs[i].Text.Pair = &pair; alone {
					inputs[i].Text.Pair = nil
				}
			}
			i := 0
			for r, err := range m.PredictSeq(t.Context(), slices.Values(inputs), cephalo.PredictOptions{}) {
				if i%2 == 0 {
					require.NoError(t, err, task.Config.Name)
					require.Contains(t, r, task.Config.Name)
				} else {
					var of *cephalo.InputError
					require.ErrorAs(t, err, &of, task.Config.Name)
					require.Equal(t, i, of.Index)
					require.ErrorContains(t, err, `head "`+task.Config.Name+`"`)
					require.ErrorContains(t, err, "NaN")
				}
				i++
			}
			require.Equal(t, len(inputs), i)
		}
		i := 0
		for v, err := range m.EmbedSeq(t.Context(), slices.Values([]cephalo.Text{*inputs[0].Text, *inputs[1].Text}), cephalo.EmbedOptions{}) {
			if i == 0 {
				require.NoError(t, err)
				require.Len(t, v, 128)
			} else {
				require.ErrorContains(t, err, "input 1: the encoder gives NaN for this input")
			}
			i++
		}
		require.Equal(t, 2, i)
	})
}

// TestGenerateNaN: a continuation is made of numbers alone.
func TestGenerateNaN(t *testing.T) {
	dir := copyFolder(t, testutil.CausalWithTokenizer(t), nil, func(all map[string]tensor.Host) {
		h := all["transformer.wte.weight"]
		v, err := h.Float32()
		require.NoError(t, err)
		for i := range h.Cols() { // of "a"
			v[int('a'-33)*h.Cols()+i] = float32(math.NaN())
		}
		all["transformer.wte.weight"], err = tensor.FromSlice(v, h.Dims()...)
		require.NoError(t, err)
	})
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, dir)
		for _, beams := range []int{1, 2} {
			_, err := m.Generate(t.Context(), []string{"a"}, cephalo.GenerateOptions{NumBeams: beams, MaxNewTokens: 3})
			var of *cephalo.InputError
			require.ErrorAs(t, err, &of)
			require.Equal(t, 0, of.Index)
			require.ErrorContains(t, err, "gives NaN for this input")
		}
	})
}

// TestConfigOfWriters: beam_size and temperature of a head are the decoder's unless
// the call says otherwise, and a vocabulary is the tokenizer's.
func TestConfigOfWriters(t *testing.T) {
	dir := testutil.CausalWithTokenizer(t)
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, dir)
		warm, cold := 50.0, 0.01
		writer := func(beams int, temperature *float64, vocab int) {
			t.Helper()
			cfg := heads.TaskConfig{Name: "writer", TaskType: heads.DialogueGeneration, BeamSize: beams, Temperature: temperature, VocabularySize: vocab}
			require.NoError(t, m.NewHead(t.Context(), cfg, heads.Options{}, 4))
		}
		run := func(o cephalo.GenerateOptions) []string {
			t.Helper()
			o.MaxNewTokens, o.IgnoreEOS = 12, true
			out, err := m.Generate(t.Context(), []string{"Hello", "xyz"}, o)
			require.NoError(t, err)
			return out
		}
		writer(1, nil, 0)
		greedy, beams := run(cephalo.GenerateOptions{}), run(cephalo.GenerateOptions{NumBeams: 6})
		require.NotEqual(t, greedy, beams)
		hot := run(cephalo.GenerateOptions{TopK: 100, Temperature: warm})
		writer(6, nil, 0)
		require.Equal(t, beams, run(cephalo.GenerateOptions{}))
		require.Equal(t, greedy, run(cephalo.GenerateOptions{NumBeams: 1}))
		run(cephalo.GenerateOptions{TopK: 3}) // samples, without beams
		for _, err := range m.GenerateStream(t.Context(), "a", cephalo.GenerateOptions{}) {
			require.ErrorContains(t, err, "beam search gives no stream")
		}
		writer(1, &warm, 0)
		require.Equal(t, greedy, run(cephalo.GenerateOptions{}), "a temperature alone samples nothing")
		require.Equal(t, hot, run(cephalo.GenerateOptions{TopK: 100}))
		writer(1, &cold, 0)
		require.NotEqual(t, hot, run(cephalo.GenerateOptions{TopK: 100}))
		writer(1, nil, 100)
		_, err := m.Generate(t.Context(), []string{"a"}, cephalo.GenerateOptions{})
		require.ErrorContains(t, err, `head "writer" has vocabulary_size 100, the encoder 140`)
	})
}

// TestFreshHeads: what a fresh head takes of its encoder, or cannot have.
func TestFreshHeads(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := sentiment(t, b)
		words := heads.Task{Config: heads.TaskConfig{Name: "words", TaskType: heads.MaskedLanguageModeling}, Options: heads.Options{TieTo: "word_embeddings"}}
		fill := func() [][]cephalo.Fill {
			got, err := m.FillMask(t.Context(), []string{"a [MASK] film"}, cephalo.FillMaskOptions{})
			require.NoError(t, err)
			return got[0]
		}
		require.NoError(t, m.NewHead(t.Context(), words.Config, words.Options, 1))
		alone := fill() // the intermediate layer is drawn by name: the fills differ
		require.NoError(t, m.NewHeads(t.Context(), []heads.Task{words, everyHead()[0]}, false, 1))
		for _, f := range append(alone[0], fill()[0]...) {
			require.NotEmpty(t, f.TokenStr)
		}
		words.Config.VocabularySize, words.Options.TieTo = 100, ""
		require.NoError(t, m.NewHead(t.Context(), words.Config, words.Options, 1))
		_, err := m.FillMask(t.Context(), []string{"a [MASK] film"}, cephalo.FillMaskOptions{})
		require.ErrorContains(t, err, "has vocabulary_size 100, the encoder")
		causal := open(t, b, testutil.CausalWithTokenizer(t))
		cfg := heads.TaskConfig{Name: "topic", TaskType: heads.TopicClassification, NumClasses: 2}
		err = causal.NewHead(t.Context(), cfg, heads.Options{Input: "pooled"}, 1)
		require.ErrorIs(t, err, encoders.ErrNoPooler)
		require.ErrorContains(t, err, `head "topic" reads the pooled vector, and the encoder gpt2 has no pooler`)
		require.Equal(t, "GPT2LMHeadModel", causal.Heads()[0].Name, "the old head stays")
		no := false
		require.NoError(t, m.NewHeads(t.Context(), []heads.Task{{Config: cfg, Options: heads.Options{UsePooling: &no}}, {Config: heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, Labels: bio}}}, false, 1))
		_, err = m.Classify(t.Context(), []cephalo.Text{{Text: "a film"}})
		require.ErrorContains(t, err, `head "topic" wants vectors of its caller's (use_pooling is false), which no text gives`)
		res, err := m.Predict(t.Context(), cephalo.Inputs("a film"), cephalo.PredictOptions{})
		require.NoError(t, err)
		require.Len(t, res[0], 1)
		_, err = m.Predict(t.Context(), cephalo.Inputs("a film"), cephalo.PredictOptions{Tasks: []string{"topic"}})
		require.ErrorContains(t, err, `task "topic" wants vectors of its caller's`)
		closed := open(t, b, testutil.CausalWithTokenizer(t))
		require.NoError(t, closed.Close())
		require.ErrorIs(t, closed.NewHead(t.Context(), cfg, heads.Options{}, 1), cephalo.ErrClosed)
		require.ErrorIs(t, closed.NewHeads(t.Context(), []heads.Task{{Config: cfg}}, false, 1), cephalo.ErrClosed)
	})
}

// TestMasksBesides: a masked language model among other heads is left out of texts
// without a mask.
func TestMasksBesides(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := sentiment(t, b)
		words := heads.Task{Config: heads.TaskConfig{Name: "words", TaskType: heads.MaskedLanguageModeling}}
		require.NoError(t, m.NewHeads(t.Context(), []heads.Task{words, everyHead()[0]}, false, 1))
		pair := "of [MASK]"
		res, err := m.Predict(t.Context(), []cephalo.Input{{Text: &cephalo.Text{Text: "a film"}}, {Text: &cephalo.Text{Text: "a [MASK] film"}}, {Text: &cephalo.Text{Text: "a film", Pair: &pair}}}, cephalo.PredictOptions{})
		require.NoError(t, err)
		require.NotContains(t, res[0], "words")
		require.Contains(t, res[1], "words")
		require.Contains(t, res[2], "words")
		for _, r := range res {
			require.Contains(t, r, "topic")
		}
		_, err = m.Predict(t.Context(), cephalo.Inputs("a film"), cephalo.PredictOptions{Tasks: []string{"words"}})
		require.ErrorContains(t, err, `task "words" wants a text with the mask token [MASK], the input is a text`)
	})
}

// TestSearchErrors name the text.
func TestSearchErrors(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := open(t, b, spoiled(t, b, "film"))
		_, err := m.Search(t.Context(), "a", []string{"b", "a film"}, 0, cephalo.EmbedOptions{})
		require.ErrorContains(t, err, "text 1: the encoder gives NaN")
		_, err = m.Search(t.Context(), "film", []string{"b"}, 0, cephalo.EmbedOptions{})
		require.ErrorContains(t, err, "query: the encoder gives NaN")
	})
}

// TestMaskBehindTheEnd: a mask that is cut away is no mask that is not there.
func TestMaskBehindTheEnd(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := sentiment(t, b)
		require.NoError(t, m.NewHead(t.Context(), heads.TaskConfig{Name: "words", TaskType: heads.MaskedLanguageModeling}, heads.Options{}, 1))
		for _, text := range []string{"a b c d e f g [MASK]", "a [MASK] b c d e f g [MASK]"} {
			_, err := m.FillMask(t.Context(), []string{text}, cephalo.FillMaskOptions{Length: cephalo.Length{MaxLength: 5}})
			require.ErrorContains(t, err, "a mask token [MASK] lies outside the 5 tokens that are read")
		}
		_, err := m.FillMask(t.Context(), []string{"a [MASK] b c d e f g"}, cephalo.FillMaskOptions{Length: cephalo.Length{MaxLength: 5}})
		require.NoError(t, err)
	})
}
