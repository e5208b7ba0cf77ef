package tokenizers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// Load opens the tokenizer of a Hugging Face model folder.
func Load(dir string) (*Tokenizer, error) {
	t, err := LoadFS(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return t, nil
}

// folder is the small files of a model folder.
type folder struct {
	fsys    fs.FS
	config  tokenizerConfig
	special map[string]specialToken // by use, such as mask_token
	extra   []specialToken          // additional_special_tokens
	added   map[string]int32        // added_tokens.json
}

// LoadFS opens the tokenizer of a Hugging Face model folder. It looks for tokenizer.json, then for vocab.txt,
// vocab.json with merges.txt, spiece.model.
func LoadFS(fsys fs.FS) (*Tokenizer, error) {
	f := folder{fsys: fsys}
	if err := f.readConfig(); err != nil {
		return nil, fmt.Errorf("tokenizers: load: %w", err)
	}
	loaders := []struct {
		file string
		load func([]byte) (*Tokenizer, error)
	}{
		{"tokenizer.json", f.loadJSON}, {"vocab.txt", f.loadVocabText}, {"vocab.json", f.loadVocabJSON},
		{"spiece.model", f.loadSentencePiece}, {"sentencepiece.bpe.model", f.loadSentencePiece}, {"tokenizer.model", f.loadSentencePiece},
	}
	var names []string
	for _, l := range loaders {
		names = append(names, l.file)
		data, err := f.read(l.file)
		if err != nil {
			return nil, fmt.Errorf("tokenizers: load: %w", err)
		}
		if data == nil {
			continue
		}
		t, err := l.load(data)
		if err != nil {
			return nil, fmt.Errorf("tokenizers: load %s: %w", l.file, err)
		}
		if err := f.finish(t); err != nil {
			return nil, fmt.Errorf("tokenizers: load %s: %w", l.file, err)
		}
		return t, nil
	}
	return nil, fmt.Errorf("tokenizers: load: the folder has none of %s: %w", strings.Join(names, ", "), fs.ErrNotExist)
}

// read gives a file's bytes, nil if there is none.
func (f *folder) read(name string) ([]byte, error) {
	data, err := fs.ReadFile(f.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && data == nil {
		data = []byte{}
	}
	return data, err
}

// readJSON fills v from a file, if there is one.
func (f *folder) readJSON(name string, v any) error {
	data, err := f.read(name)
	if err != nil || data == nil {
		return err
	}
	if err := json.Unmarshal(data, v); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// tokenizerConfig is what of tokenizer_config.json counts here.
type tokenizerConfig struct {
	Class          string                `json:"tokenizer_class"`
	MaxLength      *float64              `json:"model_max_length"`
	CleanUp        *bool                 `json:"clean_up_tokenization_spaces"`
	PaddingSide    string                `json:"padding_side"`
	TruncationSide string                `json:"truncation_side"`
	Lowercase      *bool                 `json:"do_lower_case"`
	StripAccents   *bool                 `json:"strip_accents"`
	Chinese        *bool                 `json:"tokenize_chinese_chars"`
	AddPrefixSpace *bool                 `json:"add_prefix_space"`
	AddBOS         *bool                 `json:"add_bos_token"`
	AddEOS         *bool                 `json:"add_eos_token"`
	KeepAccents    *bool                 `json:"keep_accents"`
	Added          map[string]addedToken `json:"added_tokens_decoder"`
	ModelType      string                `json:"-"` // model_type of config.json
}

// specialToken is a special token by its use: a text, or an added token.
type specialToken struct {
	addedToken
	flags bool // the file gives the added token's flags
}

func (s *specialToken) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '{' {
		s.flags = true
		err := json.Unmarshal(raw, &s.addedToken)
		s.Special = true
		return err
	}
	s.addedToken = addedToken{Special: true}
	var text *string
	err := json.Unmarshal(raw, &text)
	if text != nil {
		s.Content = *text
	}
	return err
}

// specialUses are the keys of special tokens, in the order of Special's fields.
var specialUses = []string{"cls_token", "sep_token", "pad_token", "mask_token", "unk_token", "bos_token", "eos_token"}

// readConfig reads the small files.
func (f *folder) readConfig() error {
	f.special = map[string]specialToken{}
	if err := f.readJSON("tokenizer_config.json", &f.config); err != nil {
		return err
	}
	var model struct {
		ModelType string `json:"model_type"`
	}
	if err := f.readJSON("config.json", &model); err != nil {
		return err
	}
	f.config.ModelType = model.ModelType
	if err := f.readJSON("added_tokens.json", &f.added); err != nil {
		return err
	}
	for _, name := range []string{"special_tokens_map.json", "tokenizer_config.json"} { // the later counts
		fields := map[string]json.RawMessage{}
		if err := f.readJSON(name, &fields); err != nil {
			return err
		}
		for _, use := range specialUses {
			if raw, ok := fields[use]; ok {
				var s specialToken
				if err := json.Unmarshal(raw, &s); err != nil {
					return fmt.Errorf("%s: %s: %w", name, use, err)
				}
				if old, ok := f.special[use]; !ok || s.flags || old.Content != s.Content {
					f.special[use] = s
				}
			}
		}
		if raw, ok := fields["additional_special_tokens"]; ok {
			f.extra = nil
			if err := json.Unmarshal(raw, &f.extra); err != nil {
				return fmt.Errorf("%s: additional_special_tokens: %w", name, err)
			}
		}
	}
	return nil
}

// specialText gives the special token of a use, or what it is when the files are silent.
func (f *folder) specialText(use, otherwise string) string {
	if s, ok := f.special[use]; ok {
		return s.Content
	}
	return otherwise
}

// addSpecial has the special tokens that the model or the added tokens know cut out of text, and marks them.
func (f *folder) addSpecial(t *Tokenizer, tokens []specialToken) {
	for _, s := range tokens {
		if _, ok := t.added.byText[s.Content]; ok || s.Content == "" {
			continue
		}
		if _, ok := t.model.tokenToID(s.Content); ok {
			t.added.add(s.addedToken, -1, t.model)
		}
	}
}

// addFiles adds the tokens of added_tokens_decoder, else of added_tokens.json, then the special tokens.
func (f *folder) addFiles(t *Tokenizer) error {
	type numbered struct {
		id int32
		t  addedToken
	}
	var list []numbered
	for key, token := range f.config.Added {
		var id int32
		if err := json.Unmarshal([]byte(key), &id); err != nil || id < 0 {
			return fmt.Errorf("tokenizer_config.json: added_tokens_decoder: %q, want an id", key)
		}
		list = append(list, numbered{id, token})
	}
	special := f.allSpecial()
	if len(list) == 0 {
		for text, id := range f.added {
			if id < 0 {
				return fmt.Errorf("added_tokens.json: %q has id %d, want 0 or more", text, id)
			}
			is := slices.ContainsFunc(special, func(s specialToken) bool { return s.Content == text })
			list = append(list, numbered{id, addedToken{Content: text, Normalized: !is, Special: is}})
		}
	}
	slices.SortFunc(list, func(a, b numbered) int { return int(a.id) - int(b.id) })
	for _, n := range list {
		t.added.add(n.t, n.id, t.model)
	}
	f.addSpecial(t, special)
	return nil
}

// allSpecial gives the special tokens that the files name.
func (f *folder) allSpecial() []specialToken {
	var out []specialToken
	for _, use := range specialUses {
		if s, ok := f.special[use]; ok && s.Content != "" {
			out = append(out, s)
		}
	}
	return append(out, f.extra...)
}

// maxSensibleLength is the length from which on model_max_length means "no limit" (transformers writes 1e30).
const maxSensibleLength = 1e9

// finish sets what the small files say of any tokenizer.
func (f *folder) finish(t *Tokenizer) error {
	if err := f.addFiles(t); err != nil {
		return err
	}
	if err := t.added.finish(t.normalizer); err != nil {
		return err
	}
	c := f.config
	t.cleanUp = c.CleanUp == nil || *c.CleanUp
	if c.MaxLength != nil && *c.MaxLength > 0 && *c.MaxLength < maxSensibleLength {
		t.modelMaxLength = int(*c.MaxLength)
	}
	for _, side := range []struct {
		key, value string
		to         *string
	}{{"padding_side", c.PaddingSide, &t.paddingSide}, {"truncation_side", c.TruncationSide, &t.truncationSide}} {
		switch side.value {
		case "":
			*side.to = "right"
		case "left", "right":
			*side.to = side.value
		default:
			return fmt.Errorf("tokenizer_config.json: %s is %q, want left or right", side.key, side.value)
		}
	}
	switch m := t.model.(type) {
	case *wordPiece:
		t.prefix = m.prefix
	case *bpe:
		t.prefix = m.prefix
	}
	f.nameSpecial(t)
	return nil
}

// nameSpecial fills in the special tokens by use: as the files say, else from the template and the model, else
// by their usual names.
func (f *folder) nameSpecial(t *Tokenizer) {
	s := &t.special
	usual := map[string][]string{
		"cls_token": {"[CLS]"}, "sep_token": {"[SEP]"}, "pad_token": {"[PAD]", "<pad>"}, "mask_token": {"[MASK]", "<mask>"},
		"unk_token": {"[UNK]", "<unk>"}, "bos_token": {"<s>", "<|endoftext|>"}, "eos_token": {"</s>", "<|endoftext|>"},
	}
	if p := t.post.single; len(p) > 0 && p[0].sequence < 0 && p[len(p)-1].sequence < 0 {
		usual["cls_token"] = []string{p[0].token}
		usual["sep_token"] = []string{p[len(p)-1].token}
	}
	if unk := t.model.unknownToken(); unk != "" {
		usual["unk_token"] = []string{unk}
	}
	texts := []*string{&s.CLS, &s.SEP, &s.PAD, &s.MASK, &s.UNK, &s.BOS, &s.EOS}
	ids := []*int32{&s.CLSID, &s.SEPID, &s.PADID, &s.MASKID, &s.UNKID, &s.BOSID, &s.EOSID}
	for i, use := range specialUses {
		*ids[i] = -1
		names := usual[use]
		if named, ok := f.special[use]; ok {
			names = []string{named.Content}
		}
		for _, name := range names {
			if id, ok := t.TokenToID(name); ok && name != "" {
				*texts[i], *ids[i] = name, id
				break
			}
		}
	}
}
