package heads

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// ErrNoHead is what a class without a head here gives; the error names the class.
var ErrNoHead = errors.New("no head for this class")

// Checkpoint is what a published head needs to know of its folder and encoder.
type Checkpoint struct {
	Class          string // architectures[0], e.g. BertForSequenceClassification
	ModelType      string
	HiddenSize     int
	VocabSize      int
	Config         []byte        // config.json
	WordEmbeddings tensor.Tensor // [V,C], for tied output layers
}

// PublishedHead is a head of a Hugging Face checkpoint (spec 4.9), under its own
// names: rows -> dropout -> dense -> activation -> norm -> dropout -> output.
type PublishedHead struct {
	class string
	task  TaskConfig
	kind  Kind
	rows  Rows
	dim   int
	first bool // dropout before the dense layer too
	dense *nn.Linear
	act   tensor.Act
	norm  *nn.Norm
	rate  float32
	out   *nn.Linear
}

// family are the classes of one model type, by what follows "For" in their names.
type family map[string]func(*publisher)

// publisher builds one head.
type publisher struct {
	*PublishedHead
	b    *nn.Builder
	c    Checkpoint
	keys keys
	init nn.Init
}

var families = map[string]family{
	"bert":        bertHeads,
	"roberta":     robertaHeads,
	"xlm-roberta": robertaHeads,
	"distilbert":  distilBERTHeads,
	"modernbert":  modernBERTHeads,
	"qwen3":       qwen3Heads,
	"gpt2":        gpt2Heads,
}

// bareClasses have no head: the encoder alone.
var bareClasses = []string{"", "BertModel", "RobertaModel", "XLMRobertaModel", "DistilBertModel", "ModernBertModel", "Qwen3Model", "GPT2Model"}

// IsBare says whether a class is an encoder alone.
func IsBare(class string) bool { return slices.Contains(bareClasses, class) }

// lmTensors are the tensors that published files of the masked and the causal
// language models hold beside the encoder, by model type.
var lmTensors = map[string][]string{
	"bert": {"cls.predictions.bias", "cls.predictions.transform.dense.weight", "cls.predictions.transform.dense.bias",
		"cls.predictions.transform.LayerNorm.weight", "cls.predictions.transform.LayerNorm.bias", "cls.predictions.transform.LayerNorm.gamma",
		"cls.predictions.transform.LayerNorm.beta", "cls.predictions.decoder.weight", "cls.predictions.decoder.bias",
		"cls.seq_relationship.weight", "cls.seq_relationship.bias"},
	"roberta": {"lm_head.bias", "lm_head.dense.weight", "lm_head.dense.bias", "lm_head.layer_norm.weight", "lm_head.layer_norm.bias",
		"lm_head.decoder.weight", "lm_head.decoder.bias", "cls.seq_relationship.weight", "cls.seq_relationship.bias"},
	"distilbert": {"vocab_transform.weight", "vocab_transform.bias", "vocab_layer_norm.weight", "vocab_layer_norm.bias",
		"vocab_projector.weight", "vocab_projector.bias"},
	"modernbert": {"head.dense.weight", "head.dense.bias", "head.norm.weight", "head.norm.bias", "decoder.weight", "decoder.bias"},
	"qwen3":      {"lm_head.weight"},
	"gpt2":       {"lm_head.weight"},
}

// IsLanguageModelTensor says whether a file of the model type whose config names
// no class may hold the tensor beside the encoder's.
func IsLanguageModelTensor(modelType, name string) bool {
	if modelType == "xlm-roberta" {
		modelType = "roberta"
	}
	return slices.Contains(lmTensors[modelType], name)
}

// task is the part of a class name after the family: ForSequenceClassification,
// ForMaskedLM, LMHeadModel …
func taskOf(class string) string {
	for _, p := range []string{"XLMRoberta", "DistilBert", "ModernBert", "Roberta", "Bert", "Qwen3", "GPT2"} {
		if t, ok := strings.CutPrefix(class, p); ok {
			return t
		}
	}
	return class
}

// Published builds the head of a checkpoint's class. It gives nil, nil for a bare
// class and ErrNoHead, naming the class and what the family has, for one that is
// not served. Errors of the tensors show in b.Finish.
func Published(b *nn.Builder, c Checkpoint) (*PublishedHead, error) {
	if IsBare(c.Class) {
		return nil, nil
	}
	f := families[c.ModelType]
	build, ok := f[taskOf(c.Class)]
	if !ok {
		var names []string
		for t := range f {
			names = append(names, t)
		}
		slices.Sort(names)
		return nil, fmt.Errorf("class %s of model type %s (it has %s): %w", c.Class, c.ModelType, strings.Join(names, ", "), ErrNoHead)
	}
	p := &publisher{PublishedHead: &PublishedHead{class: c.Class, dim: c.HiddenSize}, b: b, c: c}
	if err := json.Unmarshal(c.Config, &p.keys); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	if err := p.keys.check(); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	std := 0.02
	if p.keys.InitializerRange != nil {
		std = *p.keys.InitializerRange
	}
	p.init = nn.Normal(std)
	if err := p.configure(taskOf(c.Class)); err != nil {
		return nil, fmt.Errorf("config.json: %w", err)
	}
	build(p)
	return p.PublishedHead, nil
}

