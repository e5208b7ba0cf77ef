package tokenizers

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"unicode/utf8"
)

// Tokenizer turns text into tokens and back. Any number of goroutines may use it at once.
type Tokenizer struct {
	added      *addedVocabulary
	normalizer normalizer // nil: none
	splits     []preTokenizer
	model      model
	post       *postProcessor
	decoder    decoder // nil: tokens joined by spaces
	cleanUp    bool    // transformers' clean_up_tokenization after decoding

	prefix         string // of tokens that continue a word; "" if the model has none
	modelMaxLength int
	paddingSide    string
	truncationSide string
	special        Special
	states         sync.Pool // of *state
}

// Options say how one text is encoded.
type Options struct {
	// NoSpecialTokens leaves out the special tokens of the template.
	NoSpecialTokens bool
	// MaxLength cuts longer encodings to that many tokens, the template's included; 0 cuts nothing.
	MaxLength int
	// Overlap is the number of tokens that a window shares with the one before it.
	Overlap int
	// TruncationSide is the end that is cut, "right" or "left"; "" is what the folder says, else "right".
	TruncationSide string
	// TruncationStrategy is "longest_first" (also ""), "only_first" or "only_second".
	TruncationStrategy string
	// PlainSpecial reads special tokens that are written in the text as plain text: for text of strangers.
	PlainSpecial bool
}

// state is what an encoding needs while it is made, kept for the next one.
type state struct {
	sequences [2]sequence
	pieces    [2][]piece
	into      *sequence           // the one being filled
	word      int32               // the number of its next word
	steps     []func(piece) error // the splits, each going on with the next, and the model last
}

// sequence is one of the two texts as tokens, before the template.
type sequence struct {
	text   string
	places []int32 // for text that is not UTF-8: the places of the bytes it was read as
	tokenList
}

// Encode gives the tokens of a text. It fails if a regular expression of the folder takes too long, if the
// model has no token for something and none for the unknown, or if opt makes no sense.
func (t *Tokenizer) Encode(text string, opt Options) (*Encoding, error) {
	return t.encode([]string{text}, opt)
}

// EncodePair gives the tokens of two texts in the template for pairs. An empty pair makes a pair too.
func (t *Tokenizer) EncodePair(text, pair string, opt Options) (*Encoding, error) {
	return t.encode([]string{text, pair}, opt)
}

func (t *Tokenizer) encode(texts []string, opt Options) (*Encoding, error) {
	st, _ := t.states.Get().(*state)
	if st == nil {
		st = t.newState()
	}
	defer t.release(st)
	for i, text := range texts {
		if err := t.tokenize(st, &st.sequences[i], text, opt.PlainSpecial); err != nil {
			return nil, fmt.Errorf("tokenizers: encode: %w", err)
		}
	}
	e, err := t.assemble(st.sequences[:len(texts)], opt)
	if err != nil {
		return nil, fmt.Errorf("tokenizers: encode: %w", err)
	}
	return e, nil
}

// maxKept is the number of pieces or tokens above which a state is not kept.
const maxKept = 1 << 16

func (t *Tokenizer) release(st *state) {
	for i := range st.sequences {
		s := &st.sequences[i]
		if cap(s.ids) > maxKept || cap(st.pieces[i]) > maxKept || cap(s.scratch.best) > maxKept || cap(s.scratch.bpe.symbols) > maxKept {
			return
		}
		s.text, s.places = "", nil
		s.reset()
		clear(st.pieces[i])
		st.pieces[i] = st.pieces[i][:0]
	}
	t.states.Put(st)
}

// newState makes a state with its steps.
func (t *Tokenizer) newState() *state {
	st := &state{steps: make([]func(piece) error, len(t.splits)+1)}
	raw := t.model.acceptsRaw()
	st.steps[len(t.splits)] = func(p piece) error {
		if p.text == "" {
			return nil
		}
		if p.raw && !raw {
			p = spelledOut(p)
		}
		return t.addWord(st, &p)
	}
	for i := len(t.splits) - 1; i >= 0; i-- {
		split, next := t.splits[i], st.steps[i+1]
		st.steps[i] = func(p piece) error {
			if p.raw {
				p = spelledOut(p)
			}
			return split.split(p, next)
		}
	}
	return st
}

