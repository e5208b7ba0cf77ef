package tokenizers

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestConcurrent has many goroutines use one tokenizer.
func TestConcurrent(t *testing.T) {
	for _, p := range readParts(t) {
		if !strings.HasPrefix(p.Name, "model ") {
			continue
		}
		tok, err := loadConfig(p.Config)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for g := range 16 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for i := range p.Cases {
					c := &p.Cases[(i+g)%len(p.Cases)]
					if c.Pair != nil || c.NoSpecial {
						continue
					}
					e, err := tok.Encode(c.Text, Options{})
					if err != nil || len(e.IDs) != len(c.IDs) {
						t.Errorf("%s: %q: %d tokens, want %d: %v", p.Name, c.Text, len(e.IDs), len(c.IDs), err)
						return
					}
					for j := range c.IDs {
						if e.IDs[j] != c.IDs[j] {
							t.Errorf("%s: %q: %v, want %v", p.Name, c.Text, e.IDs, c.IDs)
							return
						}
					}
				}
			}()
		}
		wg.Wait()
	}
}

// TestWindows cuts a text of ten tokens; the library's Encoding.truncate gives the same.
func TestWindows(t *testing.T) {
	for _, c := range []struct {
		n, size, overlap int
		left             bool
		want             [][2]int
	}{
		{10, 10, 3, false, [][2]int{{0, 10}}},
		{0, 3, 0, false, [][2]int{{0, 0}}},
		{10, 4, 0, false, [][2]int{{0, 4}, {4, 8}, {8, 10}}},
		{10, 4, 1, false, [][2]int{{0, 4}, {3, 7}, {6, 10}}},
		{10, 4, 3, false, [][2]int{{0, 4}, {1, 5}, {2, 6}, {3, 7}, {4, 8}, {5, 9}, {6, 10}}},
		{10, 4, 1, true, [][2]int{{6, 10}, {3, 7}, {0, 4}}},
		{10, 4, 0, true, [][2]int{{6, 10}, {2, 6}, {0, 2}}},
		{3, 0, 0, false, [][2]int{{0, 0}, {0, 3}}},
	} {
		got, err := windows(c.n, c.size, c.overlap, c.left)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%+v", c)
	}
	_, err := windows(10, 4, 4, false)
	require.ErrorContains(t, err, "overlap of 4")
}

func TestTruncation(t *testing.T) {
	tok := bert(t)
	pair := func(a, b int, o Options) *Encoding {
		e, err := tok.EncodePair(strings.Repeat("a ", a), strings.Repeat("b ", b), o)
		require.NoError(t, err)
		return e
	}
	for _, c := range []struct {
		a, b, max int
		strategy  string
		wantA     int
		wantB     int
	}{
		{3, 10, 12, "", 3, 6}, {10, 3, 12, "longest_first", 6, 3}, {10, 10, 12, "", 4, 5}, {11, 10, 12, "", 5, 4}, {0, 10, 9, "", 0, 6},
		{10, 3, 12, "only_first", 6, 3}, {3, 10, 12, "only_second", 3, 6}, {2, 2, 7, "only_first", 2, 2}, {5, 5, 3, "only_first", 0, 0},
	} {
		e := pair(c.a, c.b, Options{MaxLength: c.max, TruncationStrategy: c.strategy})
		n := [2]int{}
		for _, s := range e.Sequence {
			if s >= 0 {
				n[s]++
			}
		}
		require.Equal(t, [2]int{c.wantA, c.wantB}, n, "%+v", c)
	}
	e := pair(4, 9, Options{MaxLength: 10, TruncationStrategy: "only_second", Overlap: 1})
	require.Len(t, e.Overflow, 3, "windows of the second text, each with the whole first one")
	for _, w := range e.Overflow {
		require.Equal(t, []int32{101, 1037, 1037, 1037, 1037, 102}, w.IDs[:6])
		require.Equal(t, int32(1), w.TypeIDs[6])
	}
	e = pair(8, 8, Options{MaxLength: 9})
	require.Len(t, e.Overflow, 2+2*3-2+2, "every further window of one text with every one of the other")
	for _, o := range []Options{
		{MaxLength: 2}, {MaxLength: -1}, {MaxLength: 9, Overlap: -1}, {MaxLength: 9, Overlap: 3}, {MaxLength: 9, TruncationStrategy: "shortest"},
		{MaxLength: 9, TruncationSide: "top"}, {TruncationSide: "top"}, {MaxLength: 5, TruncationStrategy: "only_first"},
	} {
		_, err := tok.EncodePair("a a a a a", "b b b b b b", o)
		require.Error(t, err, "%+v", o)
	}
	_, err := tok.Encode("a a a a", Options{MaxLength: 3, TruncationStrategy: "only_second"})
	require.ErrorContains(t, err, "no second text")
}

func TestConvertSpans(t *testing.T) {
	text := "aé👋\xffb"
	at := spans(0, 1, 1, 3, 3, 7, 7, 8, 8, 9, 0, 0, 3, 9, 1, 3)
	require.Equal(t, spans(0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 0, 0, 2, 5, 1, 2), CodePoints(text, at))
	require.Equal(t, spans(0, 1, 1, 2, 2, 4, 4, 5, 5, 6, 0, 0, 2, 6, 1, 2), UTF16(text, at))
	long := strings.Repeat("é", 1<<16)
	many := make([]Span, 0, 1<<16)
	for i := range 1 << 16 {
		many = append(many, Span{2 * i, 2*i + 2})
	}
	got := CodePoints(long, many)
	require.Equal(t, Span{1<<16 - 1, 1 << 16}, got[len(got)-1])
}
