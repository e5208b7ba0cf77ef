package tokenizers

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// loadJSON reads tokenizer.json.
func (f *folder) loadJSON(data []byte) (*Tokenizer, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not UTF-8")
	}
	parts := map[string]json.RawMessage{}
	s := &jsonScanner{data: data}
	err := s.object(func(key []byte) error {
		name := string(key)
		raw, err := s.value()
		parts[name] = raw
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.peek() != 0 {
		return nil, s.fail("the end")
	}
	version := "1.0"
	if err := optional(parts, "version", &version); err != nil {
		return nil, err
	}
	if version != "1.0" {
		return nil, fmt.Errorf("version %q is not known, want 1.0", version)
	}
	t := &Tokenizer{added: newAddedVocabulary()}
	if t.model, err = parseModel(parts["model"]); err != nil {
		return nil, err
	}
	if err := f.overrideParts(parts); err != nil {
		return nil, err
	}
	if t.normalizer, err = parseNormalizer(parts["normalizer"]); err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	if t.splits, err = parsePreTokenizer(parts["pre_tokenizer"]); err != nil {
		return nil, fmt.Errorf("pre_tokenizer: %w", err)
	}
	if t.post, err = parsePostProcessor(parts["post_processor"]); err != nil {
		return nil, fmt.Errorf("post_processor: %w", err)
	}
	if t.decoder, err = parseDecoder(parts["decoder"]); err != nil {
		return nil, fmt.Errorf("decoder: %w", err)
	}
	var added []addedToken
	if raw := parts["added_tokens"]; raw != nil {
		if err := json.Unmarshal(raw, &added); err != nil {
			return nil, fmt.Errorf("added_tokens: %w", err)
		}
	}
	for _, a := range added {
		// The library numbers added tokens by itself, and so do their ids in the file.
		t.added.add(a, -1, t.model)
	}
	return t, nil
}

// overrideParts does what transformers' classes do when tokenizer_config.json says another thing than
// tokenizer.json: BERT's normalizer, and the space in front of byte-level words.
func (f *folder) overrideParts(parts map[string]json.RawMessage) error {
	c := f.config
	set := func(part, kind string, values map[string]any) error {
		got, err := partType(parts[part])
		if err != nil || got != kind {
			return err
		}
		fields := map[string]any{}
		if err := json.Unmarshal(parts[part], &fields); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
		for k, v := range values {
			fields[k] = v
		}
		parts[part], err = json.Marshal(fields)
		return err
	}
	if c.isBERT() && c.Lowercase != nil {
		values := map[string]any{"lowercase": *c.Lowercase, "strip_accents": c.StripAccents}
		if c.Chinese != nil {
			values["handle_chinese_chars"] = *c.Chinese
		}
		if err := set("normalizer", "BertNormalizer", values); err != nil {
			return err
		}
	}
	if c.isByteLevel() && c.AddPrefixSpace != nil {
		values := map[string]any{"add_prefix_space": *c.AddPrefixSpace}
		if err := set("pre_tokenizer", "ByteLevel", values); err != nil {
			return err
		}
		return set("post_processor", "RobertaProcessing", values)
	}
	return nil
}

// class is the tokenizer's class without the Fast at its end.
func (c *tokenizerConfig) class() string { return strings.TrimSuffix(c.Class, "Fast") }

func (c *tokenizerConfig) isBERT() bool {
	switch c.class() {
	case "BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer", "MobileBertTokenizer", "SqueezeBertTokenizer",
		"ConvBertTokenizer", "LayoutLMTokenizer", "DPRQuestionEncoderTokenizer", "DPRContextEncoderTokenizer", "DPRReaderTokenizer":
		return true
	}
	return false
}

func (c *tokenizerConfig) isByteLevel() bool {
	switch c.class() {
	case "GPT2Tokenizer", "RobertaTokenizer", "BartTokenizer", "LongformerTokenizer", "Qwen2Tokenizer":
		return true
	}
	return false
}

// parseModel reads the "model" of tokenizer.json.
func parseModel(raw json.RawMessage) (model, error) {
	if raw == nil {
		return nil, errors.New("no model")
	}
	fields := map[string]json.RawMessage{}
	s := &jsonScanner{data: raw}
	if err := s.object(func(key []byte) error {
		name := string(key)
		value, err := s.value()
		fields[name] = value
		return err
	}); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	}
	kind := ""
	if raw := fields["type"]; raw != nil {
		if err := json.Unmarshal(raw, &kind); err != nil {
			return nil, err
		}
	}
	if kind == "" { // old files leave it out
		switch {
		case fields["merges"] != nil:
			kind = "BPE"
		case fields["max_input_chars_per_word"] != nil:
			kind = "WordPiece"
		case fields["unk_id"] != nil:
			kind = "Unigram"
		default:
			kind = "WordLevel"
		}
	}
	if fields["vocab"] == nil {
		return nil, fmt.Errorf("model %s: no vocab", kind)
	}
	switch kind {
	case "WordPiece":
		return parseWordPiece(fields)
	case "WordLevel":
		v, err := parseVocabulary(fields["vocab"])
		if err != nil {
			return nil, err
		}
		unknown := "<unk>"
		err = optional(fields, "unk_token", &unknown)
		return &wordLevel{v, unknown}, err
	case "BPE":
		return parseBPE(fields)
	case "Unigram":
		return parseUnigram(fields)
	}
	return nil, fmt.Errorf("model of type %q is not known", kind)
}

