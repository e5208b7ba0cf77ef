package heads_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// everyHead is a small head of each kind, on width 16.
func everyHead(t testing.TB, b tensor.Backend) map[heads.Kind]heads.Head {
	t.Helper()
	all := map[heads.Kind]heads.Head{}
	for _, task := range heads.Tasks() {
		kind, ok := task.Kind()
		require.True(t, ok, "task %s has a head", task)
		if all[kind] == nil {
			all[kind], _ = newHead(t, b, of(string(task), task), 16, heads.Options{IntermediateSize: 8})
		}
	}
	return all
}

// inputFor is a random input that a head takes: padded [2,5,16], for multiple
// choice [2,3,5,16], a pair for a matcher, and targets where it asks for them.
func inputFor(t testing.TB, s *tensor.Scope, kind heads.Kind) any {
	t.Helper()
	in := hidden(t, s, 5, 2, 5, 16)
	in.Mask = maskHost(t, []int32{1, 1, 1, 1, 1, 0, 0, 1, 1, 1}, 2, 5)
	switch kind {
	case heads.KindMultipleChoice, heads.KindRanking:
		return hidden(t, s, 5, 2, 3, 5, 16)
	case heads.KindTextMatching:
		return heads.Pair{A: in, B: hidden(t, s, 6, 2, 16)}
	case heads.KindPredicateTagging, heads.KindTargetClassification:
		in.Targets = []heads.Target{{Seq: 0, Start: 1, End: 3}, {Seq: 1, Start: 0, End: 4}}
	case heads.KindRelationExtraction:
		in.Targets = []heads.Target{{Seq: 1, Start: 2, End: 3, SecondStart: 3, SecondEnd: 5}, {Seq: 0, Start: 0, End: 1, SecondStart: 4, SecondEnd: 5}}
	case heads.KindCoreference:
		in.Targets = []heads.Target{{Seq: 0, Start: 0, End: 1}, {Seq: 0, Start: 0, End: 2}, {Seq: 0, Start: 3, End: 5}, {Seq: 1, Start: 2, End: 4}}
	}
	return in
}

// dimensionMismatch: TB1, the width of the hidden states is not the head's.
func dimensionMismatch(t *testing.T) { onBackends(t, dimensionMismatchOn) }

func dimensionMismatchOn(t *testing.T, b tensor.Backend) {
	for kind, head := range everyHead(t, b) {
		s := begin(t, b)
		name := head.Config().Name
		want := sprint("head %q: input_dim 16 does not match hidden size 32; create the head with input_dim=32", name)

		err := heads.CheckWidth(head, 32)
		require.ErrorIs(t, err, heads.ErrDimMismatch)
		require.ErrorContains(t, err, want)
		require.NoError(t, heads.CheckWidth(head, 16))

		wide := hidden(t, s, 1, 2, 5, 32)
		wide.Targets = []heads.Target{{Start: 0, End: 1}}
		var in any = wide
		if kind == heads.KindTextMatching {
			in = heads.Pair{A: wide, B: wide}
		}
		_, err = heads.Apply(s, head, in)
		require.ErrorIs(t, err, heads.ErrDimMismatch, kind)
		require.ErrorContains(t, err, want)
	}
	enc := bert(t, b)
	h, _ := newHead(t, b, heads.TaskConfig{Name: "sized", TaskType: heads.SentimentAnalysis, NumClasses: 2}, enc.Config().HiddenSize, heads.Options{})
	require.NoError(t, heads.CheckWidth(h, enc.Config().HiddenSize))
}

// noPooler: TB2, an encoder without a pooler; its sequence works all the same.
func noPooler(t *testing.T) { onBackends(t, noPoolerOn) }

