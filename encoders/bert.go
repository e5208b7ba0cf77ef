package encoders

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// BERTConfig is the config of BERT (Devlin et al. 2019) and what is built on its
// code: RoBERTa and XLM-R (Liu et al. 2019) and DistilBERT (Sanh et al. 2019),
// told apart by ModelType. Field names follow BERT's config.json.
type BERTConfig struct {
	ModelType                 string // bert, roberta, xlm-roberta, distilbert
	Architectures             []string
	VocabSize                 int
	HiddenSize                int
	NumHiddenLayers           int
	NumAttentionHeads         int
	IntermediateSize          int
	HiddenAct                 tensor.Act
	HiddenDropoutProb         float64
	AttentionProbsDropoutProb float64
	MaxPositionEmbeddings     int
	TypeVocabSize             int
	InitializerRange          float64
	LayerNormEps              float64
	PadTokenID                int
	AddPoolingLayer           *bool // nil: as the file has it, true for fresh weights
}

func parseBERT(r *reader, mt string) Model {
	c := BERTConfig{ModelType: mt, Architectures: r.architectures()}
	if mt == "distilbert" {
		c.parseDistilBERT(r)
	} else {
		c.parseBERT(r)
	}
	if c.HiddenSize%max(c.NumAttentionHeads, 1) != 0 {
		r.fail("hidden size %d is not a multiple of num_attention_heads %d", c.HiddenSize, c.NumAttentionHeads)
	}
	r.refuse("is_decoder", "false")
	r.refuse("add_cross_attention", "false")
	r.refuse("embedding_size") // ELECTRA-like factorized embeddings
	return BERT(c)
}

func (c *BERTConfig) parseBERT(r *reader) {
	vocab, positions, types, eps, pad := 30522, 512, 2, 1e-12, 0
	switch c.ModelType {
	case "roberta":
		vocab, positions, types, eps, pad = 50265, 514, 1, 1e-5, 1
	case "xlm-roberta":
		vocab, positions, types, eps, pad = 250002, 514, 1, 1e-5, 1
	}
	c.VocabSize = r.integer(vocab, 1, "vocab_size")
	c.HiddenSize = r.integer(768, 1, "hidden_size")
	c.NumHiddenLayers = r.layers(12, "num_hidden_layers", "num_layers")
	c.NumAttentionHeads = r.integer(12, 1, "num_attention_heads", "num_heads")
	c.IntermediateSize = r.integer(3072, 1, "intermediate_size")
	c.HiddenAct = r.act("gelu", "hidden_act")
	c.HiddenDropoutProb = r.float(0.1, 0, 1, "hidden_dropout_prob")
	c.AttentionProbsDropoutProb = r.float(0.1, 0, 1, "attention_probs_dropout_prob")
	c.MaxPositionEmbeddings = r.integer(positions, 1, "max_position_embeddings")
	c.TypeVocabSize = r.integer(types, 1, "type_vocab_size")
	c.InitializerRange = r.float(0.02, 0, 1e3, "initializer_range")
	c.LayerNormEps = r.float(eps, 0, 1, "layer_norm_eps")
	c.PadTokenID = r.integer(pad, 0, "pad_token_id")
	if _, v := r.raw([]string{"add_pooling_layer"}); v != nil {
		p := r.boolean(true, "add_pooling_layer")
		c.AddPoolingLayer = &p
	}
	r.refuse("position_embedding_type", `"absolute"`)
}

func (c *BERTConfig) parseDistilBERT(r *reader) {
	c.VocabSize = r.integer(30522, 1, "vocab_size")
	c.HiddenSize = r.integer(768, 1, "dim", "hidden_size")
	c.NumHiddenLayers = r.layers(6, "n_layers", "num_hidden_layers", "num_layers")
	c.NumAttentionHeads = r.integer(12, 1, "n_heads", "num_attention_heads", "num_heads")
	c.IntermediateSize = r.integer(3072, 1, "hidden_dim", "intermediate_size")
	c.HiddenAct = r.act("gelu", "activation")
	c.HiddenDropoutProb = r.float(0.1, 0, 1, "dropout")
	c.AttentionProbsDropoutProb = r.float(0.1, 0, 1, "attention_dropout")
	c.MaxPositionEmbeddings = r.integer(512, 1, "max_position_embeddings")
	c.InitializerRange = r.float(0.02, 0, 1e3, "initializer_range")
	c.PadTokenID = r.integer(0, 0, "pad_token_id")
	c.LayerNormEps = 1e-12
	r.boolean(false, "sinusoidal_pos_embds") // a file holds the table in either case
}

// bertModel is a BERTConfig as a Model.
type bertModel struct{ cfg BERTConfig }

// BERT is the model of a config.
func BERT(c BERTConfig) Model { return bertModel{c} }

func (m bertModel) distil() bool { return m.cfg.ModelType == "distilbert" }

// byID says whether positions count ids other than padding, as RoBERTa's do.
func (m bertModel) byID() bool {
	return m.cfg.ModelType == "roberta" || m.cfg.ModelType == "xlm-roberta"
}

