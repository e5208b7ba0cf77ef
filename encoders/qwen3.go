package encoders

import (
	"bytes"
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// Qwen3Config is the config of Qwen3's dense models (Yang et al. 2025). Field
// names follow its config.json.
type Qwen3Config struct {
	Architectures         []string
	VocabSize             int
	HiddenSize            int
	NumHiddenLayers       int
	NumAttentionHeads     int
	NumKeyValueHeads      int
	HeadDim               int // 0 in a hand-made config: hidden size / heads
	IntermediateSize      int
	HiddenAct             tensor.Act
	MaxPositionEmbeddings int
	InitializerRange      float64
	RMSNormEps            float64
	RopeTheta             float64
	RopePercentage        float64 // 0: 1
	AttentionBias         bool
	AttentionDropout      float64
	TieWordEmbeddings     bool
	PadTokenID            int // -1: none
}

// qwenHeadDim is the default of Hugging Face's config class.
const qwenHeadDim = 128

func parseQwen3(r *reader, _ string) Model {
	c := Qwen3Config{Architectures: r.architectures()}
	c.VocabSize = r.integer(151936, 1, "vocab_size")
	c.HiddenSize = r.integer(4096, 1, "hidden_size")
	c.NumHiddenLayers = r.layers(32, "num_hidden_layers", "num_layers")
	c.NumAttentionHeads = r.integer(32, 1, "num_attention_heads", "num_heads")
	c.NumKeyValueHeads = r.integer(32, 1, "num_key_value_heads")
	if _, v := r.raw([]string{"num_key_value_heads"}); v == nil {
		if raw, ok := r.keys["num_key_value_heads"]; ok && bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
			c.NumKeyValueHeads = c.NumAttentionHeads
		}
	}
	c.HeadDim = r.integer(qwenHeadDim, 1, "head_dim")
	c.IntermediateSize = r.integer(22016, 1, "intermediate_size")
	c.HiddenAct = r.act("silu", "hidden_act")
	c.MaxPositionEmbeddings = r.integer(32768, 1, "max_position_embeddings")
	c.InitializerRange = r.float(0.02, 0, 1e3, "initializer_range")
	c.RMSNormEps = r.float(1e-6, 0, 1, "rms_norm_eps")
	c.RopeTheta = r.float(10000, 1e-9, math.MaxFloat32, "rope_theta")
	c.RopePercentage = r.float(1, 0, 1.0000001, "partial_rotary_factor")
	c.AttentionBias = r.boolean(false, "attention_bias")
	c.AttentionDropout = r.float(0, 0, 1, "attention_dropout")
	c.TieWordEmbeddings = r.boolean(false, "tie_word_embeddings")
	c.PadTokenID = r.integer(-1, -1, "pad_token_id")
	if _, v := r.raw([]string{"rope_parameters"}); v != nil {
		r.ropeParameters("rope_parameters", v, &c.RopeTheta, &c.RopePercentage)
	}
	r.refuse("rope_scaling")
	r.refuse("use_sliding_window", "false")
	for _, k := range []string{"num_experts", "num_local_experts", "num_experts_per_tok", "moe_intermediate_size"} {
		r.refuse(k, "0")
	}
	for i, n := range get(r, []string(nil), "a list of layer types", "layer_types") {
		if n != fullAttention {
			r.fail("layer_types[%d] is %q, want %s: %w", i, n, fullAttention, tensor.ErrUnsupported)
		}
	}
	if c.NumAttentionHeads%c.NumKeyValueHeads != 0 {
		r.fail("num_attention_heads %d is not a multiple of num_key_value_heads %d", c.NumAttentionHeads, c.NumKeyValueHeads)
	}
	return Qwen3(c)
}

type qwenModel struct{ cfg Qwen3Config }

// Qwen3 is the model of a config.
func Qwen3(c Qwen3Config) Model {
	if c.HeadDim == 0 && c.NumAttentionHeads > 0 {
		c.HeadDim = c.HiddenSize / c.NumAttentionHeads
	}
	if c.RopePercentage == 0 {
		c.RopePercentage = 1
	}
	return qwenModel{c}
}