func noPoolerOn(t *testing.T, b tensor.Backend) {
	for model, config := range map[string]string{
		"bert":       `{"model_type":"bert","vocab_size":50,"hidden_size":16,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":32,"max_position_embeddings":512,"add_pooling_layer":false}`,
		"modernbert": `{"model_type":"modernbert","vocab_size":50,"hidden_size":16,"num_hidden_layers":1,"num_attention_heads":2,"intermediate_size":32,"pad_token_id":0}`,
		"qwen3":      `{"model_type":"qwen3","vocab_size":50,"hidden_size":16,"num_hidden_layers":1,"num_attention_heads":2,"num_key_value_heads":2,"head_dim":8,"intermediate_size":32}`,
		"gpt2":       `{"model_type":"gpt2","vocab_size":50,"n_embd":16,"n_layer":1,"n_head":2}`,
	} {
		enc := encoder(t, b, "%s", config)
		require.False(t, enc.HasPooler())
		s := begin(t, b)
		bt := onesBatch(t, false)
		_, err := enc.Forward(s, bt, encoders.Want{Pooled: true})
		require.ErrorIs(t, err, encoders.ErrNoPooler)
		require.ErrorContains(t, err, sprint("encoder %q ", model)+"has no pooled output; set add_pooling_layer=true or pass the sequence output and let the head pool")

		head, _ := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.SpamDetection, NumClasses: 2}, 16, heads.Options{Pooling: "mean"})
		out, err := enc.Forward(s, bt, encoders.Want{})
		require.NoError(t, err)
		o, err := head.Forward(s, heads.Input{Hidden: out.Hidden, Layout: bt.Layout})
		require.NoError(t, err)
		got, err := o.Read(t.Context(), s)
		require.NoError(t, err)
		floats(t, got, "logits", batch, 2)

		pooled, _ := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.SpamDetection, NumClasses: 2}, 16, heads.Options{Input: "pooled"})
		_, err = pooled.Forward(s, heads.Input{Hidden: out.Hidden, Layout: bt.Layout})
		require.ErrorIs(t, err, heads.ErrInputFormat)
		require.ErrorContains(t, err, "pooler_output")
	}
}

// inputFormat: TB3, a bare tensor and the map give equal results; everything else is ErrInputFormat.
func inputFormat(t *testing.T) { onBackends(t, inputFormatOn) }