// addWord adds the tokens of a word.
func (t *Tokenizer) addWord(st *state, p *piece) error {
	s := st.into
	n := len(s.ids)
	if p.id >= 0 {
		s.add(p.id, p.text, 0, len(p.text))
	} else if err := t.model.tokenize(&s.tokenList, p.text, p.raw); err != nil {
		return err
	}
	for i := n; i < len(s.ids); i++ {
		s.offsets[i] = p.origin(int(s.offsets[i].start), int(s.offsets[i].end))
		s.words = append(s.words, st.word)
	}
	st.word++
	return nil
}

// tokenize fills a sequence with the tokens of a text: added tokens are cut out, what lies between is
// normalized and split.
func (t *Tokenizer) tokenize(st *state, s *sequence, text string, plainSpecial bool) error {
	if len(text) > math.MaxInt32/4 {
		return fmt.Errorf("text of %d bytes, want at most %d", len(text), math.MaxInt32/4)
	}
	s.text = text
	if !utf8.ValidString(text) {
		text, s.places = lossy(text)
	}
	st.into, st.word = s, 0
	plain := t.added.cut(st.pieces[0][:0], piece{text: text, id: -1}, &t.added.plain, plainSpecial)
	st.pieces[0] = plain
	for i := range plain {
		p := &plain[i]
		if p.id >= 0 {
			if err := t.addWord(st, p); err != nil {
				return err
			}
			continue
		}
		if t.normalizer != nil {
			if err := t.normalizer.normalize(p); err != nil {
				return err
			}
		}
		normal := t.added.cut(st.pieces[1][:0], *p, &t.added.normal, plainSpecial)
		st.pieces[1] = normal
		for j := range normal {
			var err error
			if normal[j].id >= 0 {
				err = t.addWord(st, &normal[j])
			} else {
				err = st.steps[0](normal[j])
			}
			if err != nil {
				return err
			}
		}
	}
	if s.places != nil {
		for i, o := range s.offsets {
			s.offsets[i] = span32{s.places[o.start], s.places[o.end]}
		}
	}
	return nil
}

// Decode gives the text of ids, without the special tokens if skipSpecial. As in Hugging Face's library, ids
// that the vocabulary does not have are left out.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) (string, error) {
	text, err := t.decodeRaw(ids, skipSpecial)
	if err != nil {
		return "", fmt.Errorf("tokenizers: decode: %w", err)
	}
	if t.cleanUp {
		text = cleanUp(text)
	}
	return text, nil
}

// decodeRaw decodes without the clean-up at the end.
func (t *Tokenizer) decodeRaw(ids []int32, skipSpecial bool) (string, error) {
	tokens := make([]string, 0, len(ids))
	for _, id := range ids {
		token, ok := t.added.text(id)
		if !ok {
			token, ok = t.model.idToToken(id)
		}
		if ok && !(skipSpecial && t.added.special[token]) {
			tokens = append(tokens, token)
		}
	}
	if t.decoder == nil {
		return strings.Join(tokens, " "), nil
	}
	texts, err := t.decoder.decode(tokens)
	if err != nil {
		return "", err
	}
	return strings.Join(texts, ""), nil
}

// TokenToID gives a token's id.
func (t *Tokenizer) TokenToID(token string) (int32, bool) {
	if id, ok := t.added.byText[token]; ok {
		return id, true
	}
	return t.model.tokenToID(token)
}

// IDToToken gives the token of an id.
func (t *Tokenizer) IDToToken(id int32) (string, bool) {
	if a, ok := t.added.byID[id]; ok {
		return a.Content, true
	}
	return t.model.idToToken(id)
}

// VocabSize is the number of tokens, the added ones included.
func (t *Tokenizer) VocabSize() int {
	n := t.model.size()
	for text := range t.added.byText {
		if _, ok := t.model.tokenToID(text); !ok {
			n++
		}
	}
	return n
}

// ModelMaxLength is model_max_length of tokenizer_config.json, 0 where the folder sets no limit.
func (t *Tokenizer) ModelMaxLength() int { return t.modelMaxLength }

// PaddingSide is the side that the folder pads batches on, "right" (also when it does not say) or "left".
func (t *Tokenizer) PaddingSide() string { return t.paddingSide }

// SpecialTokens gives the special tokens by their use.
func (t *Tokenizer) SpecialTokens() Special { return t.special }

// Special is a model's special tokens by their use, "" and -1 where it has none.
type Special struct {
	CLS, SEP, PAD, MASK, UNK, BOS, EOS               string
	CLSID, SEPID, PADID, MASKID, UNKID, BOSID, EOSID int32
}

// Kind is the model's name: WordPiece, WordLevel, BPE or Unigram.
func (t *Tokenizer) Kind() string { return t.model.kind() }
