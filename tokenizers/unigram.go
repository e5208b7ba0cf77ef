package tokenizers

import (
	"fmt"
	"math"
)

// unigram is the SentencePiece model of that name: the split into pieces whose scores add up highest.
type unigram struct {
	*vocabulary
	trie         *trie
	scores       []float64
	unknown      int32 // or -1
	unknownScore float64
	fallback     [256]int32 // the tokens "<0x00>" to "<0xFF>", or -1
	byteFallback bool
	native       bool // as SentencePiece itself: sums in float32, unknown text stays unknown
	cache        *wordCache
}

// unknownPenalty is what an unknown character scores below the worst piece.
const unknownPenalty = 10

// newUnigram makes the model. vocabulary and scores are by id; pieces are those to be found in text.
func newUnigram(v *vocabulary, scores []float64, pieces []trieEntry, unknown int32, byteFallback bool) (*unigram, error) {
	if int(unknown) >= len(scores) {
		return nil, fmt.Errorf("model Unigram: unk_id is %d, want less than the %d pieces", unknown, len(scores))
	}
	m := &unigram{vocabulary: v, scores: scores, unknown: unknown, byteFallback: byteFallback, trie: newTrie(pieces), cache: newWordCache()}
	m.unknownScore = lowest(scores) - unknownPenalty
	for b := range 256 {
		m.fallback[b] = -1
		if id, ok := v.tokenToID(fmt.Sprintf("<0x%02X>", b)); ok {
			m.fallback[b] = id
		}
	}
	return m, nil
}

func lowest(scores []float64) float64 {
	least := math.Inf(1)
	for _, s := range scores {
		least = min(least, s)
	}
	return least
}

func (*unigram) kind() string { return "Unigram" }

func (m *unigram) unknownToken() string {
	t, _ := m.idToToken(m.unknown)
	return t
}

// bestPath is the best way to a place in the text.
type bestPath struct {
	score float64
	from  int32 // where its last piece begins, or -1
	id    int32 // of its last piece
}

func (m *unigram) tokenize(dst *tokenList, text string, _ bool) error {
	if text == "" {
		return nil
	}
	if known := m.cache.get(text); known != nil {
		pos := 0
		for _, s := range known {
			end := pos + int(s.len)
			m.addPiece(dst, text[pos:end], pos, s.id)
			pos = end
		}
		return nil
	}
	best := dst.scratch.best[:0]
	for range len(text) + 1 {
		best = append(best, bestPath{from: -1})
	}
	dst.scratch.best = best
	for start := 0; start < len(text); {
		here := best[start].score
		size := runeEnd(text, start) - start
		known := false
		for i, node := start, int32(0); i < len(text); i++ {
			if i == start {
				node = m.trie.start(text[i])
			} else {
				node = m.trie.next(node, text[i])
			}
			if node == 0 {
				break
			}
			if id := m.trie.nodes[node].value; id >= 0 {
				m.offer(&best[i+1], here, m.scores[id], start, id)
				known = known || i+1-start == size
			}
		}
		if !known {
			if m.unknown < 0 {
				return fmt.Errorf("model Unigram: %q is no piece, and there is no unknown piece", text[start:start+size])
			}
			m.offer(&best[start+size], here, m.unknownScore, start, m.unknown)
		}
		start += size
	}
	m.collect(dst, text, best)
	return nil
}

// offer makes a path the best to its end if it is better; of equals the first stays.
func (m *unigram) offer(end *bestPath, here, score float64, start int, id int32) {
	total := here + score
	if end.from < 0 || total > end.score {
		if m.native {
			total = float64(float32(total))
		}
		*end = bestPath{total, int32(start), id}
	}
}

// collect adds the best path's pieces; unknown ones side by side become one.
func (m *unigram) collect(dst *tokenList, text string, best []bestPath) {
	// Turn the path round: each place remembers where its piece ends.
	n := int32(len(text))
	for end, next := n, int32(-1); ; {
		from := best[end].from
		best[end].from = next
		if end == 0 {
			break
		}
		next, end = end, from
	}
	symbols := dst.scratch.bpe.symbols[:0]
	for start := int32(0); start < n; {
		end := best[start].from
		id := best[end].id
		if id == m.unknown {
			for end < n && best[best[end].from].id == m.unknown {
				end = best[end].from
			}
		}
		m.addPiece(dst, text[start:end], int(start), id)
		symbols = append(symbols, symbol{id, end - start})
		start = end
	}
	dst.scratch.bpe.symbols = symbols
	m.cache.put(text, symbols)
}

// addPiece adds a piece, an unknown one in bytes if that is wanted and possible.
func (m *unigram) addPiece(dst *tokenList, part string, start int, id int32) {
	end := start + len(part)
	if id != m.unknown {
		dst.add(id, m.tokens[id], start, end)
		return
	}
	if found, ok := m.tokenToID(part); ok && !m.native {
		dst.add(found, part, start, end)
		return
	}
	if m.byteFallback && m.spellable(part) {
		for i := range len(part) {
			b := m.fallback[part[i]]
			dst.add(b, m.tokens[b], start, end)
		}
		return
	}
	dst.add(m.unknown, part, start, end)
}

func (m *unigram) spellable(part string) bool {
	for i := range len(part) {
		if m.fallback[part[i]] < 0 {
			return false
		}
	}
	return true
}