func inputFormatOn(t *testing.T, b tensor.Backend) {
	for kind, head := range everyHead(t, b) {
		if kind == heads.KindTextMatching { // pairs alone: below
			continue
		}
		got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
			outs := map[string]heads.Output{}
			in := inputFor(t, s, kind).(heads.Input)
			in.Mask = tensor.Host{}
			forms := map[string]any{"input": in}
			if in.Targets == nil {
				forms["bare"], forms["map"] = in.Hidden, map[string]any{"hidden_states": in.Hidden, "attention_mask": nil, "pooler_output": nil}
			}
			for form, v := range forms {
				var err error
				if outs[form], err = heads.Apply(s, head, v); err != nil {
					return nil, err
				}
			}
			return outs, nil
		})
		for form, r := range got {
			require.Equal(t, got["input"], r, "%s %s", kind, form)
		}
	}

	every := everyHead(t, b)
	classify, tokens := every[heads.KindTextClassification], every[heads.KindTokenClassification]
	unpooled, _ := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.SpamDetection, NumClasses: 2}, 16, heads.Options{UsePooling: ptr(false)})
	pooled, _ := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.SpamDetection, NumClasses: 2}, 16, heads.Options{Input: "pooled"})
	s := begin(t, b)
	x := hidden(t, s, 1, 2, 5, 16)
	ids, err := tensor.Upload(s, make([]int32, 2*5*16), 2, 5, 16)
	require.NoError(t, err)
	nan := float32(math.NaN())
	for _, c := range []struct {
		what string
		head heads.Head
		in   any
		say  string
	}{
		{"map without hidden states", classify, map[string]any{"pooler_output": x.Hidden, "attention_mask": x.Mask}, `missing key "hidden_states"; keys given: attention_mask, pooler_output`},
		{"nil hidden states in a map", classify, map[string]any{"hidden_states": nil}, "hidden_states"},
		{"unknown key", classify, map[string]any{"hidden_states": x.Hidden, "mask": nil}, `key "mask" is unknown`},
		{"nil hidden states", classify, heads.Input{}, "hidden states are missing"},
		{"something else", classify, []float32{1}, "[]float32"},
		{"rank 2 for a token head", tokens, hidden(t, s, 1, 2, 16), `of rank 2 (layout given: false), want packed rows or rank 3 [B,L,D]`},
		{"rank 4", tokens, hidden(t, s, 1, 2, 3, 5, 16), "of rank 4"},
		{"rank 4 for a sentence head", classify, hidden(t, s, 1, 2, 3, 5, 16), "want packed rows, rank 3 [B,L,D] or rank 2 [B,D]"},
		{"rank 1", classify, hidden(t, s, 1, 16), "of rank 1"},
		{"rank 2 names head and ranks", tokens, hidden(t, s, 1, 2, 16), `head "token_classification": hidden states are F32[2 16] of rank 2`},
		{"a sequence for a head without pooling", unpooled, x, `head "x" has use_pooling false and reads one vector a sequence: hidden states are F32[2 5 16], want rank 2 [B,D]; pool them first, or create the head with use_pooling true`},
		{"rows for a head without pooling", unpooled, heads.Input{Hidden: hidden(t, s, 1, 5, 16).Hidden, Layout: tensor.NewLayout(2, 3)}, "hidden states are packed rows F32[5 16], want rank 2 [B,D]"},
		{"no pooled vector", pooled, x, "pass pooler_output, or hidden states of rank 2"},
		{"nil pooled and no hidden states", pooled, heads.Input{}, "hidden states are missing"},
		{"mask of a wrong type in a map", classify, map[string]any{"hidden_states": x.Hidden, "attention_mask": []int{1}}, `key "attention_mask" holds a []int`},
		{"ids of 64 bits", classify, heads.Input{Hidden: tensor.View(ids.Buf, tensor.Of(tensor.I64, 1, 5, 16))}, "token ids go to an encoder first"},
		{"a layout beside rank 3", tokens, heads.Input{Hidden: x.Hidden, Layout: tensor.NewLayout(5, 5)}, "layout given: true"},
		{"rows that the layout does not have", tokens, heads.Input{Hidden: hidden(t, s, 1, 4, 16).Hidden, Layout: tensor.NewLayout(2, 3)}, "4 rows for a layout of 5"},
		{"a layout without sequences", tokens, heads.Input{Hidden: hidden(t, s, 1, 0, 16).Hidden, Layout: tensor.NewLayout()}, "empty batch"},
		{"no vectors", classify, hidden(t, s, 1, 0, 16), "empty batch"},
		{"no choices", every[heads.KindMultipleChoice], hidden(t, s, 1, 2, 0, 16), "empty batch"},
		{"no columns of choices", every[heads.KindMultipleChoice], hidden(t, s, 1, 2, 3, 0, 16), "empty batch"},
		{"mask value -1", tokens, heads.Input{Hidden: x.Hidden, Mask: maskHost(t, []int32{1, 1, 1, 1, 1, -1, 1, 1, 1, 1}, 2, 5)}, "value -1 at 5, want 0 or 1"},
		{"mask value 0.5", tokens, heads.Input{Hidden: x.Hidden, Mask: floatMask(t, 0.5)}, "value 0.5 at 0"},
		{"mask value infinity", tokens, heads.Input{Hidden: x.Hidden, Mask: floatMask(t, float32(math.Inf(1)))}, "at 0"},
		{"mask of too few bytes", tokens, heads.Input{Hidden: x.Hidden, Mask: tensor.Host{Spec: tensor.Of(tensor.I32, 2, 5), Data: make([]byte, 4)}}, "4 bytes"},
		{"a pair", tokens, heads.Pair{A: x, B: x}, "a pair was given; a TokenClassification head takes one input"},
		{"ids", classify, heads.Input{Hidden: ids}, "token ids go to an encoder first"},
		{"mask of another shape", tokens, heads.Input{Hidden: x.Hidden, Mask: maskHost(t, []int32{1, 1, 1, 1}, 2, 2)}, "attention_mask is I32[2 2], want [2 5]"},
		{"mask of rank 1", tokens, heads.Input{Hidden: x.Hidden, Mask: maskHost(t, make([]int32, 10), 10)}, "attention_mask is I32[10], want [2 5]"},
		{"mask of rank 3", tokens, heads.Input{Hidden: x.Hidden, Mask: maskHost(t, make([]int32, 10), 2, 5, 1)}, "attention_mask is I32[2 5 1], want [2 5]"},
		{"mask value 2", tokens, heads.Input{Hidden: x.Hidden, Mask: maskHost(t, []int32{1, 1, 2, 1, 1, 1, 1, 1, 1, 1}, 2, 5)}, "value 2 at 2, want 0 or 1"},
		{"mask value NaN", tokens, heads.Input{Hidden: x.Hidden, Mask: floatMask(t, nan)}, "value NaN at 0, want a whole number"},
		{"empty batch", classify, hidden(t, s, 1, 0, 5, 16), "empty batch"},
		{"no columns", tokens, hidden(t, s, 1, 2, 0, 16), "empty batch"},
		{"one text for a matcher", every[heads.KindTextMatching], x, "want a pair"},
		{"unequal pair", every[heads.KindTextSimilarity], heads.Pair{A: x, B: hidden(t, s, 1, 3, 16)}, "a pair of 2 and 3 sentences"},
		{"choices that do not divide", every[heads.KindMultipleChoice], heads.Input{Hidden: hidden(t, s, 1, 5, 16).Hidden, Choices: 2}, "5 sequences for 2 choices"},
		{"mask of choices", every[heads.KindMultipleChoice], heads.Input{Hidden: hidden(t, s, 1, 2, 3, 5, 16).Hidden, Mask: maskHost(t, make([]int32, 10), 2, 5)}, "attention_mask is I32[2 5], want [2 3 5]"},
		{"no targets", every[heads.KindRelationExtraction], x, "no targets, want pairs of entities"},
		{"target outside", every[heads.KindTargetClassification], heads.Input{Hidden: x.Hidden, Targets: []heads.Target{{Seq: 2, Start: 0, End: 1}}}, "target 0, columns 0 to 1 of sequence 2: the batch has 2 sequences"},
		{"target past the end", every[heads.KindTargetClassification], heads.Input{Hidden: x.Hidden, Targets: []heads.Target{{Seq: 1, Start: 4, End: 6}}}, "want 0 <= start < end <= 5"},
		{"two predicates", every[heads.KindPredicateTagging], heads.Input{Hidden: x.Hidden, Targets: []heads.Target{{Seq: 1, Start: 0, End: 1}, {Seq: 1, Start: 1, End: 2}}}, "second predicate of sequence 1"},
		{"a sentence without predicate", every[heads.KindPredicateTagging], heads.Input{Hidden: x.Hidden, Targets: []heads.Target{{Seq: 1, Start: 0, End: 1}}}, "sequence 0 has no target"},
		{"candidates out of order", every[heads.KindCoreference], heads.Input{Hidden: x.Hidden, Targets: []heads.Target{{Start: 1, End: 2}, {Start: 0, End: 2}}}, "target 1 comes before target 0"},
	} {
		_, err := heads.Apply(s, c.head, c.in)
		require.ErrorIs(t, err, heads.ErrInputFormat, c.what)
		require.ErrorContains(t, err, c.say, c.what)
	}
}

