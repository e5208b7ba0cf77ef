package encoders

import (
	"fmt"
	"sort"
	"strings"

	"github.com/cephalo-ml/cephalo/tensor"
)

// families are the values of model_type that are known.
var families = map[string]func(*reader, string) Model{
	"bert": parseBERT, "roberta": parseBERT, "xlm-roberta": parseBERT, "distilbert": parseBERT,
	"modernbert": parseModernBERT, "qwen3": parseQwen3, "gpt2": parseGPT2,
}

// ModelTypes lists the values of model_type that Parse knows, sorted.
func ModelTypes() []string {
	var names []string
	for n := range families {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Parse reads a config.json. Errors: an unknown model_type (listing the known), a
// value out of range, a key that changes results and is not supported.
func Parse(raw []byte) (Model, error) {
	r, err := newReader(raw)
	if err != nil {
		return nil, err
	}
	mt := r.str("", "model_type")
	if r.err != nil {
		return nil, r.err
	}
	parse, ok := families[mt]
	if !ok {
		return nil, fmt.Errorf("config.json: model_type %q is unknown, want one of %s: %w", mt, strings.Join(ModelTypes(), ", "), tensor.ErrUnsupported)
	}
	m := parse(r, mt)
	if r.err != nil {
		return nil, r.err
	}
	return m, nil
}

// Candidates are the names under which a file may hold a parameter of m: with and
// without the family's prefix, layer norms as weight and bias or gamma and beta.
func Candidates(m Model) func(name string) []string {
	prefix := m.Prefix() + "."
	return func(name string) []string {
		bare, had := strings.CutPrefix(name, prefix)
		names := []string{name}
		if had {
			names = append(names, bare)
		} else {
			names = append(names, prefix+name)
			bare = name
		}
		if prefix == "model." { // Qwen3ForQuestionAnswering keeps its encoder there
			names = append(names, "transformer."+bare)
		}
		for _, n := range names[:2] {
			if old, ok := oldNormName(n); ok {
				names = append(names, old)
			}
		}
		return names
	}
}

// oldNormName is TensorFlow's name of a layer norm parameter, which early
// exports of BERT kept.
func oldNormName(name string) (string, bool) {
	for now, then := range map[string]string{".weight": ".gamma", ".bias": ".beta"} {
		if base, ok := strings.CutSuffix(name, now); ok && strings.HasSuffix(base, "LayerNorm") {
			return base + then, true
		}
	}
	return "", false
}

// Ignores says whether a tensor of a file is a buffer of m that nobody reads.
func Ignores(m Model) func(name string) bool {
	return func(name string) bool { return m.Ignores(strings.TrimPrefix(name, m.Prefix()+".")) }
}