func (m qwenModel) Prefix() string           { return "model" }
func (m qwenModel) Ignores(name string) bool { return false }

func (m qwenModel) Config() Config {
	c := m.cfg
	return Config{
		ModelType: "qwen3", Architectures: c.Architectures, HiddenSize: c.HiddenSize, NumHiddenLayers: c.NumHiddenLayers,
		NumAttentionHeads: c.NumAttentionHeads, NumKeyValueHeads: c.NumKeyValueHeads, HeadDim: c.HeadDim, IntermediateSize: c.IntermediateSize,
		VocabSize: c.VocabSize, MaxTokens: c.MaxPositionEmbeddings, PadTokenID: c.PadTokenID, InitializerRange: c.InitializerRange, Causal: true,
	}
}

type qwen3 struct {
	qwenModel
	tokens *nn.Embedding
	layers []qwenLayer
	norm   *nn.Norm
}

type qwenLayer struct {
	inNorm, postNorm, qNorm, kNorm *nn.Norm
	qkv, out                       *nn.Linear
	mlp                            *nn.GatedMLP
}

func (m qwenModel) Build(b *nn.Builder) Encoder {
	c, init := m.cfg, nn.Normal(m.cfg.InitializerRange)
	e := &qwen3{qwenModel: m}
	e.tokens = b.Embedding("embed_tokens", c.VocabSize, c.HiddenSize, c.PadTokenID, init)
	q, kv := c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
	for i := range c.NumHiddenLayers {
		lb := b.At(fmt.Sprintf("layers.%d", i))
		e.layers = append(e.layers, qwenLayer{
			inNorm:   lb.RMSNorm("input_layernorm", c.HiddenSize, c.RMSNormEps),
			qkv:      lb.FusedLinears(c.HiddenSize, []int{q, kv, kv}, c.AttentionBias, init, "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
			qNorm:    lb.RMSNorm("self_attn.q_norm", c.HeadDim, c.RMSNormEps),
			kNorm:    lb.RMSNorm("self_attn.k_norm", c.HeadDim, c.RMSNormEps),
			out:      lb.Linear("self_attn.o_proj", q, c.HiddenSize, c.AttentionBias, init),
			postNorm: lb.RMSNorm("post_attention_layernorm", c.HiddenSize, c.RMSNormEps),
			mlp: &nn.GatedMLP{
				Up:   lb.FusedLinear(c.HiddenSize, c.IntermediateSize, false, init, "mlp.gate_proj", "mlp.up_proj"),
				Down: lb.Linear("mlp.down_proj", c.IntermediateSize, c.HiddenSize, false, init), Act: c.HiddenAct,
			},
		})
	}
	e.norm = b.RMSNorm("norm", c.HiddenSize, c.RMSNormEps)
	return e
}

func (e *qwen3) HasPooler() bool               { return false }
func (e *qwen3) WordEmbeddings() tensor.Tensor { return e.tokens.Weight }

func (e *qwen3) Forward(s *tensor.Scope, batch *Batch, want Want) (Output, error) {
	return e.ForwardCached(s, batch, nil, want)
}

func (e *qwen3) ForwardCached(s *tensor.Scope, batch *Batch, cache *Cache, want Want) (out Output, err error) {
	if want.Pooled {
		return out, noPooler("qwen3")
	}
	if err := batch.check(e.Config()); err != nil {
		return out, err
	}
	turn, err := batch.layouts(s, e.Config().MaxTokens)
	if err != nil {
		return out, err
	}
	if err := cache.begin(s, batch); err != nil {
		return out, err
	}
	ids, err := batch.upload(s, batch.IDs)
	if err != nil {
		return out, err
	}
	x, err := e.tokens.Forward(s, ids, tensor.Tensor{})
	if err != nil {
		return out, err
	}
	s.Free(ids.Buf)
	x, err = runLayers(s, x, len(e.layers), want, &out, func(s *tensor.Scope, i int, x tensor.Tensor) (tensor.Tensor, error) {
		return e.block(s, i, x, batch.Layout, turn, cache)
	})
	if err != nil {
		return out, err
	}
	return out, finish(s, e.norm, x, want, &out)
}

// block is one pre-norm layer: x += Attn(N1(x)); x += MLP(N2(x)).
func (e *qwen3) block(s *tensor.Scope, i int, x tensor.Tensor, rows, turn *tensor.Layout, cache *Cache) (tensor.Tensor, error) {
	l := &e.layers[i]
	h, err := l.inNorm.Forward(s, x)
	if err != nil {
		return h, err
	}
	attn, err := e.attend(s, i, h, rows, turn, cache)
	if err != nil {
		return attn, err
	}
	s.Free(h.Buf)
	x1, err := l.out.ForwardResidual(s, attn, x, 0)
	if err != nil {
		return x1, err
	}
	defer s.Free(x1.Buf)
	s.Free(attn.Buf)
	n, err := l.postNorm.Forward(s, x1)
	if err != nil {
		return n, err
	}
	defer s.Free(n.Buf)
	return l.mlp.Forward(s, n, x1)
}

func (e *qwen3) attend(s *tensor.Scope, i int, x tensor.Tensor, rows, turn *tensor.Layout, cache *Cache) (tensor.Tensor, error) {
	l, c := &e.layers[i], e.cfg
	p, err := l.qkv.Forward(s, x)
	if err != nil {
		return p, err
	}
	defer s.Free(p.Buf)
	qw, kw := c.NumAttentionHeads*c.HeadDim, c.NumKeyValueHeads*c.HeadDim
	q, err := e.rotated(s, l.qNorm, p, 0, c.NumAttentionHeads, turn)
	if err != nil {
		return q, err
	}
	defer s.Free(q.Buf)
	k, err := e.rotated(s, l.kNorm, p, qw, c.NumKeyValueHeads, turn)
	if err != nil {
		return k, err
	}
	defer s.Free(k.Buf)
	v, err := nn.SplitHeads(p, qw+kw, c.NumKeyValueHeads, c.HeadDim)
	if err != nil {
		return v, err
	}
	o := tensor.AttentionOptions{Causal: true, Left: -1, Right: -1}
	if s.Train && c.AttentionDropout > 0 {
		o.Rate, o.Seed = float32(c.AttentionDropout), s.NextSeed()
	}
	y, err := cache.attend(s, i, q, k, v, rows, o)
	if err != nil {
		return y, err
	}
	return y.Reshape(x.Dim(0), qw)
}

// rotated normalizes heads of the projection and rotates them.
func (e *qwen3) rotated(s *tensor.Scope, norm *nn.Norm, p tensor.Tensor, lo, heads int, turn *tensor.Layout) (tensor.Tensor, error) {
	x, err := nn.SplitHeads(p, lo, heads, e.cfg.HeadDim)
	if err != nil {
		return x, err
	}
	n, err := norm.Forward(s, x)
	if err != nil {
		return n, err
	}
	rotary := int(math.Floor(float64(e.cfg.HeadDim)*e.cfg.RopePercentage)) &^ 1
	if rotary == 0 {
		return n, nil
	}
	defer s.Free(n.Buf)
	return tensor.Rope(s, n, turn, float32(e.cfg.RopeTheta), rotary, false)
}

// finish is the final norm of a pre-norm decoder, whose result is also the last of
// all hidden states, as Hugging Face gives it. It frees x.
func finish(s *tensor.Scope, norm *nn.Norm, x tensor.Tensor, want Want, out *Output) error {
	y, err := norm.Forward(s, x)
	if err != nil {
		return err
	}
	s.Free(x.Buf)
	out.Hidden = y
	if want.AllHidden {
		out.All = append(out.All, y)
	}
	return nil
}