func floatMask(t testing.TB, first float32) tensor.Host {
	t.Helper()
	h, err := tensor.FromSlice([]float32{first, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 2, 5)
	require.NoError(t, err)
	return h
}

// TestReads: what a head wants of the encoder is known before it runs.
func TestReads(t *testing.T) {
	b := cpu(t)
	for kind, head := range everyHead(t, b) {
		require.Equal(t, heads.EveryRow, head.Reads(), kind)
	}
	for _, task := range []heads.TaskType{heads.SpamDetection, heads.TextSimilarityTask, heads.TextMatching, heads.MultipleChoiceTask, heads.Ranking} {
		head, _ := newHead(t, b, of("x", task), 16, heads.Options{UsePooling: ptr(false)})
		require.Equal(t, heads.GivenRow, head.Reads(), task)
	}
	for _, pool := range []bool{false, true} {
		head, _ := newHead(t, b, of("x", heads.SpamDetection), 16, heads.Options{UsePooling: &pool, Input: "pooled"})
		require.Equal(t, heads.PooledRow, head.Reads())
	}
	tokens, _ := newHead(t, b, of("x", heads.NamedEntityRecognition), 16, heads.Options{UsePooling: ptr(false)})
	require.Equal(t, heads.EveryRow, tokens.Reads())
}
