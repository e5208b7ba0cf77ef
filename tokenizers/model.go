package tokenizers

import "fmt"

// model splits a word into tokens.
type model interface {
	// tokenize appends the tokens of text. With raw, the bytes of text stand for characters of the byte
	// alphabet, and offsets count them; only a model that acceptsRaw is given such.
	tokenize(dst *tokenList, text string, raw bool) error
	acceptsRaw() bool
	tokenToID(token string) (int32, bool)
	idToToken(id int32) (string, bool)
	size() int
	unknownToken() string // "" when there is none
	kind() string         // the name in tokenizer.json
}

// tokenList is tokens in the making.
type tokenList struct {
	ids     []int32
	tokens  []string
	offsets []span32 // of the word; then of the original text
	words   []int32
	scratch wordScratch
}

func (l *tokenList) add(id int32, token string, start, end int) {
	l.ids = append(l.ids, id)
	l.tokens = append(l.tokens, token)
	l.offsets = append(l.offsets, span32{int32(start), int32(end)})
}

func (l *tokenList) reset() {
	l.ids, l.offsets, l.words = l.ids[:0], l.offsets[:0], l.words[:0]
	clear(l.tokens)
	l.tokens = l.tokens[:0]
}

// vocabulary is tokens by id and ids by token.
type vocabulary struct {
	tokens  []string // "" where an id has none
	empty   int32    // the id of the token "", or -1
	n       int
	longest int
	slots   []vocabSlot // open addressing; a power of two
}

type vocabSlot struct {
	tag uint32 // of the hash
	id  int32  // plus one; 0: free
}

// The hash is FNV-1a, which goes on from a prefix's hash.
const (
	hashSeed  uint64 = 14695981039346656037
	hashPrime uint64 = 1099511628211
)

func hashString(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * hashPrime
	}
	return h
}

// maxVocabulary bounds the ids of a vocabulary file.
const maxVocabulary = 1 << 26

func newVocabulary(capacity int) *vocabulary {
	size := 16
	for size < capacity+capacity/2 {
		size *= 2
	}
	return &vocabulary{tokens: make([]string, 0, capacity), empty: -1, slots: make([]vocabSlot, size)}
}

// put gives a token its id; the last one counts when a token or an id comes again.
func (v *vocabulary) put(token string, id int64) error {
	if id < 0 || id >= maxVocabulary || id > int64(4*cap(v.tokens)+1024) {
		return fmt.Errorf("token %q has id %d, which is out of proportion to %d tokens", token, id, cap(v.tokens))
	}
	for int64(len(v.tokens)) <= id {
		v.tokens = append(v.tokens, "")
	}
	if token == "" {
		v.n, v.empty = v.n+1, int32(id)
		return nil
	}
	if 3*v.n >= 2*len(v.slots) {
		return fmt.Errorf("more tokens than the %d announced", cap(v.tokens))
	}
	h := hashString(hashSeed, token)
	mask := uint64(len(v.slots) - 1)
	tag := uint32(h >> 32)
	for i := (h ^ h>>29) & mask; ; i = (i + 1) & mask {
		s := &v.slots[i]
		if s.id == 0 {
			*s = vocabSlot{tag, int32(id) + 1}
			v.n++
			break
		}
		if s.tag == tag && v.tokens[s.id-1] == token {
			s.id = int32(id) + 1
			break
		}
	}
	v.tokens[id] = token
	v.longest = max(v.longest, len(token))
	return nil
}

// lookup finds a token by its hash and the two parts of its text.
func (v *vocabulary) lookup(h uint64, prefix, text string) (int32, bool) {
	mask := uint64(len(v.slots) - 1)
	tag := uint32(h >> 32)
	for i := (h ^ h>>29) & mask; ; i = (i + 1) & mask {
		s := v.slots[i]
		if s.id == 0 {
			return 0, false
		}
		if s.tag == tag {
			if t := v.tokens[s.id-1]; len(t) == len(prefix)+len(text) && t[:len(prefix)] == prefix && t[len(prefix):] == text {
				return s.id - 1, true
			}
		}
	}
}

func (v *vocabulary) tokenToID(token string) (int32, bool) {
	if token == "" {
		return v.empty, v.empty >= 0
	}
	return v.lookup(hashString(hashSeed, token), "", token)
}

func (v *vocabulary) idToToken(id int32) (string, bool) {
	if id < 0 || int(id) >= len(v.tokens) || (v.tokens[id] == "" && id != v.empty) {
		return "", false
	}
	return v.tokens[id], true
}

func (v *vocabulary) size() int { return v.n }

func (v *vocabulary) acceptsRaw() bool { return false }
