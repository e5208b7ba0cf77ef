package encoders

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// ModernBERTConfig is the config of ModernBERT (Warner et al. 2024). Field names
// follow its config.json.
type ModernBERTConfig struct {
	Architectures         []string
	VocabSize             int
	HiddenSize            int
	NumHiddenLayers       int
	NumAttentionHeads     int
	IntermediateSize      int
	HiddenActivation      tensor.Act
	MaxPositionEmbeddings int
	InitializerRange      float64
	NormEps               float64
	NormBias              bool
	AttentionBias         bool
	MLPBias               bool
	GlobalEveryN          int    // layer i is global where i is a multiple of it
	LayerTypes            []bool // true: global; overrides GlobalEveryN where given
	LocalAttention        int    // a local layer sees half of it to each side
	GlobalRopeTheta       float64
	LocalRopeTheta        float64
	RopePercentage        float64 // share of head dim that rotates
	EmbeddingDropout      float64
	AttentionDropout      float64
	MLPDropout            float64
	PadTokenID            int
}

const (
	fullAttention    = "full_attention"
	slidingAttention = "sliding_attention"
)

func parseModernBERT(r *reader, _ string) Model {
	c := ModernBERTConfig{Architectures: r.architectures()}
	c.VocabSize = r.integer(50368, 1, "vocab_size")
	c.HiddenSize = r.integer(768, 1, "hidden_size")
	c.NumHiddenLayers = r.layers(22, "num_hidden_layers", "num_layers")
	c.NumAttentionHeads = r.integer(12, 1, "num_attention_heads", "num_heads")
	c.IntermediateSize = r.integer(1152, 1, "intermediate_size")
	c.HiddenActivation = r.act("gelu", "hidden_activation", "hidden_act")
	c.MaxPositionEmbeddings = r.integer(8192, 1, "max_position_embeddings")
	c.InitializerRange = r.float(0.02, 0, 1e3, "initializer_range")
	c.NormEps = r.float(1e-5, 0, 1, "norm_eps")
	c.NormBias = r.boolean(false, "norm_bias")
	c.AttentionBias = r.boolean(false, "attention_bias")
	c.MLPBias = r.boolean(false, "mlp_bias")
	c.GlobalEveryN = r.integer(3, 1, "global_attn_every_n_layers")
	c.LocalAttention = r.integer(128, 0, "local_attention")
	c.EmbeddingDropout = r.float(0, 0, 1, "embedding_dropout")
	c.AttentionDropout = r.float(0, 0, 1, "attention_dropout")
	c.MLPDropout = r.float(0, 0, 1, "mlp_dropout")
	c.PadTokenID = r.integer(50283, -1, "pad_token_id")
	c.RopePercentage = r.float(1, 0, 1.0000001, "partial_rotary_factor", "rope_percentage")
	c.GlobalRopeTheta = r.float(160000, 1e-9, math.MaxFloat32, "global_rope_theta")
	c.LocalRopeTheta = r.float(10000, 1e-9, math.MaxFloat32, "local_rope_theta")
	if v, ok := r.keys["local_rope_theta"]; ok && string(v) == "null" {
		c.LocalRopeTheta = c.GlobalRopeTheta
	}
	r.modernRope(&c)
	r.modernLayers(&c)
	r.refuse("rope_scaling")
	r.refuse("position_embedding_type", `"rope"`, `"absolute"`)
	return c.validated(r)
}

func (c ModernBERTConfig) validated(r *reader) Model {
	if c.HiddenSize%max(c.NumAttentionHeads, 1) != 0 {
		r.fail("hidden size %d is not a multiple of num_attention_heads %d", c.HiddenSize, c.NumAttentionHeads)
	}
	return ModernBERT(c)
}

// modernRope reads the newer rope_parameters, keyed by layer type.
func (r *reader) modernRope(c *ModernBERTConfig) {
	if _, v := r.raw([]string{"rope_parameters"}); v == nil {
		return
	}
	byType := get(r, map[string]json.RawMessage{}, "an object keyed by layer type", "rope_parameters")
	for name, to := range map[string]*float64{fullAttention: &c.GlobalRopeTheta, slidingAttention: &c.LocalRopeTheta} {
		if raw, ok := byType[name]; ok {
			r.ropeParameters("rope_parameters."+name, raw, to, &c.RopePercentage)
		}
	}
	for name := range byType {
		if name != fullAttention && name != slidingAttention {
			r.fail("rope_parameters has the key %q, want %s and %s: %w", name, fullAttention, slidingAttention, tensor.ErrUnsupported)
		}
	}
}

