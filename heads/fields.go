package heads

import (
	"fmt"
	"slices"
	"strings"
)

// setting is what a head is made of.
type setting struct {
	cfg  TaskConfig
	opt  *Options // with their defaults; nil where the config is checked alone
	kind Kind
	dim  int // input_dim
}

// field is a field of a task's config, or an option, with what reads it.
type field struct {
	key   string
	value func(setting) any  // what was given, nil where that is the default; a nil func: every head reads it
	kinds []Kind             // the heads that read it; nil: all
	needs string             // what else must be given, as the error says it
	met   func(setting) bool // whether it is; nil: nothing must
}

// taskFields and optionFields say what reads each field, once for all heads (spec 2.1,
// 2.2 and 4). A value that is not the default and that nothing reads is an error.
//
// Of two sizes, and of two dropout rates, one goes before the other by the spec: that is
// no error.
var (
	taskFields = []field{
		{key: "name"},
		{key: "task_type"},
		{key: "num_classes", kinds: classKinds, value: func(s setting) any { return other(s.cfg.NumClasses) }},
		{key: "num_labels", kinds: classKinds, value: func(s setting) any { return other(s.cfg.NumLabels) }},
		{key: "labels", kinds: classKinds, value: func(s setting) any {
			if s.cfg.Labels == nil {
				return nil
			}
			return s.cfg.Labels
		}},
		{key: "problem_type", kinds: []Kind{KindTextClassification}, value: func(s setting) any { return other(s.cfg.ProblemType, SingleLabel) }},
		{key: "max_length"}, // of the tokens that the head's texts become
		{key: "dropout_rate"},
		{key: "hidden_size", value: func(s setting) any { return other(s.cfg.HiddenSize, s.dim) }, needs: widthNeeds, met: hasWidth},
		{key: "loss_weight"},
		{key: "label_smoothing", value: func(s setting) any { return other(s.cfg.LabelSmoothing) },
			needs: "a cross-entropy over classes, which similarity, regression, multi_label and use_crf have not",
			met: func(s setting) bool {
				return s.kind != KindTextSimilarity && s.cfg.ProblemType != RegressionProblem && s.cfg.ProblemType != MultiLabel && !s.cfg.UseCRF
			}},
		{key: "use_crf", kinds: tagKinds, value: func(s setting) any { return other(s.cfg.UseCRF) }},
		{key: "use_attention_pooling", kinds: sentenceKinds, value: func(s setting) any { return other(s.cfg.UseAttentionPooling) }, needs: poolNeeds, met: pools},
		{key: "vocabulary_size", kinds: []Kind{KindTextGeneration}, value: func(s setting) any { return other(s.cfg.VocabularySize) }},
		{key: "beam_size", kinds: []Kind{KindTextGeneration}, value: func(s setting) any { return other(s.cfg.BeamSize, 1) }},
		{key: "temperature", kinds: []Kind{KindTextGeneration}, value: func(s setting) any { return otherAt(s.cfg.Temperature, 1) }},
	}
	optionFields = []field{
		{key: "normalization_type"},
		{key: "activation_type", value: func(s setting) any { return other(s.opt.Activation, "gelu") },
			needs: "use_intermediate (or similarity_function learned)",
			met: func(s setting) bool {
				return *s.opt.UseIntermediate || s.opt.SimilarityFunction == "learned" || slices.Contains(activeKinds, s.kind)
			}},
		{key: "input", kinds: []Kind{KindTextClassification, KindTextSimilarity}, value: func(s setting) any { return other(s.opt.Input, "sequence") }},
		{key: "use_pooling"}, // forced false by heads that read every token
		{key: "pooling_type", kinds: sentenceKinds, needs: poolNeeds, met: pools, value: func(s setting) any {
			if s.kind.sentence() {
				return other(s.opt.Pooling, "cls")
			}
			return other(s.opt.Pooling)
		}},
		{key: "use_intermediate"},
		{key: "intermediate_size", value: func(s setting) any { return other(s.opt.IntermediateSize, s.dim) }, needs: widthNeeds, met: hasWidth},
		{key: "use_task_attention", value: func(s setting) any { return other(s.opt.UseTaskAttention) }, needs: poolNeeds,
			met: func(s setting) bool { return !s.kind.sentence() || pools(s) }}, // a vector has nothing to attend to
		{key: "attention_type", value: func(s setting) any { return other(s.opt.Attention, "multi_head") }, needs: "use_task_attention",
			met: func(s setting) bool { return s.opt.UseTaskAttention }},
		{key: "use_ffn"},
		{key: "ffn_type", value: func(s setting) any { return other(s.opt.FFN, "mlp") }, needs: "use_ffn", met: feeds},
		{key: "ffn_expansion_factor", value: func(s setting) any { return other(s.opt.FFNExpansion, 4) }, needs: "use_ffn", met: feeds},
		{key: "initializer_range", value: func(s setting) any { return otherAt(s.opt.InitializerRange, 0.02) },
			needs: "an output layer of the head's own, which tie_to replaces", met: func(s setting) bool { return s.opt.TieTo == "" }},
		{key: "dropout_rate"},
		{key: "name"},
		{key: "output_embeddings", kinds: []Kind{KindTextSimilarity}, value: func(s setting) any {
			if s.opt.OutputEmbeddings == nil {
				return nil
			}
			return *s.opt.OutputEmbeddings
		}},
		{key: "similarity_function", kinds: []Kind{KindTextSimilarity}, value: func(s setting) any { return other(s.opt.SimilarityFunction) }},
		{key: "num_attention_heads", value: func(s setting) any { return other(s.opt.NumAttentionHeads, 8) },
			needs: "use_task_attention of type multi_head or differential",
			met:   func(s setting) bool { return s.opt.UseTaskAttention && s.opt.Attention != "cbam" }},
		{key: "crf_constraints", kinds: tagKinds, value: func(s setting) any { return other(s.opt.CRFConstraints) }, needs: "use_crf", met: usesCRF},
		{key: "crf_token_mean", kinds: tagKinds, value: func(s setting) any { return other(s.opt.TokenMean) }, needs: "use_crf", met: usesCRF},
		{key: "tie_to", kinds: []Kind{KindTextGeneration}, value: func(s setting) any { return other(s.opt.TieTo) }},
	}
)