// keys are the keys of config.json that act on heads.
type keys struct {
	ID2Label          map[string]string `json:"id2label"`
	NumLabels         *int              `json:"num_labels"`
	ProblemType       *string           `json:"problem_type"`
	InitializerRange  *float64          `json:"initializer_range"`
	HiddenAct         string            `json:"hidden_act"`
	Activation        string            `json:"activation"`
	LayerNormEps      *float64          `json:"layer_norm_eps"`
	ClassifierDropout *float64          `json:"classifier_dropout"`
	HiddenDropoutProb *float64          `json:"hidden_dropout_prob"`
	HiddenDropout     *float64          `json:"hidden_dropout"`
	SeqClassifDropout *float64          `json:"seq_classif_dropout"`
	Dropout           *float64          `json:"dropout"`
	QADropout         *float64          `json:"qa_dropout"`
	ClassifierPooling string            `json:"classifier_pooling"`
	ClassifierAct     string            `json:"classifier_activation"`
	ClassifierBias    bool              `json:"classifier_bias"`
	NormBias          bool              `json:"norm_bias"`
	NormEps           *float64          `json:"norm_eps"`
	DecoderBias       *bool             `json:"decoder_bias"`
	TieWordEmbeddings *bool             `json:"tie_word_embeddings"`
	PadTokenID        *int              `json:"pad_token_id"`
}

// check refuses numbers that no layer takes.
func (k keys) check() error {
	for _, f := range []struct {
		key string
		v   *float64
	}{{"classifier_dropout", k.ClassifierDropout}, {"hidden_dropout_prob", k.HiddenDropoutProb}, {"hidden_dropout", k.HiddenDropout},
		{"seq_classif_dropout", k.SeqClassifDropout}, {"dropout", k.Dropout}, {"qa_dropout", k.QADropout}} {
		if f.v != nil && !isRate(*f.v) {
			return fmt.Errorf("%s is %v, want 0 up to below 1", f.key, *f.v)
		}
	}
	for _, f := range []struct {
		key string
		v   *float64
	}{{"initializer_range", k.InitializerRange}, {"layer_norm_eps", k.LayerNormEps}, {"norm_eps", k.NormEps}} {
		if f.v != nil && !finiteFrom(*f.v, 0) {
			return fmt.Errorf("%s is %v, want 0 or more", f.key, *f.v)
		}
	}
	return nil
}

// labels are the class names in order of id.
func (k keys) labels() ([]string, error) {
	if k.ID2Label == nil {
		n := 2
		if k.NumLabels != nil {
			n = *k.NumLabels
		}
		if n < 1 {
			return nil, fmt.Errorf("num_labels is %d, want at least 1", n)
		}
		if err := inBounds(bound{"num_labels", n, maxClasses}); err != nil {
			return nil, err
		}
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprintf("LABEL_%d", i)
		}
		return out, nil
	}
	out := make([]string, len(k.ID2Label))
	if len(out) == 0 {
		return nil, fmt.Errorf("id2label is empty")
	}
	for key, l := range k.ID2Label {
		i, err := strconv.Atoi(key)
		if err != nil || i < 0 || i >= len(out) || key != strconv.Itoa(i) { // 01 and 1 would be one id
			return nil, fmt.Errorf("id2label has the id %q, want 0 to %d", key, len(out)-1)
		}
		out[i] = l
	}
	return out, nil
}

