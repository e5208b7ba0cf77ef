package cephalo

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"

	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
)

// sentence is what modules.json of a sentence-transformers folder puts behind the
// encoder.
type sentence struct {
	poolings  []tensor.Pooling
	dense     []dense
	weights   []*nn.Weights
	normalize bool
	prompts   map[string]string
	byDefault string // name of the prompt that is used unless another is asked for
}

type dense struct {
	in, out int
	act     tensor.Act
	layer   *nn.Linear
}

// promptOf is the text to put before an input: a prompt of that name, else the
// text itself; "" is the folder's default.
func (s *sentence) promptOf(asked string) (string, error) {
	if asked == "" {
		if s.byDefault == "" {
			return "", nil
		}
		p, ok := s.prompts[s.byDefault]
		if !ok {
			return "", fmt.Errorf("default_prompt_name %q is not one of the folder's prompts", s.byDefault)
		}
		return p, nil
	}
	if p, ok := s.prompts[asked]; ok {
		return p, nil
	}
	return asked, nil
}

// readSentence reads modules.json and what it names; nil where there is none.
func (m *Model) readSentence(ctx context.Context) (*sentence, error) {
	var modules []struct {
		Path string `json:"path"`
		Type string `json:"type"`
	}
	ok, err := m.folder.sideFile("modules.json", &modules)
	if err != nil || !ok {
		return nil, err
	}
	s := &sentence{}
	for _, mod := range modules {
		kind := mod.Type[strings.LastIndexByte(mod.Type, '.')+1:]
		switch kind {
		case "Transformer":
		case "Pooling":
			err = m.readPooling(s, mod.Path)
		case "Dense":
			err = m.readDense(ctx, s, mod.Path)
		case "Normalize":
			s.normalize = true
		default:
			err = fmt.Errorf("modules.json: module type %q is not supported, want Transformer, Pooling, Dense or Normalize: %w", mod.Type, tensor.ErrUnsupported)
		}
		if err != nil {
			s.release()
			return nil, err
		}
	}
	var cfg struct {
		Prompts map[string]string `json:"prompts"`
		Default *string           `json:"default_prompt_name"`
	}
	if _, err := m.folder.sideFile("config_sentence_transformers.json", &cfg); err != nil {
		s.release()
		return nil, err
	}
	s.prompts = cfg.Prompts
	if cfg.Default != nil {
		s.byDefault = *cfg.Default
	}
	return s, nil
}

func (s *sentence) release() {
	if s == nil {
		return
	}
	for _, w := range s.weights {
		w.Release()
	}
}

// poolingModes are the keys of a Pooling module that are served, in the order in
// which sentence-transformers concatenates them.
var poolingModes = []struct {
	key string
	how tensor.Pooling
}{
	{"pooling_mode_cls_token", tensor.PoolCLS}, {"pooling_mode_max_tokens", tensor.PoolMax},
	{"pooling_mode_mean_tokens", tensor.PoolMean}, {"pooling_mode_lasttoken", tensor.PoolLast},
}

func (m *Model) readPooling(s *sentence, dir string) error {
	name := path.Join(dir, "config.json")
	var cfg map[string]any
	ok, err := m.folder.sideFile(name, &cfg)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%s is missing", name)
	}
	known := map[string]bool{"include_prompt": true, "word_embedding_dimension": true, "embedding_dimension": true}
	for _, p := range poolingModes {
		known[p.key] = true
		if on, _ := cfg[p.key].(bool); on {
			s.poolings = append(s.poolings, p.how)
		}
	}
	if mode, ok := cfg["pooling_mode"].(string); ok { // the newer spelling
		p, err := tensor.ParsePooling(strings.Replace(mode, "lasttoken", "last", 1))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.poolings, known["pooling_mode"] = []tensor.Pooling{p}, true
	}
	var names []string
	for k := range cfg {
		names = append(names, k)
	}
	sort.Strings(names)
	for _, k := range names {
		if on, isBool := cfg[k].(bool); !known[k] && (!isBool || on) {
			return fmt.Errorf("%s: %s = %v is not supported: %w", name, k, cfg[k], tensor.ErrUnsupported)
		}
	}
	if on, ok := cfg["include_prompt"].(bool); ok && !on {
		return fmt.Errorf("%s: include_prompt = false is not supported: %w", name, tensor.ErrUnsupported)
	}
	if len(s.poolings) == 0 {
		return fmt.Errorf("%s names no pooling mode", name)
	}
	return nil
}

func (m *Model) readDense(ctx context.Context, s *sentence, dir string) error {
	name := path.Join(dir, "config.json")
	var cfg struct {
		In   int    `json:"in_features"`
		Out  int    `json:"out_features"`
		Bias *bool  `json:"bias"`
		Act  string `json:"activation_function"`
	}
	ok, err := m.folder.sideFile(name, &cfg)
	if err != nil {
		return err
	}
	if !ok || cfg.In < 1 || cfg.Out < 1 {
		return fmt.Errorf("%s: want in_features and out_features of at least 1", name)
	}
	d := dense{in: cfg.In, out: cfg.Out}
	switch act := cfg.Act[strings.LastIndexByte(cfg.Act, '.')+1:]; act {
	case "", "Tanh": // sentence-transformers' default
		d.act = tensor.ActTanh
	case "Identity":
		d.act = tensor.ActNone
	case "ReLU":
		d.act = tensor.ActRelu
	case "GELU":
		d.act = tensor.ActGelu
	case "SiLU":
		d.act = tensor.ActSilu
	case "Sigmoid":
		d.act = tensor.ActSigmoid
	default:
		return fmt.Errorf("%s: activation_function %q is not supported: %w", name, cfg.Act, tensor.ErrUnsupported)
	}
	sub, err := fs.Sub(m.folder.fsys, dir)
	if err != nil {
		return err
	}
	src, err := safetensors.OpenFolder(sub)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	defer src.Close()
	b := nn.NewBuilder(ctx, m.backend, nn.Options{Source: src})
	d.layer = b.Linear("linear", cfg.In, cfg.Out, cfg.Bias == nil || *cfg.Bias, nn.Zeros)
	w, err := b.Finish(nil)
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	s.weights, s.dense = append(s.weights, w), append(s.dense, d)
	return nil
}