// The heads that have something in common.
var (
	sentenceKinds = []Kind{KindTextClassification, KindTextSimilarity, KindTextMatching, KindMultipleChoice, KindRanking}
	tagKinds      = []Kind{KindTokenClassification, KindPredicateTagging}
	classKinds    = []Kind{KindTextClassification, KindTokenClassification, KindDependencyParsing, KindPredicateTagging, KindTargetClassification, KindRelationExtraction, KindTextMatching}
	activeKinds   = []Kind{KindDependencyParsing, KindPredicateTagging, KindRelationExtraction, KindCoreference} // with layers of their own that activate
)

const (
	widthNeeds = "use_intermediate or use_ffn (or a TextSimilarity head): no layer has that width"
	poolNeeds  = "input sequence and use_pooling: the head reads vectors"
)

func hasWidth(s setting) bool {
	return *s.opt.UseIntermediate || s.opt.UseFFN || s.kind == KindTextSimilarity
}
func pools(s setting) bool   { return s.opt.Input == "sequence" && *s.opt.UsePooling }
func feeds(s setting) bool   { return s.opt.UseFFN }
func usesCRF(s setting) bool { return s.cfg.UseCRF }

// other is v, nil where that is unset or the default.
func other[T comparable](v T, def ...T) any {
	var unset T
	if v == unset || slices.Contains(def, v) {
		return nil
	}
	return v
}

// otherAt is other of a field that tells unset from zero.
func otherAt(v *float64, def float64) any {
	if v == nil || *v == def {
		return nil
	}
	return *v
}

// takes says whether heads of the kind read the field.
func (f field) takes(kind Kind) bool { return f.kinds == nil || slices.Contains(f.kinds, kind) }

// unread names the first field with a value that nothing reads, and what would.
func unread(fields []field, s setting) error {
	for _, f := range fields {
		if f.value == nil {
			continue
		}
		v := f.value(s)
		switch v.(type) {
		case nil:
			continue
		case string, ProblemType, []string:
			v = fmt.Sprintf("%q", v)
		}
		switch {
		case !f.takes(s.kind):
			return fmt.Errorf("%s %v is not for a %s head, but for %s; a %s head takes %s", f.key, v, s.kind, join(f.kinds), s.kind, taken(fields, s.kind))
		case s.opt != nil && f.met != nil && !f.met(s):
			return fmt.Errorf("%s %v has no effect without %s", f.key, v, f.needs)
		}
	}
	return nil
}

// taken are the keys that heads of a kind read.
func taken(fields []field, kind Kind) string {
	var keys []string
	for _, f := range fields {
		if f.takes(kind) {
			keys = append(keys, f.key)
		}
	}
	return join(keys)
}

func join[T ~string](v []T) string {
	parts := make([]string, len(v))
	for i, s := range v {
		parts[i] = string(s)
	}
	return strings.Join(parts, ", ")
}
