package tokenizers

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// addedToken is a token beside the model's vocabulary, or one of it that is cut out of the text as a whole.
type addedToken struct {
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // only where no word goes on at its ends
	LStrip     bool   `json:"lstrip"`      // takes the white space before it
	RStrip     bool   `json:"rstrip"`      // takes the white space after it
	Normalized bool   `json:"normalized"`  // looked for in the normalized text
	Special    bool   `json:"special"`     // left out of decoded text on request
}

// addedVocabulary is the added tokens.
type addedVocabulary struct {
	u       *unicodeData
	byID    map[int32]addedToken
	byText  map[string]int32
	decoded map[int32]string // what decoding takes for a normalized token
	special map[string]bool
	plain   matcher // tokens looked for in the text as it is
	normal  matcher // tokens looked for in normalized text
	top     int32   // the highest id, plus one
}

func newAddedVocabulary() *addedVocabulary {
	return &addedVocabulary{
		u: unicodeTables(), byID: map[int32]addedToken{}, byText: map[string]int32{},
		decoded: map[int32]string{}, special: map[string]bool{},
	}
}

// add gives a token its id: the model's for one of its own, else the wanted one, or the next one free if that
// is negative.
func (a *addedVocabulary) add(t addedToken, want int32, m model) {
	if t.Content == "" {
		return
	}
	id, known := a.byText[t.Content]
	if !known {
		if id, known = m.tokenToID(t.Content); !known {
			if id = want; id < 0 {
				id = max(a.top, int32(m.size()))
			}
		}
	}
	a.top = max(a.top, id+1)
	a.byText[t.Content] = id
	a.byID[id] = t
	if t.Special {
		a.special[t.Content] = true
	}
}

// finish prepares matching, when all tokens are there.
func (a *addedVocabulary) finish(n normalizer) error {
	ids := make([]int32, 0, len(a.byID))
	for id := range a.byID {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var plain, normal []trieEntry
	for _, id := range ids {
		t := a.byID[id]
		if !t.Normalized {
			plain = append(plain, trieEntry{t.Content, id})
			continue
		}
		text := t.Content
		if n != nil {
			p := piece{text: text, id: -1}
			if err := n.normalize(&p); err != nil {
				return err
			}
			if text = p.text; text != t.Content {
				a.decoded[id] = text
			}
		}
		normal = append(normal, trieEntry{text, id})
	}
	a.plain, a.normal = newMatcher(plain), newMatcher(normal)
	return nil
}

// text gives what decoding takes for an added token.
func (a *addedVocabulary) text(id int32) (string, bool) {
	t, ok := a.byID[id]
	if !ok {
		return "", false
	}
	if s, ok := a.decoded[id]; ok {
		return s, true
	}
	return t.Content, true
}

// matcher finds added tokens: at the leftmost place the longest one.
type matcher struct {
	trie  *trie
	first string // the first bytes of tokens, when they are few
}

func newMatcher(entries []trieEntry) matcher {
	if len(entries) == 0 {
		return matcher{}
	}
	m := matcher{trie: newTrie(entries)}
	for b := range 256 {
		if m.trie.root[b] != 0 {
			m.first += string([]byte{byte(b)})
		}
	}
	return m
}

// next gives the next match from i on; start < 0 if there is none.
func (m *matcher) next(text string, i int) (start, end int, id int32) {
	for m.trie != nil && i < len(text) {
		if len(m.first) == 1 {
			n := strings.IndexByte(text[i:], m.first[0])
			if n < 0 {
				break
			}
			i += n
		} else {
			for i < len(text) && m.trie.root[text[i]] == 0 {
				i++
			}
		}
		if id, size := m.trie.longest(text[i:]); size > 0 {
			return i, i + size, id
		}
		i++
	}
	return -1, 0, 0
}

// cut appends the parts of a piece: what matches is an added token, what lies between is left to be split. With
// plainSpecial, special tokens are text like any other.
func (a *addedVocabulary) cut(dst []piece, p piece, m *matcher, plainSpecial bool) []piece {
	put := func(start, end int, id int32) {
		if start < end {
			part := p.slice(start, end)
			part.id = id
			dst = append(dst, part)
		}
	}
	from := 0
	for i := 0; ; {
		start, end, id := m.next(p.text, i)
		if start < 0 {
			break
		}
		i = end
		t := a.byID[id]
		if plainSpecial && a.special[t.Content] {
			continue
		}
		if t.SingleWord && (a.wordBefore(p.text, start) || a.wordAt(p.text, end)) {
			continue
		}
		if t.LStrip {
			start = max(a.spaceBefore(p.text, start), from)
		}
		if t.RStrip {
			end = a.u.run(p.text, end, isSpace, 0)
		}
		put(from, start, -1)
		put(start, end, id)
		from = end
	}
	put(from, len(p.text), -1)
	return dst
}

func (a *addedVocabulary) wordAt(text string, i int) bool {
	k, _ := a.u.classAt(text, i)
	return k&isWord != 0
}

func (a *addedVocabulary) wordBefore(text string, i int) bool {
	r, n := utf8.DecodeLastRuneInString(text[:i])
	return n > 0 && a.u.is(r, isWord)
}

// spaceBefore gives the start of the white space that ends at i.
func (a *addedVocabulary) spaceBefore(text string, i int) int {
	for i > 0 {
		r, n := utf8.DecodeLastRuneInString(text[:i])
		if !a.u.is(r, isSpace) {
			break
		}
		i -= n
	}
	return i
}
