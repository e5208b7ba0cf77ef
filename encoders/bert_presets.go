package encoders

import (
	"encoding/json"

	"github.com/cephalo-ml/cephalo/tensor"
)

func bertSize(hidden, layers, heads, intermediate int) BERTConfig {
	return BERTConfig{
		ModelType: "bert", Architectures: []string{"BertModel"}, VocabSize: 30522, HiddenSize: hidden, NumHiddenLayers: layers,
		NumAttentionHeads: heads, IntermediateSize: intermediate, HiddenAct: tensor.ActGelu, HiddenDropoutProb: 0.1,
		AttentionProbsDropoutProb: 0.1, MaxPositionEmbeddings: 512, TypeVocabSize: 2, InitializerRange: 0.02, LayerNormEps: 1e-12,
	}
}

func robertaSize(vocab, hidden, layers, heads, intermediate int) BERTConfig {
	c := bertSize(hidden, layers, heads, intermediate)
	c.ModelType, c.Architectures = "roberta", []string{"RobertaModel"}
	c.VocabSize, c.MaxPositionEmbeddings, c.TypeVocabSize, c.LayerNormEps, c.PadTokenID = vocab, 514, 1, 1e-5, 1
	return c
}

// The sizes of spec 6.1 to 6.1c.
var (
	BERTTiny     = bertSize(256, 4, 4, 512)
	BERTSmall    = bertSize(512, 6, 8, 2048)
	BERTBase     = bertSize(768, 12, 12, 3072)
	BERTLarge    = bertSize(1024, 24, 16, 4096)
	MiniLML6     = bertSize(384, 6, 12, 1536)
	RoBERTaBase  = robertaSize(50265, 768, 12, 12, 3072)
	RoBERTaLarge = robertaSize(50265, 1024, 24, 16, 4096)
	XLMRBase     = xlmr(robertaSize(250002, 768, 12, 12, 3072))
	XLMRLarge    = xlmr(robertaSize(250002, 1024, 24, 16, 4096))
	DistilBERT   = distil(bertSize(768, 6, 12, 3072))
)

func xlmr(c BERTConfig) BERTConfig {
	c.ModelType, c.Architectures = "xlm-roberta", []string{"XLMRobertaModel"}
	return c
}

func distil(c BERTConfig) BERTConfig {
	c.ModelType, c.Architectures, c.TypeVocabSize = "distilbert", []string{"DistilBertModel"}, 0
	return c
}

// hfAct is the name that Hugging Face configs give an activation.
func hfAct(a tensor.Act) string {
	switch a {
	case tensor.ActGeluTanh:
		return "gelu_new"
	case tensor.ActNone:
		return "linear"
	}
	return a.String()
}

func (m bertModel) MarshalJSON() ([]byte, error) {
	c := m.cfg
	v := map[string]any{
		"model_type": c.ModelType, "architectures": c.Architectures, "vocab_size": c.VocabSize,
		"initializer_range": c.InitializerRange, "max_position_embeddings": c.MaxPositionEmbeddings, "pad_token_id": c.PadTokenID,
	}
	more := map[string]any{
		"hidden_size": c.HiddenSize, "num_hidden_layers": c.NumHiddenLayers, "num_attention_heads": c.NumAttentionHeads,
		"intermediate_size": c.IntermediateSize, "hidden_act": hfAct(c.HiddenAct), "hidden_dropout_prob": c.HiddenDropoutProb,
		"attention_probs_dropout_prob": c.AttentionProbsDropoutProb, "type_vocab_size": c.TypeVocabSize, "layer_norm_eps": c.LayerNormEps,
		"position_embedding_type": "absolute",
	}
	if m.distil() {
		more = map[string]any{
			"dim": c.HiddenSize, "n_layers": c.NumHiddenLayers, "n_heads": c.NumAttentionHeads, "hidden_dim": c.IntermediateSize,
			"activation": hfAct(c.HiddenAct), "dropout": c.HiddenDropoutProb, "attention_dropout": c.AttentionProbsDropoutProb,
			"sinusoidal_pos_embds": false,
		}
	} else if c.AddPoolingLayer != nil {
		more["add_pooling_layer"] = *c.AddPoolingLayer
	}
	for k, x := range more {
		v[k] = x
	}
	return json.MarshalIndent(v, "", "  ")
}