// ropeParameters reads rope_theta and partial_rotary_factor; another rope_type
// than "default" is not supported.
func (r *reader) ropeParameters(name string, raw json.RawMessage, theta, part *float64) {
	sub, err := newReader(raw)
	if err != nil {
		r.fail("%s: %w", name, err)
		return
	}
	for key := range sub.keys {
		switch key {
		case "rope_theta", "rope_type", "type", "partial_rotary_factor":
		default:
			r.fail("%s.%s is not supported: %w", name, key, tensor.ErrUnsupported)
		}
	}
	if t := sub.str("default", "rope_type", "type"); t != "default" {
		r.fail("%s.rope_type %q is not supported, want \"default\": %w", name, t, tensor.ErrUnsupported)
	}
	*theta = sub.float(*theta, 1e-9, math.MaxFloat32, "rope_theta")
	*part = sub.float(*part, 0, 1.0000001, "partial_rotary_factor")
	if sub.err != nil {
		r.fail("%s: %w", name, sub.err)
	}
}

// modernLayers reads the newer layer_types.
func (r *reader) modernLayers(c *ModernBERTConfig) {
	names := get(r, []string(nil), "a list of layer types", "layer_types")
	if names == nil {
		return
	}
	if len(names) != c.NumHiddenLayers {
		r.fail("layer_types has %d entries, want %d", len(names), c.NumHiddenLayers)
		return
	}
	for i, n := range names {
		if n != fullAttention && n != slidingAttention {
			r.fail("layer_types[%d] is %q, want %s or %s: %w", i, n, fullAttention, slidingAttention, tensor.ErrUnsupported)
		}
		c.LayerTypes = append(c.LayerTypes, n == fullAttention)
	}
}

type modernModel struct{ cfg ModernBERTConfig }

// ModernBERT is the model of a config.
func ModernBERT(c ModernBERTConfig) Model { return modernModel{c} }

func (m modernModel) Prefix() string      { return "model" }
func (m modernModel) Ignores(string) bool { return false }

func (m modernModel) Config() Config {
	c := m.cfg
	return Config{
		ModelType: "modernbert", Architectures: c.Architectures, HiddenSize: c.HiddenSize, NumHiddenLayers: c.NumHiddenLayers,
		NumAttentionHeads: c.NumAttentionHeads, NumKeyValueHeads: c.NumAttentionHeads, HeadDim: c.HiddenSize / c.NumAttentionHeads,
		IntermediateSize: c.IntermediateSize, VocabSize: c.VocabSize, MaxTokens: c.MaxPositionEmbeddings, PadTokenID: c.PadTokenID,
		InitializerRange: c.InitializerRange,
	}
}

// global says whether a layer attends to the whole sequence.
func (m modernModel) global(layer int) bool {
	if m.cfg.LayerTypes != nil {
		return m.cfg.LayerTypes[layer]
	}
	return layer%m.cfg.GlobalEveryN == 0
}

type modernBERT struct {
	modernModel
	tokens     *nn.Embedding
	norm, last *nn.Norm
	layers     []modernLayer
}

type modernLayer struct {
	attnNorm *nn.Norm // nil in layer 0: the identity
	qkv, out *nn.Linear
	mlpNorm  *nn.Norm
	mlp      *nn.GatedMLP
	theta    float32
	window   int // positions to each side, -1: all
}

func (m modernModel) Build(b *nn.Builder) Encoder {
	c := m.cfg
	in := nn.TruncatedNormal(c.InitializerRange)
	out := nn.TruncatedNormal(c.InitializerRange / math.Sqrt(2*float64(c.NumHiddenLayers)))
	e := &modernBERT{modernModel: m}
	e.tokens = b.Embedding("embeddings.tok_embeddings", c.VocabSize, c.HiddenSize, c.PadTokenID, in)
	e.norm = b.LayerNorm("embeddings.norm", c.HiddenSize, c.NormEps, c.NormBias)
	for i := range c.NumHiddenLayers {
		lb := b.At(fmt.Sprintf("layers.%d", i))
		l := modernLayer{theta: float32(c.LocalRopeTheta), window: c.LocalAttention / 2}
		if m.global(i) {
			l.theta, l.window = float32(c.GlobalRopeTheta), -1
		}
		if i > 0 {
			l.attnNorm = lb.LayerNorm("attn_norm", c.HiddenSize, c.NormEps, c.NormBias)
		}
		l.qkv = lb.Linear("attn.Wqkv", c.HiddenSize, 3*c.HiddenSize, c.AttentionBias, in)
		l.out = lb.Linear("attn.Wo", c.HiddenSize, c.HiddenSize, c.AttentionBias, out)
		l.mlpNorm = lb.LayerNorm("mlp_norm", c.HiddenSize, c.NormEps, c.NormBias)
		l.mlp = &nn.GatedMLP{
			Up:   lb.Linear("mlp.Wi", c.HiddenSize, 2*c.IntermediateSize, c.MLPBias, in),
			Down: lb.Linear("mlp.Wo", c.IntermediateSize, c.HiddenSize, c.MLPBias, out),
			Act:  c.HiddenActivation, Inner: float32(c.MLPDropout),
		}
		e.layers = append(e.layers, l)
	}
	e.last = b.LayerNorm("final_norm", c.HiddenSize, c.NormEps, c.NormBias)
	return e
}

