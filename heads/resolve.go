package heads

import (
	"fmt"
	"slices"

	"github.com/cephalo-ml/cephalo/tensor"
)

// sentence says that a head takes one row a sequence, by pooling or as it comes.
func (k Kind) sentence() bool { return slices.Contains(sentenceKinds, k) }

// chooses says that a head compares N sequences of one question.
func (k Kind) chooses() bool { return k == KindMultipleChoice || k == KindRanking }

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
// gives the options with their defaults filled in; it is idempotent. A value that is
// not the default and that a head so made would not read is an error.
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
	if cfg.UseAttentionPooling && kind.sentence() {
		if o.Pooling = orString(o.Pooling, "attention"); o.Pooling != "attention" {
			return bad("use_attention_pooling and pooling_type %q exclude each other", o.Pooling)
		}
	}
	o = o.withDefaults(cfg, kind)
	if err := o.checkValues(kind); err != nil {
		return bad("%w", err)
	}
	s := setting{cfg: cfg, opt: &o, kind: kind, dim: inputDim}
	for _, fields := range [][]field{taskFields, optionFields} {
		if err := unread(fields, s); err != nil {
			return bad("%w", err)
		}
	}
	if err := checkLayers(cfg, o, inputDim); err != nil {
		return bad("%w", err)
	}
	return o, nil
}

// withDefaults fills in what is unset; what is for other kinds alone stays unset.
func (o Options) withDefaults(cfg TaskConfig, kind Kind) Options {
	o.WordEmbeddings = tensor.Tensor{}
	if o.UsePooling == nil || !kind.sentence() {
		o.UsePooling = ptr(kind.sentence())
	}
	if kind.sentence() {
		o.Pooling = orString(o.Pooling, "cls")
	}
	if kind == KindTextSimilarity {
		o.SimilarityFunction = orString(o.SimilarityFunction, "cosine")
		if o.OutputEmbeddings == nil {
			o.OutputEmbeddings = ptr(true)
		}
	}
	if o.UseIntermediate == nil {
		o.UseIntermediate = ptr(true)
	}
	o.Normalization, o.Activation, o.Input = orString(o.Normalization, "layer_norm"), orString(o.Activation, "gelu"), orString(o.Input, "sequence")
	o.Attention, o.FFN = orString(o.Attention, "multi_head"), orString(o.FFN, "mlp")
	o.FFNExpansion, o.NumAttentionHeads = orInt(o.FFNExpansion, 4), orInt(o.NumAttentionHeads, 8)
	o.InitializerRange, o.DropoutRate = orFloat(o.InitializerRange, 0.02), orFloat(o.DropoutRate, *cfg.DropoutRate)
	o.Name = orString(o.Name, cfg.Name+"_head")
	return o
}

// checkValues refuses values that no head takes.
func (o Options) checkValues(kind Kind) error {
	if _, err := tensor.ParseAct(o.Activation); err != nil {
		return fmt.Errorf("activation_type: %w", err)
	}
	errs := []error{checkNormType(o.Normalization), oneOf("input", o.Input, inputs), oneOf("attention_type", o.Attention, attentionTypes), oneOf("ffn_type", o.FFN, ffnTypes)}
	if kind.sentence() {
		_, err := tensor.ParsePooling(o.Pooling)
		errs = append(errs, err)
	}
	if kind == KindTextSimilarity {
		errs = append(errs, oneOf("similarity_function", o.SimilarityFunction, similarityTypes))
	}
	if kind == KindTextGeneration && o.TieTo != "" {
		errs = append(errs, oneOf("tie_to", o.TieTo, []string{TieWordEmbeddings}))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	switch {
	case !isRate(*o.DropoutRate):
		return fmt.Errorf("dropout_rate is %v, want 0 up to below 1", *o.DropoutRate)
	case !finiteFrom(*o.InitializerRange, 0):
		return fmt.Errorf("initializer_range is %v, want 0 or more", *o.InitializerRange)
	}
	return nil
}

// TieWordEmbeddings is the value of tie_to.
const TieWordEmbeddings = "word_embeddings"

// width is H: the task's hidden size, else the intermediate size, else input_dim.
func width(cfg TaskConfig, o Options, inputDim int) int {
	return orInt(cfg.HiddenSize, orInt(o.IntermediateSize, inputDim))
}