func (m bertModel) Prefix() string {
	switch {
	case m.distil():
		return "distilbert"
	case m.byID():
		return "roberta"
	}
	return "bert"
}

func (m bertModel) Config() Config {
	c := m.cfg
	longest := c.MaxPositionEmbeddings
	if m.byID() {
		longest -= c.PadTokenID + 1
	}
	return Config{
		ModelType: c.ModelType, Architectures: c.Architectures, HiddenSize: c.HiddenSize, NumHiddenLayers: c.NumHiddenLayers,
		NumAttentionHeads: c.NumAttentionHeads, NumKeyValueHeads: c.NumAttentionHeads, HeadDim: c.HiddenSize / c.NumAttentionHeads,
		IntermediateSize: c.IntermediateSize, VocabSize: c.VocabSize, TypeVocabSize: c.TypeVocabSize, MaxTokens: longest,
		PadTokenID: c.PadTokenID, InitializerRange: c.InitializerRange,
	}
}

func (m bertModel) Ignores(name string) bool { return name == "embeddings.position_ids" }

// bertNames are the tensor names of a family, without prefix.
type bertNames struct {
	layer, query, key, value, attnOut, attnNorm, up, down, outNorm string
}

var (
	bertTensorNames   = bertNames{"encoder.layer.%d", "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense", "attention.output.LayerNorm", "intermediate.dense", "output.dense", "output.LayerNorm"}
	distilTensorNames = bertNames{"transformer.layer.%d", "attention.q_lin", "attention.k_lin", "attention.v_lin", "attention.out_lin", "sa_layer_norm", "ffn.lin1", "ffn.lin2", "output_layer_norm"}
)

// bert is the built encoder.
type bert struct {
	bertModel
	word, position, types *nn.Embedding
	norm                  *nn.Norm
	layers                []bertLayer
	pooler                *nn.Linear
}

type bertLayer struct {
	qkv, attnOut, up, down *nn.Linear
	attnNorm, outNorm      *nn.Norm
}

func (m bertModel) Build(b *nn.Builder) Encoder {
	c, init := m.cfg, nn.Normal(m.cfg.InitializerRange)
	names := bertTensorNames
	if m.distil() {
		names = distilTensorNames
	}
	emb := b.At("embeddings")
	e := &bert{bertModel: m}
	e.word = emb.Embedding("word_embeddings", c.VocabSize, c.HiddenSize, c.PadTokenID, init)
	positionPad := -1
	if m.byID() {
		positionPad = c.PadTokenID
	}
	e.position = emb.Embedding("position_embeddings", c.MaxPositionEmbeddings, c.HiddenSize, positionPad, init)
	if c.TypeVocabSize > 0 {
		e.types = emb.Embedding("token_type_embeddings", c.TypeVocabSize, c.HiddenSize, -1, init)
	}
	e.norm = emb.LayerNorm("LayerNorm", c.HiddenSize, c.LayerNormEps, true)
	for i := range c.NumHiddenLayers {
		l := b.At(fmt.Sprintf(names.layer, i))
		e.layers = append(e.layers, bertLayer{
			qkv:      l.FusedLinear(c.HiddenSize, c.HiddenSize, true, init, names.query, names.key, names.value),
			attnOut:  l.Linear(names.attnOut, c.HiddenSize, c.HiddenSize, true, init),
			attnNorm: l.LayerNorm(names.attnNorm, c.HiddenSize, c.LayerNormEps, true),
			up:       l.Linear(names.up, c.HiddenSize, c.IntermediateSize, true, init),
			down:     l.Linear(names.down, c.IntermediateSize, c.HiddenSize, true, init),
			outNorm:  l.LayerNorm(names.outNorm, c.HiddenSize, c.LayerNormEps, true),
		})
	}
	m.buildPooler(b, e, init)
	return e
}

func (m bertModel) buildPooler(b *nn.Builder, e *bert, init nn.Init) {
	c := m.cfg
	if m.distil() {
		return
	}
	want := b.Fresh() || b.Has("pooler.dense.weight")
	if c.AddPoolingLayer != nil {
		want = *c.AddPoolingLayer
		if !want { // the file's pooler is passed over
			b.Tied("pooler.dense.weight", tensor.Tensor{})
			b.Tied("pooler.dense.bias", tensor.Tensor{})
		}
	}
	if want {
		e.pooler = b.Linear("pooler.dense", c.HiddenSize, c.HiddenSize, true, init)
	}
}

func (e *bert) HasPooler() bool               { return e.pooler != nil }
func (e *bert) WordEmbeddings() tensor.Tensor { return e.word.Weight }