func (e *modernBERT) HasPooler() bool               { return false }
func (e *modernBERT) WordEmbeddings() tensor.Tensor { return e.tokens.Weight }

func (e *modernBERT) Forward(s *tensor.Scope, batch *Batch, want Want) (out Output, err error) {
	if want.Pooled {
		return out, noPooler("modernbert")
	}
	if err := batch.check(e.Config()); err != nil {
		return out, err
	}
	turn, err := batch.layouts(s, e.Config().MaxTokens)
	if err != nil {
		return out, err
	}
	x, err := e.embed(s, batch)
	if err != nil {
		return out, err
	}
	x, err = runLayers(s, x, len(e.layers), want, &out, func(s *tensor.Scope, i int, x tensor.Tensor) (tensor.Tensor, error) {
		return e.block(s, &e.layers[i], x, batch.Layout, turn)
	})
	if err != nil {
		return out, err
	}
	if want.AllHidden {
		out.All = append(out.All, x) // before the final norm, as Hugging Face gives it
	}
	if out.Hidden, err = e.last.Forward(s, x); err != nil {
		return out, err
	}
	if !want.AllHidden {
		s.Free(x.Buf)
	}
	return out, nil
}

func (e *modernBERT) embed(s *tensor.Scope, batch *Batch) (tensor.Tensor, error) {
	ids, err := batch.upload(s, batch.IDs)
	if err != nil {
		return ids, err
	}
	x, err := e.tokens.Forward(s, ids, tensor.Tensor{})
	if err != nil {
		return x, err
	}
	y, err := e.norm.Forward(s, x)
	if err != nil {
		return y, err
	}
	tensor.FreeAll(s, ids, x)
	return nn.Dropout(s, y, float32(e.cfg.EmbeddingDropout))
}

// block is one pre-norm layer: x += Attn(N1(x)); x += MLP(N2(x)).
func (e *modernBERT) block(s *tensor.Scope, l *modernLayer, x tensor.Tensor, rows, turn *tensor.Layout) (tensor.Tensor, error) {
	h := x
	var err error
	if l.attnNorm != nil {
		if h, err = l.attnNorm.Forward(s, x); err != nil {
			return h, err
		}
	}
	drop := float32(e.cfg.AttentionDropout)
	o := tensor.AttentionOptions{Left: l.window, Right: l.window}
	if s.Train && drop > 0 {
		o.Rate, o.Seed = drop, s.NextSeed()
	}
	attn, err := e.attend(s, l, h, rows, turn, o)
	if err != nil {
		return attn, err
	}
	if l.attnNorm != nil {
		s.Free(h.Buf)
	}
	x1, err := l.out.ForwardResidual(s, attn, x, drop)
	if err != nil {
		return x1, err
	}
	defer s.Free(x1.Buf)
	s.Free(attn.Buf)
	n, err := l.mlpNorm.Forward(s, x1)
	if err != nil {
		return n, err
	}
	defer s.Free(n.Buf)
	return l.mlp.Forward(s, n, x1)
}

// attend projects, rotates by turn's positions and attends: [R,C] to [R,C].
func (e *modernBERT) attend(s *tensor.Scope, l *modernLayer, x tensor.Tensor, rows, turn *tensor.Layout, o tensor.AttentionOptions) (tensor.Tensor, error) {
	p, err := l.qkv.Forward(s, x)
	if err != nil {
		return p, err
	}
	defer s.Free(p.Buf)
	heads, dim := e.cfg.NumAttentionHeads, e.cfg.HiddenSize/e.cfg.NumAttentionHeads
	var v [3]tensor.Tensor
	for i := range v {
		if v[i], err = nn.SplitHeads(p, i*e.cfg.HiddenSize, heads, dim); err != nil {
			return p, err
		}
	}
	rotary := int(math.Floor(float64(dim)*e.cfg.RopePercentage)) &^ 1
	if rotary > 0 {
		for i := range 2 {
			if v[i], err = tensor.Rope(s, v[i], turn, l.theta, rotary, false); err != nil {
				return p, err
			}
			defer s.Free(v[i].Buf)
		}
	}
	y, err := tensor.Attention(s, v[0], v[1], v[2], rows, rows, o)
	if err != nil {
		return y, err
	}
	return y.Reshape(x.Dim(0), e.cfg.HiddenSize)
}
