package encoders

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// GPT2Config is the config of GPT-2 (Radford et al. 2019). Field names follow its
// config.json.
type GPT2Config struct {
	Architectures      []string
	VocabSize          int
	NPositions         int
	NEmbd              int
	NLayer             int
	NHead              int
	NInner             int // 0: 4 NEmbd
	ActivationFunction tensor.Act
	ResidPdrop         float64
	EmbdPdrop          float64
	AttnPdrop          float64
	LayerNormEpsilon   float64
	InitializerRange   float64
	TieWordEmbeddings  bool
	PadTokenID         int // -1: none
}

func parseGPT2(r *reader, _ string) Model {
	c := GPT2Config{Architectures: r.architectures()}
	c.VocabSize = r.integer(50257, 1, "vocab_size")
	c.NPositions = r.integer(1024, 1, "n_positions", "n_ctx", "max_position_embeddings")
	c.NEmbd = r.integer(768, 1, "n_embd", "hidden_size")
	c.NLayer = r.layers(12, "n_layer", "num_hidden_layers")
	c.NHead = r.integer(12, 1, "n_head", "num_attention_heads")
	c.NInner = r.integer(4*c.NEmbd, 1, "n_inner")
	c.ActivationFunction = r.act("gelu_new", "activation_function")
	c.ResidPdrop = r.float(0.1, 0, 1, "resid_pdrop")
	c.EmbdPdrop = r.float(0.1, 0, 1, "embd_pdrop")
	c.AttnPdrop = r.float(0.1, 0, 1, "attn_pdrop")
	c.LayerNormEpsilon = r.float(1e-5, 0, 1, "layer_norm_epsilon")
	c.InitializerRange = r.float(0.02, 0, 1e3, "initializer_range")
	c.TieWordEmbeddings = r.boolean(true, "tie_word_embeddings")
	c.PadTokenID = r.integer(-1, -1, "pad_token_id")
	r.refuse("scale_attn_weights", "true")
	r.refuse("scale_attn_by_inverse_layer_idx", "false")
	r.refuse("reorder_and_upcast_attn", "false") // the same numbers in f32, but not the same order
	r.refuse("add_cross_attention", "false")
	if c.NEmbd%max(c.NHead, 1) != 0 {
		r.fail("n_embd %d is not a multiple of n_head %d", c.NEmbd, c.NHead)
	}
	return GPT2(c)
}

type gptModel struct{ cfg GPT2Config }

// GPT2 is the model of a config.
func GPT2(c GPT2Config) Model {
	if c.NInner == 0 {
		c.NInner = 4 * c.NEmbd
	}
	return gptModel{c}
}

func (m gptModel) Prefix() string { return "transformer" }

// gptBuffers are the causal masks that old files hold.
var gptBuffers = regexp.MustCompile(`^h\.\d+\.attn\.(bias|masked_bias)$`)

func (m gptModel) Ignores(name string) bool { return gptBuffers.MatchString(name) }

func (m gptModel) Config() Config {
	c := m.cfg
	return Config{
		ModelType: "gpt2", Architectures: c.Architectures, HiddenSize: c.NEmbd, NumHiddenLayers: c.NLayer, NumAttentionHeads: c.NHead,
		NumKeyValueHeads: c.NHead, HeadDim: c.NEmbd / c.NHead, IntermediateSize: c.NInner, VocabSize: c.VocabSize, MaxTokens: c.NPositions,
		PadTokenID: c.PadTokenID, InitializerRange: c.InitializerRange, Causal: true,
	}
}

type gpt2 struct {
	gptModel
	tokens, positions *nn.Embedding
	layers            []gptLayer
	norm              *nn.Norm
}

type gptLayer struct {
	norm1, norm2       *nn.Norm
	qkv, out, up, down *nn.Linear
}

// conv1D is a linear layer whose weight is stored [in, out].
func conv1D(b *nn.Builder, name string, in, out int, init nn.Init) *nn.Linear {
	return &nn.Linear{Weight: b.Param(name+".weight", init, in, out), Bias: b.Param(name+".bias", nn.Zeros, out), TransW: true}
}

func (m gptModel) Build(b *nn.Builder) Encoder {
	c, init := m.cfg, nn.Normal(m.cfg.InitializerRange)
	e := &gpt2{gptModel: m}
	e.tokens = b.Embedding("wte", c.VocabSize, c.NEmbd, -1, init)
	e.positions = b.Embedding("wpe", c.NPositions, c.NEmbd, -1, init)
	for i := range c.NLayer {
		lb := b.At(fmt.Sprintf("h.%d", i))
		e.layers = append(e.layers, gptLayer{
			norm1: lb.LayerNorm("ln_1", c.NEmbd, c.LayerNormEpsilon, true),
			qkv:   conv1D(lb, "attn.c_attn", c.NEmbd, 3*c.NEmbd, init),
			out:   conv1D(lb, "attn.c_proj", c.NEmbd, c.NEmbd, init),
			norm2: lb.LayerNorm("ln_2", c.NEmbd, c.LayerNormEpsilon, true),
			up:    conv1D(lb, "mlp.c_fc", c.NEmbd, c.NInner, init),
			down:  conv1D(lb, "mlp.c_proj", c.NInner, c.NEmbd, init),
		})
	}
	e.norm = b.LayerNorm("ln_f", c.NEmbd, c.LayerNormEpsilon, true)
	return e
}

func (e *gpt2) HasPooler() bool               { return false }
func (e *gpt2) WordEmbeddings() tensor.Tensor { return e.tokens.Weight }

