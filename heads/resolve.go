package heads

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// sentence says that a head takes one row a sequence, by pooling or as it comes.
func (k Kind) sentence() bool {
	switch k {
	case KindTextClassification, KindTextSimilarity, KindTextMatching:
		return true
	}
	return k.chooses()
}

// chooses says that a head compares N sequences of one question.
func (k Kind) chooses() bool { return k == KindMultipleChoice || k == KindRanking }

// tags says that a head gives every token a label, and may do so by a CRF.
func (k Kind) tags() bool { return k == KindTokenClassification || k == KindPredicateTagging }

// lacks is what a head of the kind wants and one input does not hold; "" where it has
// all that tells such heads apart.
func (k Kind) lacks(in Input) string {
	switch k {
	case KindTextMatching:
		return "a pair"
	case KindPredicateTagging, KindTargetClassification, KindRelationExtraction, KindCoreference:
		if len(in.Targets) == 0 {
			return "targets"
		}
	}
	return ""
}

// Resolve checks every rule of spec 2.2 against the task, which kind serves, and
// gives the options with their defaults filled in; it is idempotent.
func (o Options) Resolve(cfg TaskConfig, kind Kind, inputDim int) (Options, error) {
	cfg, err := cfg.Validate()
	if err != nil {
		return Options{}, err
	}
	bad := func(format string, args ...any) (Options, error) {
		return Options{}, fmt.Errorf("head %q: "+format, append([]any{cfg.Name}, args...)...)
	}
	if k, _ := cfg.TaskType.Kind(); k != kind {
		return bad("%s is served by %s, not by %q", cfg.TaskType, k, kind)
	}
	if err := inBounds(bound{"input_dim", inputDim, maxWidth}, bound{"intermediate_size", o.IntermediateSize, maxWidth},
		bound{"ffn_expansion_factor", o.FFNExpansion, maxCount}, bound{"num_attention_heads", o.NumAttentionHeads, maxWidth}); err != nil {
		return bad("%w", err)
	}
	if inputDim == 0 {
		return bad("input_dim is 0, want more than 0: %w", ErrSize)
	}
	pooling := o.Pooling
	if cfg.UseAttentionPooling {
		switch {
		case !kind.sentence():
			return bad("use_attention_pooling is not for a %s head, which reads every token", kind)
		case pooling != "" && pooling != "attention":
			return bad("use_attention_pooling and pooling_type %q exclude each other", pooling)
		case o.UsePooling != nil && !*o.UsePooling:
			return bad("use_attention_pooling and use_pooling false exclude each other")
		}
		pooling = "attention"
	}
	switch {
	case !kind.sentence() && pooling != "":
		return bad("pooling_type is not for a %s head, which reads every token", kind)
	case kind.sentence():
		if _, err := tensor.ParsePooling(orString(pooling, "cls")); err != nil {
			return bad("%w", err)
		}
		o.Pooling = orString(pooling, "cls")
	}
	if o.UsePooling == nil || !kind.sentence() {
		o.UsePooling = ptr(kind.sentence())
	}
	o.WordEmbeddings = tensor.Tensor{}
	if o.Input != "" && o.Input != "sequence" && kind != KindTextClassification && kind != KindTextSimilarity {
		return bad("input is for TextClassification and TextSimilarity, not for a %s head", kind)
	}
	o.Input = orString(o.Input, "sequence")
	if kind != KindTextSimilarity && (o.SimilarityFunction != "" || o.OutputEmbeddings != nil) {
		return bad("similarity_function and output_embeddings are for TextSimilarity, not for a %s head", kind)
	}
	if kind == KindTextSimilarity {
		o.SimilarityFunction = orString(o.SimilarityFunction, "cosine")
		if o.OutputEmbeddings == nil {
			o.OutputEmbeddings = ptr(true)
		}
		if err := oneOf("similarity_function", o.SimilarityFunction, similarityTypes); err != nil {
			return bad("%w", err)
		}
	}
	if (o.CRFConstraints || o.TokenMean) && !cfg.UseCRF {
		return bad("crf options need use_crf")
	}
	if o.TieTo != "" && (kind != KindTextGeneration || o.TieTo != TieWordEmbeddings) {
		return bad("tie_to %q: want %q, on a generation head", o.TieTo, TieWordEmbeddings)
	}
	o.Normalization, o.Activation = orString(o.Normalization, "layer_norm"), orString(o.Activation, "gelu")
	o.Attention, o.FFN = orString(o.Attention, "multi_head"), orString(o.FFN, "mlp")
	if o.UseIntermediate == nil {
		o.UseIntermediate = ptr(true)
	}
	if o.FFNExpansion == 0 {
		o.FFNExpansion = 4
	}
	if o.NumAttentionHeads == 0 {
		o.NumAttentionHeads = 8
	}
	o.InitializerRange = orFloat(o.InitializerRange, 0.02)
	o.DropoutRate = orFloat(o.DropoutRate, *cfg.DropoutRate)
	o.Name = orString(o.Name, cfg.Name+"_head")
	if _, err := tensor.ParseAct(o.Activation); err != nil {
		return bad("activation_type: %w", err)
	}
	for _, err := range []error{
		checkNormType(o.Normalization), oneOf("input", o.Input, inputs), oneOf("attention_type", o.Attention, attentionTypes), oneOf("ffn_type", o.FFN, ffnTypes),
	} {
		if err != nil {
			return bad("%w", err)
		}
	}
	switch {
	case !isRate(*o.DropoutRate):
		return bad("dropout_rate is %v, want 0 up to below 1", *o.DropoutRate)
	case !finiteFrom(*o.InitializerRange, 0):
		return bad("initializer_range is %v, want 0 or more", *o.InitializerRange)
	case o.Input == "pooled" && o.UseTaskAttention:
		return bad("input pooled and use_task_attention exclude each other: attention needs the sequence")
	}
	if err := checkLayers(cfg, o, inputDim); err != nil {
		return bad("%w", err)
	}
	return o, nil
}

// TieWordEmbeddings is the value of tie_to.
const TieWordEmbeddings = "word_embeddings"

// width is H: the task's hidden size, else the intermediate size, else input_dim.
func width(cfg TaskConfig, o Options, inputDim int) int {
	return orInt(cfg.HiddenSize, orInt(o.IntermediateSize, inputDim))
}