// configure sets the task config of a published class.
func (p *publisher) configure(task string) error {
	t := TaskConfig{Name: p.c.Class}
	var labels []string
	var err error
	if task == "ForSequenceClassification" || task == "ForTokenClassification" { // the classes that have classes
		if labels, err = p.keys.labels(); err != nil {
			return err
		}
	}
	switch task {
	case "ForSequenceClassification":
		t.TaskType, t.Labels, t.NumClasses = TextClassificationTask, labels, len(labels)
		p.kind = KindTextClassification
		if p.keys.ProblemType != nil {
			if t.ProblemType, err = ParseProblemType(*p.keys.ProblemType); err != nil {
				return err
			}
		}
	case "ForTokenClassification":
		t.TaskType, t.Labels, t.NumClasses = TokenClassificationTask, labels, len(labels)
		p.kind = KindTokenClassification
	case "ForQuestionAnswering":
		t.TaskType, p.kind = QuestionAnsweringTask, KindQuestionAnswering
	case "ForMaskedLM", "ForPreTraining":
		t.TaskType, t.VocabularySize, p.kind = MaskedLanguageModeling, p.c.VocabSize, KindTextGeneration
	case "ForCausalLM", "LMHeadModel":
		t.TaskType, t.VocabularySize, p.kind = TextGenerationTask, p.c.VocabSize, KindTextGeneration
	case "ForMultipleChoice":
		t.TaskType, p.kind = MultipleChoiceTask, KindMultipleChoice
	}
	// Class names may repeat in published files, so they skip TaskConfig's check.
	names := t.Labels
	t.Labels = nil
	if t, err = t.Validate(); err != nil {
		return err
	}
	if names != nil {
		t.Labels = names
	}
	p.task = t
	return nil
}

func firstOf(def float64, vs ...*float64) float32 {
	for _, v := range vs {
		if v != nil {
			return float32(*v)
		}
	}
	return float32(def)
}

func (p *publisher) activation(name, def string) tensor.Act {
	a, err := tensor.ParseAct(orString(name, def))
	if err != nil {
		p.b.Fail(fmt.Errorf("config.json: %w", err))
	}
	return a
}

func (p *publisher) classes() int { return p.task.NumClasses }

func (p *publisher) linear(name string, out int, bias bool) *nn.Linear {
	return p.b.Linear(name, p.dim, out, bias, p.init)
}

// bertRate is the dropout of BERT's and RoBERTa's heads.
func (p *publisher) bertRate() float32 {
	return firstOf(0.1, p.keys.ClassifierDropout, p.keys.HiddenDropoutProb)
}

var bertHeads = family{
	"ForSequenceClassification": func(p *publisher) {
		p.rows, p.rate, p.out = PooledRow, p.bertRate(), p.linear("classifier", p.classes(), true)
	},
	"ForTokenClassification": func(p *publisher) {
		p.rate, p.out = p.bertRate(), p.linear("classifier", p.classes(), true)
	},
	"ForQuestionAnswering": func(p *publisher) { p.out = p.linear("qa_outputs", 2, true) },
	"ForMaskedLM":          bertMaskedLM,
	"ForPreTraining":       bertMaskedLM,
	"ForMultipleChoice": func(p *publisher) {
		p.rows, p.rate, p.out = PooledRow, p.bertRate(), p.linear("classifier", 1, true)
	},
}

func bertMaskedLM(p *publisher) {
	p.dense = p.linear("cls.predictions.transform.dense", p.dim, true)
	p.act = p.activation(p.keys.HiddenAct, "gelu")
	p.norm = p.b.LayerNorm("cls.predictions.transform.LayerNorm", p.dim, float64(firstOf(1e-12, p.keys.LayerNormEps)), true)
	p.out = p.tied("cls.predictions.decoder.weight", "cls.predictions.bias", "cls.predictions.decoder.bias")
	p.passOver("cls.seq_relationship.weight", "cls.seq_relationship.bias")
}

// tied is an output layer whose weight is the word embeddings, with a bias of its
// own where one is named; duplicates that the file may hold are passed over.
func (p *publisher) tied(weight, bias string, more ...string) *nn.Linear {
	l := &nn.Linear{Weight: p.c.WordEmbeddings}
	p.b.Tied(weight, p.c.WordEmbeddings)
	if bias != "" {
		l.Bias = p.b.Param(bias, nn.Zeros, p.c.VocabSize)
		for _, m := range more {
			p.b.Tied(m, l.Bias)
		}
	}
	return l
}

// passOver names tensors that published files may hold and nobody reads.
func (p *publisher) passOver(names ...string) {
	for _, n := range names {
		p.b.Tied(n, tensor.Tensor{})
	}
}

var robertaHeads = family{
	"ForSequenceClassification": func(p *publisher) {
		p.rows, p.rate, p.first, p.act = FirstRow, p.bertRate(), true, tensor.ActTanh
		p.dense, p.out = p.linear("classifier.dense", p.dim, true), p.linear("classifier.out_proj", p.classes(), true)
	},
	"ForTokenClassification": bertHeads["ForTokenClassification"],
	"ForQuestionAnswering":   bertHeads["ForQuestionAnswering"],
	"ForMultipleChoice":      bertHeads["ForMultipleChoice"],
	"ForMaskedLM": func(p *publisher) {
		p.dense, p.act = p.linear("lm_head.dense", p.dim, true), tensor.ActGelu
		p.norm = p.b.LayerNorm("lm_head.layer_norm", p.dim, float64(firstOf(1e-5, p.keys.LayerNormEps)), true)
		p.out = p.tied("lm_head.decoder.weight", "lm_head.bias", "lm_head.decoder.bias")
		p.passOver("cls.seq_relationship.weight", "cls.seq_relationship.bias")
	},
}