// positions are the rows of the position table for each row of the batch.
func (e *bert) positions(b *Batch) ([]int32, error) {
	if b.Positions != nil {
		return b.Positions, b.inRange("position_ids", b.Positions, e.cfg.MaxPositionEmbeddings)
	}
	if !e.byID() {
		return b.Layout.Pos, nil
	}
	// A token whose id is not padding takes pad + its running count of such ids,
	// counted over the padded row before masked places are dropped.
	pad := int32(e.cfg.PadTokenID)
	count := func(ids []int32, to []int32) {
		n := pad
		for i, id := range ids {
			to[i] = pad
			if id != pad {
				n++
				to[i] = n
			}
		}
	}
	out := make([]int32, len(b.IDs))
	if b.padded == nil {
		for i, s := range b.Layout.Start {
			count(b.IDs[s:s+b.Layout.Len[i]], out[s:])
		}
	} else {
		cols := int(b.Layout.Cols)
		all := make([]int32, len(b.padded))
		for i := range b.Layout.Batch() {
			count(b.padded[i*cols:(i+1)*cols], all[i*cols:])
		}
		for r, at := range b.At {
			out[r] = all[at]
		}
	}
	return out, b.inRange("position_ids", out, e.cfg.MaxPositionEmbeddings)
}

func (e *bert) Forward(s *tensor.Scope, batch *Batch, want Want) (out Output, err error) {
	if want.Pooled && e.pooler == nil {
		return out, noPooler(e.cfg.ModelType)
	}
	if err := batch.check(e.Config()); err != nil {
		return out, err
	}
	if err := batch.Layout.Upload(s); err != nil {
		return out, err
	}
	x, err := e.embed(s, batch)
	if err != nil {
		return out, err
	}
	x, err = runLayers(s, x, len(e.layers), want, &out, func(s *tensor.Scope, i int, x tensor.Tensor) (tensor.Tensor, error) {
		return e.block(s, &e.layers[i], x, batch.Layout)
	})
	if err != nil {
		return out, err
	}
	out.Hidden = x
	if want.AllHidden {
		out.All = append(out.All, x)
	}
	if want.Pooled {
		out.Pooled, err = e.pool(s, x, batch.Layout)
	}
	return out, err
}

// embed is LN(word[id] + position[t] + type[tt]), then dropout.
func (e *bert) embed(s *tensor.Scope, batch *Batch) (x tensor.Tensor, err error) {
	pos, err := e.positions(batch)
	if err != nil {
		return x, err
	}
	steps := []struct {
		table *nn.Embedding
		idx   []int32
	}{{e.word, batch.IDs}, {e.types, batch.Types}, {e.position, pos}}
	for _, st := range steps {
		if st.table == nil {
			continue
		}
		if st.idx == nil {
			st.idx = make([]int32, len(batch.IDs))
		}
		idx, err := batch.upload(s, st.idx)
		if err != nil {
			return x, err
		}
		y, err := st.table.Forward(s, idx, x)
		if err != nil {
			return x, err
		}
		tensor.FreeAll(s, idx, x)
		x = y
	}
	y, err := e.norm.Forward(s, x)
	if err != nil {
		return x, err
	}
	s.Free(x.Buf)
	return nn.Dropout(s, y, float32(e.cfg.HiddenDropoutProb))
}

// block is one post-norm layer: x = N1(x + Attn(x)); x = N2(x + FFN(x)).
func (e *bert) block(s *tensor.Scope, l *bertLayer, x tensor.Tensor, rows *tensor.Layout) (y tensor.Tensor, err error) {
	o := tensor.NoWindow
	if s.Train && e.cfg.AttentionProbsDropoutProb > 0 {
		o.Rate, o.Seed = float32(e.cfg.AttentionProbsDropoutProb), s.NextSeed()
	}
	attn, err := nn.SelfAttention(s, l.qkv, x, rows, e.cfg.NumAttentionHeads, o)
	if err != nil {
		return y, err
	}
	a, err := l.attnOut.Forward(s, attn)
	if err != nil {
		return y, err
	}
	s.Free(attn.Buf)
	drop := float32(e.cfg.HiddenDropoutProb)
	if !e.distil() {
		if a, err = nn.Dropout(s, a, drop); err != nil {
			return y, err
		}
	}
	h, err := l.attnNorm.ForwardResidual(s, a, x)
	if err != nil {
		return y, err
	}
	s.Free(a.Buf)
	f, err := l.up.ForwardAct(s, h, e.cfg.HiddenAct, tensor.Tensor{})
	if err != nil {
		return y, err
	}
	g, err := l.down.Forward(s, f)
	if err != nil {
		return y, err
	}
	s.Free(f.Buf)
	if g, err = nn.Dropout(s, g, drop); err != nil {
		return y, err
	}
	if y, err = l.outNorm.ForwardResidual(s, g, h); err != nil {
		return y, err
	}
	tensor.FreeAll(s, g, h)
	return y, nil
}

// pool is tanh(dense(first kept row)).
func (e *bert) pool(s *tensor.Scope, x tensor.Tensor, rows *tensor.Layout) (tensor.Tensor, error) {
	first, err := tensor.Pool(s, x, rows, tensor.PoolCLS, tensor.Tensor{}, tensor.Tensor{})
	if err != nil {
		return tensor.Tensor{}, err
	}
	defer s.Free(first.Buf)
	return e.pooler.ForwardAct(s, first, tensor.ActTanh, tensor.Tensor{})
}
