package encoders

import (
	"encoding/json"

	"github.com/cephalo-ml/cephalo/tensor"
)

func modernSize(hidden, layers, heads, intermediate int) ModernBERTConfig {
	return ModernBERTConfig{
		Architectures: []string{"ModernBertModel"}, VocabSize: 50368, HiddenSize: hidden, NumHiddenLayers: layers, NumAttentionHeads: heads,
		IntermediateSize: intermediate, HiddenActivation: tensor.ActGelu, MaxPositionEmbeddings: 8192, InitializerRange: 0.02, NormEps: 1e-5,
		GlobalEveryN: 3, LocalAttention: 128, GlobalRopeTheta: 160000, LocalRopeTheta: 10000, RopePercentage: 1, PadTokenID: 50283,
	}
}

// The sizes of spec 6.2.
var (
	ModernBERTBase  = modernSize(768, 22, 12, 1152)
	ModernBERTLarge = modernSize(1024, 28, 16, 2624)
)

func (m modernModel) MarshalJSON() ([]byte, error) {
	c := m.cfg
	v := map[string]any{
		"model_type": "modernbert", "architectures": c.Architectures, "vocab_size": c.VocabSize, "hidden_size": c.HiddenSize,
		"num_hidden_layers": c.NumHiddenLayers, "num_attention_heads": c.NumAttentionHeads, "intermediate_size": c.IntermediateSize,
		"hidden_activation": hfAct(c.HiddenActivation), "max_position_embeddings": c.MaxPositionEmbeddings, "initializer_range": c.InitializerRange,
		"norm_eps": c.NormEps, "norm_bias": c.NormBias, "attention_bias": c.AttentionBias, "mlp_bias": c.MLPBias,
		"global_attn_every_n_layers": c.GlobalEveryN, "local_attention": c.LocalAttention, "global_rope_theta": c.GlobalRopeTheta,
		"local_rope_theta": c.LocalRopeTheta, "embedding_dropout": c.EmbeddingDropout, "attention_dropout": c.AttentionDropout,
		"mlp_dropout": c.MLPDropout, "pad_token_id": c.PadTokenID,
	}
	if c.RopePercentage != 1 {
		v["partial_rotary_factor"] = c.RopePercentage
	}
	if c.LayerTypes != nil {
		var names []string
		for _, global := range c.LayerTypes {
			if global {
				names = append(names, fullAttention)
			} else {
				names = append(names, slidingAttention)
			}
		}
		v["layer_types"] = names
	}
	return json.MarshalIndent(v, "", "  ")
}