func (e *gpt2) Forward(s *tensor.Scope, batch *Batch, want Want) (Output, error) {
	return e.ForwardCached(s, batch, nil, want)
}

func (e *gpt2) ForwardCached(s *tensor.Scope, batch *Batch, cache *Cache, want Want) (out Output, err error) {
	if want.Pooled {
		return out, noPooler("gpt2")
	}
	if err := batch.check(e.Config()); err != nil {
		return out, err
	}
	turn, err := batch.layouts(s, e.cfg.NPositions)
	if err != nil {
		return out, err
	}
	if err := cache.begin(s, batch); err != nil {
		return out, err
	}
	x, err := e.embed(s, batch, turn.Pos)
	if err != nil {
		return out, err
	}
	x, err = runLayers(s, x, len(e.layers), want, &out, func(s *tensor.Scope, i int, x tensor.Tensor) (tensor.Tensor, error) {
		return e.block(s, i, x, batch.Layout, cache)
	})
	if err != nil {
		return out, err
	}
	return out, finish(s, e.norm, x, want, &out)
}

// embed is dropout(wte[id] + wpe[position]).
func (e *gpt2) embed(s *tensor.Scope, batch *Batch, pos []int32) (tensor.Tensor, error) {
	ids, err := batch.upload(s, batch.IDs)
	if err != nil {
		return ids, err
	}
	at, err := batch.upload(s, pos)
	if err != nil {
		return at, err
	}
	x, err := e.tokens.Forward(s, ids, tensor.Tensor{})
	if err != nil {
		return x, err
	}
	y, err := e.positions.Forward(s, at, x)
	if err != nil {
		return y, err
	}
	tensor.FreeAll(s, ids, at, x)
	return nn.Dropout(s, y, float32(e.cfg.EmbdPdrop))
}

// block is one pre-norm layer: x += Attn(N1(x)); x += MLP(N2(x)).
func (e *gpt2) block(s *tensor.Scope, i int, x tensor.Tensor, rows *tensor.Layout, cache *Cache) (tensor.Tensor, error) {
	l, c := &e.layers[i], e.cfg
	h, err := l.norm1.Forward(s, x)
	if err != nil {
		return h, err
	}
	p, err := l.qkv.Forward(s, h)
	if err != nil {
		return p, err
	}
	s.Free(h.Buf)
	var v [3]tensor.Tensor
	for j := range v {
		if v[j], err = nn.SplitHeads(p, j*c.NEmbd, c.NHead, c.NEmbd/c.NHead); err != nil {
			return p, err
		}
	}
	o := tensor.AttentionOptions{Causal: true, Left: -1, Right: -1}
	if s.Train && c.AttnPdrop > 0 {
		o.Rate, o.Seed = float32(c.AttnPdrop), s.NextSeed()
	}
	a, err := cache.attend(s, i, v[0], v[1], v[2], rows, o)
	if err != nil {
		return a, err
	}
	s.Free(p.Buf)
	defer s.Free(a.Buf)
	flat, err := a.Reshape(x.Dim(0), c.NEmbd)
	if err != nil {
		return flat, err
	}
	x1, err := l.out.ForwardResidual(s, flat, x, float32(c.ResidPdrop))
	if err != nil {
		return x1, err
	}
	defer s.Free(x1.Buf)
	n, err := l.norm2.Forward(s, x1)
	if err != nil {
		return n, err
	}
	f, err := l.up.ForwardAct(s, n, c.ActivationFunction, tensor.Tensor{})
	if err != nil {
		return f, err
	}
	s.Free(n.Buf)
	defer s.Free(f.Buf)
	return l.down.ForwardResidual(s, f, x1, float32(c.ResidPdrop))
}

func gptSize(embd, layer, head, positions int) GPT2Config {
	return GPT2Config{
		Architectures: []string{"GPT2Model"}, VocabSize: 50257, NPositions: positions, NEmbd: embd, NLayer: layer, NHead: head, NInner: 4 * embd,
		ActivationFunction: tensor.ActGeluTanh, ResidPdrop: 0.1, EmbdPdrop: 0.1, AttnPdrop: 0.1, LayerNormEpsilon: 1e-5, InitializerRange: 0.02,
		TieWordEmbeddings: true, PadTokenID: -1,
	}
}

// The sizes of spec 6.4.
var (
	GPT2Tiny   = gptSize(256, 4, 4, 512)
	GPT2Small  = gptSize(768, 12, 12, 1024)
	GPT2Medium = gptSize(1024, 24, 16, 1024)
	GPT2Large  = gptSize(1280, 36, 20, 1024)
	GPT2XL     = gptSize(1600, 48, 25, 1024)
)

func (m gptModel) MarshalJSON() ([]byte, error) {
	c := m.cfg
	v := map[string]any{
		"model_type": "gpt2", "architectures": c.Architectures, "vocab_size": c.VocabSize, "n_positions": c.NPositions, "n_embd": c.NEmbd,
		"n_layer": c.NLayer, "n_head": c.NHead, "n_inner": c.NInner, "activation_function": hfAct(c.ActivationFunction), "resid_pdrop": c.ResidPdrop,
		"embd_pdrop": c.EmbdPdrop, "attn_pdrop": c.AttnPdrop, "layer_norm_epsilon": c.LayerNormEpsilon, "initializer_range": c.InitializerRange,
		"tie_word_embeddings": c.TieWordEmbeddings,
	}
	if c.PadTokenID >= 0 {
		v["pad_token_id"] = c.PadTokenID
	}
	return json.MarshalIndent(v, "", "  ")
}
