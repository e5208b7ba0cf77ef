package encoders

import (
	"encoding/json"

	"github.com/cephalo-ml/cephalo/tensor"
)

func qwenSize(hidden, layers, heads, kv, intermediate int, tied bool) Qwen3Config {
	return Qwen3Config{
		Architectures: []string{"Qwen3Model"}, VocabSize: 151936, HiddenSize: hidden, NumHiddenLayers: layers, NumAttentionHeads: heads,
		NumKeyValueHeads: kv, HeadDim: 128, IntermediateSize: intermediate, HiddenAct: tensor.ActSilu, MaxPositionEmbeddings: 40960,
		InitializerRange: 0.02, RMSNormEps: 1e-6, RopeTheta: 1e6, RopePercentage: 1, TieWordEmbeddings: tied, PadTokenID: -1,
	}
}

// The released dense sizes.
var (
	Qwen3Size06B = qwenSize(1024, 28, 16, 8, 3072, true)
	Qwen3Size17B = qwenSize(2048, 28, 16, 8, 6144, true)
	Qwen3Size4B  = qwenSize(2560, 36, 32, 8, 9728, true)
	Qwen3Size8B  = qwenSize(4096, 36, 32, 8, 12288, false)
)

func (m qwenModel) MarshalJSON() ([]byte, error) {
	c := m.cfg
	v := map[string]any{
		"model_type": "qwen3", "architectures": c.Architectures, "vocab_size": c.VocabSize, "hidden_size": c.HiddenSize,
		"num_hidden_layers": c.NumHiddenLayers, "num_attention_heads": c.NumAttentionHeads, "num_key_value_heads": c.NumKeyValueHeads,
		"head_dim": c.HeadDim, "intermediate_size": c.IntermediateSize, "hidden_act": hfAct(c.HiddenAct),
		"max_position_embeddings": c.MaxPositionEmbeddings, "initializer_range": c.InitializerRange, "rms_norm_eps": c.RMSNormEps,
		"rope_theta": c.RopeTheta, "attention_bias": c.AttentionBias, "attention_dropout": c.AttentionDropout,
		"tie_word_embeddings": c.TieWordEmbeddings,
	}
	if c.RopePercentage != 1 {
		v["partial_rotary_factor"] = c.RopePercentage
	}
	if c.PadTokenID >= 0 {
		v["pad_token_id"] = c.PadTokenID
	}
	return json.MarshalIndent(v, "", "  ")
}