var distilBERTHeads = family{
	"ForSequenceClassification": func(p *publisher) { distilClassifier(p, p.classes()) },
	"ForMultipleChoice":         func(p *publisher) { distilClassifier(p, 1) },
	"ForTokenClassification": func(p *publisher) {
		p.rate, p.out = firstOf(0.1, p.keys.Dropout), p.linear("classifier", p.classes(), true)
	},
	"ForQuestionAnswering": func(p *publisher) {
		p.rate, p.out = firstOf(0.1, p.keys.QADropout), p.linear("qa_outputs", 2, true)
	},
	"ForMaskedLM": func(p *publisher) {
		p.dense, p.act = p.linear("vocab_transform", p.dim, true), p.activation(p.keys.Activation, "gelu")
		p.norm = p.b.LayerNorm("vocab_layer_norm", p.dim, 1e-12, true)
		p.out = p.tied("vocab_projector.weight", "vocab_projector.bias")
	},
}

func distilClassifier(p *publisher, classes int) {
	p.rows, p.rate, p.act = FirstRow, firstOf(0.2, p.keys.SeqClassifDropout), tensor.ActRelu
	p.dense, p.out = p.linear("pre_classifier", p.dim, true), p.linear("classifier", classes, true)
}

// modernHead is HEAD of spec 4.9: head.dense -> activation -> head.norm.
func modernHead(p *publisher) {
	p.dense, p.act = p.linear("head.dense", p.dim, p.keys.ClassifierBias), p.activation(p.keys.ClassifierAct, "gelu")
	p.norm = p.b.LayerNorm("head.norm", p.dim, float64(firstOf(1e-5, p.keys.NormEps)), p.keys.NormBias)
	p.rate = firstOf(0, p.keys.ClassifierDropout)
}

var modernBERTHeads = family{
	"ForSequenceClassification": func(p *publisher) {
		switch orString(p.keys.ClassifierPooling, "cls") {
		case "cls":
			p.rows = FirstRow
		case "mean":
			p.rows = MeanRow
		default:
			p.b.Fail(fmt.Errorf("config.json: classifier_pooling %q is unknown, want cls or mean: %w", p.keys.ClassifierPooling, tensor.ErrUnsupported))
		}
		modernHead(p)
		p.out = p.linear("classifier", p.classes(), true)
	},
	"ForTokenClassification": func(p *publisher) { modernHead(p); p.out = p.linear("classifier", p.classes(), true) },
	"ForQuestionAnswering":   func(p *publisher) { modernHead(p); p.out = p.linear("classifier", 2, true) },
	"ForMaskedLM": func(p *publisher) {
		modernHead(p)
		p.rate = 0
		bias := "decoder.bias"
		if p.keys.DecoderBias != nil && !*p.keys.DecoderBias {
			bias = ""
		}
		p.out = p.tied("decoder.weight", bias)
	},
}

// lmHead is the output layer of a causal model, tied or its own.
func lmHead(p *publisher, tiedByDefault bool) {
	tie := tiedByDefault
	if p.keys.TieWordEmbeddings != nil {
		tie = *p.keys.TieWordEmbeddings
	}
	if tie {
		p.out = p.tied("lm_head.weight", "")
		return
	}
	p.out = p.linear("lm_head", p.c.VocabSize, false)
}

// causalRate is the dropout of the token heads of Qwen3 and GPT-2.
func (p *publisher) causalRate() float32 {
	return firstOf(0.1, p.keys.ClassifierDropout, p.keys.HiddenDropout)
}

var qwen3Heads = family{
	"ForCausalLM": func(p *publisher) { lmHead(p, false) },
	"ForSequenceClassification": func(p *publisher) {
		p.rows, p.out = LastNonPad, p.linear("score", p.classes(), false)
	},
	"ForTokenClassification": func(p *publisher) {
		p.rate, p.out = p.causalRate(), p.linear("score", p.classes(), true)
	},
	"ForQuestionAnswering": func(p *publisher) { p.out = p.linear("qa_outputs", 2, true) },
}

var gpt2Heads = family{
	"LMHeadModel":               func(p *publisher) { lmHead(p, true) },
	"ForSequenceClassification": qwen3Heads["ForSequenceClassification"],
	"ForTokenClassification": func(p *publisher) {
		p.rate, p.out = p.causalRate(), p.linear("classifier", p.classes(), true)
	},
	"ForQuestionAnswering": qwen3Heads["ForQuestionAnswering"],
}