// optional fills v from a field that is there.
func optional(fields map[string]json.RawMessage, name string, v any) error {
	raw, ok := fields[name]
	if !ok {
		return nil
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func parseWordPiece(fields map[string]json.RawMessage) (model, error) {
	v, err := parseVocabulary(fields["vocab"])
	if err != nil {
		return nil, err
	}
	unknown, prefix, maxChars := "[UNK]", "##", 100
	if err := optional(fields, "unk_token", &unknown); err != nil {
		return nil, err
	}
	if err := optional(fields, "continuing_subword_prefix", &prefix); err != nil {
		return nil, err
	}
	if err := optional(fields, "max_input_chars_per_word", &maxChars); err != nil {
		return nil, err
	}
	return newWordPiece(v, unknown, prefix, maxChars), nil
}

// parseVocabulary reads {"token": id, …}.
func parseVocabulary(raw []byte) (*vocabulary, error) {
	n := 0
	s := &jsonScanner{data: raw}
	if err := s.object(func([]byte) error { n++; return s.skip(0) }); err != nil {
		return nil, fmt.Errorf("model vocab: %w", err)
	}
	v := newVocabulary(n)
	var names interner
	s = &jsonScanner{data: raw}
	err := s.object(func(key []byte) error {
		token := names.intern(key)
		id, err := s.integer()
		if err != nil {
			return err
		}
		return v.put(token, id)
	})
	if err != nil {
		return nil, fmt.Errorf("model vocab: %w", err)
	}
	return v, nil
}

func parseBPE(fields map[string]json.RawMessage) (model, error) {
	v, err := parseVocabulary(fields["vocab"])
	if err != nil {
		return nil, err
	}
	var c bpeConfig
	for name, to := range map[string]any{
		"unk_token": &c.Unknown, "continuing_subword_prefix": &c.Prefix, "end_of_word_suffix": &c.Suffix,
		"fuse_unk": &c.FuseUnknown, "byte_fallback": &c.ByteFallback, "ignore_merges": &c.IgnoreMerges, "dropout": &c.Dropout,
	} {
		if err := optional(fields, name, to); err != nil {
			return nil, err
		}
	}
	m, err := newBPE(v, c)
	if err != nil {
		return nil, err
	}
	if fields["merges"] == nil {
		return nil, fmt.Errorf("model BPE: no merges")
	}
	if err := m.parseMerges(fields["merges"]); err != nil {
		return nil, fmt.Errorf("model merges: %w", err)
	}
	return m, nil
}

// parseMerges reads ["a b", …] or [["a", "b"], …].
func (m *bpe) parseMerges(raw []byte) error {
	s := &jsonScanner{data: raw}
	var pair [2]string
	rank := 0
	return s.array(func() error {
		if s.peek() == '[' {
			n := 0
			if err := s.array(func() error {
				part, err := s.str()
				if err == nil && n < len(pair) {
					pair[n] = string(part)
				}
				n++
				return err
			}); err != nil {
				return err
			}
			if n != len(pair) {
				return fmt.Errorf("merge %d has %d parts, want 2", rank, n)
			}
		} else {
			line, err := s.str()
			if err != nil {
				return err
			}
			if strings.HasPrefix(string(line), "#version") {
				return nil
			}
			if pair, err = splitMerge(string(line), rank); err != nil {
				return err
			}
		}
		rank++
		return m.addMerge(rank-1, pair[0], pair[1])
	})
}

// splitMerge reads "a b".
func splitMerge(line string, rank int) ([2]string, error) {
	a, b, ok := strings.Cut(line, " ")
	if !ok || strings.Contains(b, " ") {
		return [2]string{}, fmt.Errorf("merge %d is %q, want two parts with a space between", rank, line)
	}
	return [2]string{a, b}, nil
}

func parseUnigram(fields map[string]json.RawMessage) (model, error) {
	n := 0
	s := &jsonScanner{data: fields["vocab"]}
	if err := s.array(func() error { n++; return s.skip(0) }); err != nil {
		return nil, fmt.Errorf("model vocab: %w", err)
	}
	v := newVocabulary(n)
	scores := make([]float64, 0, n)
	pieces := make([]trieEntry, 0, n)
	var names interner
	s = &jsonScanner{data: fields["vocab"]}
	err := s.array(func() error {
		i := 0
		return s.array(func() error {
			defer func() { i++ }()
			switch i {
			case 0:
				b, err := s.str()
				if err != nil {
					return err
				}
				token := names.intern(b)
				pieces = append(pieces, trieEntry{token, int32(len(pieces))})
				return v.put(token, int64(len(pieces)-1))
			case 1:
				score, err := s.float()
				scores = append(scores, score)
				return err
			}
			return s.fail("a piece and its score")
		})
	})
	if err != nil {
		return nil, fmt.Errorf("model vocab: %w", err)
	}
	if len(scores) != len(pieces) {
		return nil, fmt.Errorf("model vocab: %d pieces and %d scores", len(pieces), len(scores))
	}
	var unknown *int32
	byteFallback := false
	if err := optional(fields, "unk_id", &unknown); err != nil {
		return nil, err
	}
	if err := optional(fields, "byte_fallback", &byteFallback); err != nil {
		return nil, err
	}
	id := int32(-1)
	if unknown != nil {
		if id = *unknown; id < 0 {
			return nil, fmt.Errorf("unk_id %d, want 0 or more", id)
		}
	}
	return newUnigram(v, scores, pieces, id, byteFallback)
}
