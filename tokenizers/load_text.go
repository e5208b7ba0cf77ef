package tokenizers

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// loadVocabText reads BERT's vocab.txt: a token a line, its number the id.
func (f *folder) loadVocabText(data []byte) (*Tokenizer, error) {
	if class := f.config.class(); class != "" && !f.config.isBERT() {
		return nil, fmt.Errorf("tokenizer class %q is not known with vocab.txt, want BertTokenizer or one built on it", f.config.Class)
	}
	text := strings.TrimSuffix(string(data), "\n")
	lines := strings.Split(text, "\n")
	v := newVocabulary(len(lines))
	for i, line := range lines {
		if err := v.put(strings.TrimSuffix(line, "\r"), int64(i)); err != nil {
			return nil, err
		}
	}
	c := f.config
	lower := c.Lowercase == nil || *c.Lowercase
	accents := lower
	if c.StripAccents != nil {
		accents = *c.StripAccents
	}
	t := &Tokenizer{
		added:      newAddedVocabulary(),
		normalizer: newBertNormalizer(true, c.Chinese == nil || *c.Chinese, accents, lower),
		splits:     []preTokenizer{bertPreTokenizer{unicodeTables()}},
		model:      newWordPiece(v, f.specialText("unk_token", "[UNK]"), "##", 100),
		decoder:    wordPieceDecoder{"##", true},
		post:       &postProcessor{},
	}
	var err error
	if t.post, err = f.wrapped(t, "[CLS]", "[SEP]", false); err != nil {
		return nil, err
	}
	f.addUsual(t, "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
	return t, nil
}

// wrapped gives the template of BERT or RoBERTa with the folder's special tokens.
func (f *folder) wrapped(t *Tokenizer, cls, sep string, roberta bool) (*postProcessor, error) {
	c, err := f.named(t, "cls_token", cls)
	if err != nil {
		return nil, err
	}
	s, err := f.named(t, "sep_token", sep)
	if err != nil {
		return nil, err
	}
	p := &postProcessor{}
	return p, p.wrap(c, s, roberta)
}

// named gives the special token of a use and its id.
func (f *folder) named(t *Tokenizer, use, otherwise string) (namedID, error) {
	text := f.specialText(use, otherwise)
	id, ok := t.model.tokenToID(text)
	if !ok {
		return namedID{}, fmt.Errorf("%s %q is not in the vocabulary", use, text)
	}
	return namedID{text, id}, nil
}

// addUsual adds the usual special tokens that the folder's files do not name otherwise.
func (f *folder) addUsual(t *Tokenizer, tokens ...string) {
	uses := map[string]string{
		"[CLS]": "cls_token", "[SEP]": "sep_token", "[PAD]": "pad_token", "[MASK]": "mask_token", "[UNK]": "unk_token",
		"<pad>": "pad_token", "<mask>": "mask_token", "<unk>": "unk_token", "<s>": "bos_token", "</s>": "eos_token",
	}
	for _, text := range tokens {
		if _, ok := f.special[uses[text]]; ok {
			continue
		}
		f.addSpecial(t, []specialToken{{addedToken: addedToken{Content: text, Special: true, LStrip: text == "<mask>"}}})
	}
}

// loadVocabJSON reads vocab.json and merges.txt: byte-level BPE of GPT-2, RoBERTa or Qwen.
func (f *folder) loadVocabJSON(data []byte) (*Tokenizer, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("not UTF-8")
	}
	v, err := parseVocabulary(data)
	if err != nil {
		return nil, err
	}
	merges, err := f.read("merges.txt")
	if err != nil {
		return nil, err
	}
	if merges == nil {
		return nil, fmt.Errorf("no merges.txt beside it")
	}
	m, err := newBPE(v, bpeConfig{})
	if err != nil {
		return nil, err
	}
	if err := m.readMerges(string(merges)); err != nil {
		return nil, fmt.Errorf("merges.txt: %w", err)
	}
	t := &Tokenizer{added: newAddedVocabulary(), model: m, decoder: byteLevelDecoder{}}
	t.post = &postProcessor{single: defaultSingle, pair: defaultPair}
	prefixSpace := f.config.AddPrefixSpace != nil && *f.config.AddPrefixSpace
	switch kind := f.byteLevelKind(); kind {
	case "qwen":
		split, err := newRegex(patternQwen)
		if err != nil {
			return nil, err
		}
		t.normalizer = formNormalizer{unicodeTables(), form{compose: true}}
		t.splits = []preTokenizer{splitter{split, isolated, false}, newByteLevel(prefixSpace, false)}
	case "roberta":
		t.splits = []preTokenizer{newByteLevel(prefixSpace, true)}
		if t.post, err = f.wrapped(t, "<s>", "</s>", true); err != nil {
			return nil, err
		}
		t.post.trims = []trim{{addPrefixSpace: prefixSpace}}
		f.addUsual(t, "<s>", "<pad>", "</s>", "<unk>", "<mask>")
	case "gpt2":
		t.splits = []preTokenizer{newByteLevel(prefixSpace, true)}
		if f.config.AddBOS != nil && *f.config.AddBOS {
			named, err := f.named(t, "bos_token", "<|endoftext|>")
			if err != nil {
				return nil, err
			}
			bos := part{-1, named.id, named.token, 0}
			t.post.single = []part{bos, {sequence: 0}}
			t.post.pair = []part{bos, {sequence: 0}, {sequence: 1, typeID: 1}}
		}
		f.addSpecial(t, []specialToken{{addedToken: addedToken{Content: "<|endoftext|>", Special: true}}})
	default:
		return nil, fmt.Errorf("tokenizer class %q is not known with vocab.json, want GPT2Tokenizer, RobertaTokenizer or Qwen2Tokenizer", kind)
	}
	return t, nil
}

// byteLevelKind tells the three byte-level tokenizers apart: by the class, else by the model's type.
func (f *folder) byteLevelKind() string {
	switch class := f.config.class(); class {
	case "Qwen2Tokenizer":
		return "qwen"
	case "RobertaTokenizer", "BartTokenizer", "LongformerTokenizer":
		return "roberta"
	case "GPT2Tokenizer":
		return "gpt2"
	case "":
	default:
		return class
	}
	switch f.config.ModelType {
	case "qwen2", "qwen3", "qwen2_moe", "qwen3_moe":
		return "qwen"
	case "roberta", "bart", "longformer":
		return "roberta"
	}
	return "gpt2"
}

// readMerges reads merges.txt: a merge a line, after a line that begins with #version.
func (m *bpe) readMerges(text string) error {
	m.merges.grow(strings.Count(text, "\n") + 1)
	rank := 0
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "#version") {
			continue
		}
		pair, err := splitMerge(line, rank)
		if err != nil {
			return err
		}
		if err := m.addMerge(rank, pair[0], pair[1]); err != nil {
			return err
		}
		rank++
	}
	return nil
}
