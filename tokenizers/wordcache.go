package tokenizers

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// wordCache remembers short words and their symbols: one place for each hash, taken by the last word that
// wanted it. Any number of goroutines may use it at once.
type wordCache struct {
	seed  maphash.Seed
	slots [1 << 16]atomic.Pointer[cachedWord]
}

type cachedWord struct {
	text    string
	symbols []symbol
}

// maxCached is the length of the longest words kept.
const maxCached = 64

func newWordCache() *wordCache { return &wordCache{seed: maphash.MakeSeed()} }

func (c *wordCache) slot(text string) *atomic.Pointer[cachedWord] {
	return &c.slots[maphash.String(c.seed, text)%uint64(len(c.slots))]
}

// get gives a word's symbols, nil if they are not known.
func (c *wordCache) get(text string) []symbol {
	if len(text) > maxCached {
		return nil
	}
	if w := c.slot(text).Load(); w != nil && w.text == text {
		return w.symbols
	}
	return nil
}

func (c *wordCache) put(text string, symbols []symbol) {
	if len(text) <= maxCached && len(symbols) > 0 {
		c.slot(text).Store(&cachedWord{strings.Clone(text), append([]symbol(nil), symbols...)})
	}
}
