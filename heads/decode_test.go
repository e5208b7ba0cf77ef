package heads_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

func TestTagSpans(t *testing.T) {
	labels := []string{"O", "B-PER", "I-PER", "B-LOC", "I-LOC", "verb"}
	span := func(label string, start, end int) heads.TagSpan {
		return heads.TagSpan{Label: label, Start: start, End: end}
	}
	for _, c := range []struct {
		tags []int64
		want []heads.TagSpan
	}{
		{nil, nil},
		{[]int64{0, 0}, nil},
		{[]int64{1, 2, 0, 1}, []heads.TagSpan{span("PER", 0, 2), span("PER", 3, 4)}},
		{[]int64{3, 3, 4}, []heads.TagSpan{span("LOC", 0, 1), span("LOC", 1, 3)}},
		{[]int64{2, 4}, []heads.TagSpan{span("PER", 0, 1), span("LOC", 1, 2)}},
		{[]int64{-1, 1, -1, 2, -1}, []heads.TagSpan{span("PER", 1, 4)}},
		{[]int64{0, 2, 0, 2}, []heads.TagSpan{span("PER", 1, 2), span("PER", 3, 4)}},
		{[]int64{5, 5, 0, 5}, []heads.TagSpan{span("verb", 0, 2), span("verb", 3, 4)}},
	} {
		got, err := heads.TagSpans(labels, c.tags)
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%v", c.tags)
	}
	for _, bad := range []int64{6, -2, math.MaxInt64, math.MinInt64} {
		_, err := heads.TagSpans(labels, []int64{bad})
		require.ErrorIs(t, err, heads.ErrInputFormat)
	}
	long := make([]int64, 100_000)
	for i := range long {
		long[i] = int64(i % 5)
	}
	got, err := heads.TagSpans(labels, long)
	require.NoError(t, err)
	require.Len(t, got, 40_000) // B-PER I-PER, B-LOC I-LOC
}

// TestClosedTags: E- and S- (L- and U-) where the labels have B-; elsewhere they are names.
func TestClosedTags(t *testing.T) {
	span := func(label string, start, end int) heads.TagSpan {
		return heads.TagSpan{Label: label, Start: start, End: end}
	}
	for _, scheme := range []string{"ES", "LU"} {
		labels := []string{"O", "B-POS", "I-POS", scheme[:1] + "-POS", scheme[1:] + "-POS", "B-NEG", scheme[:1] + "-NEG"}
		for _, c := range []struct {
			tags []int64
			want []heads.TagSpan
		}{
			{[]int64{1, 2, 3, 1, 3}, []heads.TagSpan{span("POS", 0, 3), span("POS", 3, 5)}},
			{[]int64{4, 4, 0, 4}, []heads.TagSpan{span("POS", 0, 1), span("POS", 1, 2), span("POS", 3, 4)}},
			{[]int64{1, 3, 2, 3}, []heads.TagSpan{span("POS", 0, 2), span("POS", 2, 4)}}, // an end closes
			{[]int64{1, 4, 3}, []heads.TagSpan{span("POS", 0, 1), span("POS", 1, 2), span("POS", 2, 3)}},
			{[]int64{1, 6, 3}, []heads.TagSpan{span("POS", 0, 1), span("NEG", 1, 2), span("POS", 2, 3)}},
			{[]int64{-1, 1, -1, 3, -1}, []heads.TagSpan{span("POS", 1, 4)}},
		} {
			got, err := heads.TagSpans(labels, c.tags)
			require.NoError(t, err)
			require.Equal(t, c.want, got, "%v", c.tags)
		}
	}
	got, err := heads.TagSpans([]string{"O", "E-mail", "S-bahn"}, []int64{1, 1, 0, 2})
	require.NoError(t, err)
	require.Equal(t, []heads.TagSpan{span("E-mail", 0, 2), span("S-bahn", 3, 4)}, got)
	got, err = heads.TagSpans([]string{"B", "I", "E", "S"}, []int64{3, 0, 1, 2, 0, 2}) // words of a text without spaces
	require.NoError(t, err)
	require.Equal(t, []heads.TagSpan{span("", 0, 1), span("", 1, 4), span("", 4, 6)}, got)
}

func TestEventsFactsOpinions(t *testing.T) {
	span := func(label string, start, end int) heads.TagSpan {
		return heads.TagSpan{Label: label, Start: start, End: end}
	}
	require.Equal(t, []heads.Event{
		{Type: "Attack", Trigger: span("Attack", 1, 2), Arguments: []heads.TagSpan{span("Place", 3, 4)}},
		{Type: "Attack", Trigger: span("Attack", 8, 9), Arguments: []heads.TagSpan{span("Target", 6, 7)}},
	}, heads.EventsOf([]heads.TagSpan{span("Attack", 1, 2), span("Attack.Place", 3, 4), span("Attack.Target", 6, 7), span("Attack", 8, 9), span("Meet.Person", 10, 11)}))
	require.Equal(t, []heads.Event{
		{Type: "Meet", Trigger: span("Meet", 0, 1), Arguments: []heads.TagSpan{span("Place", 2, 3)}}, // the earlier one on ties
		{Type: "Meet", Trigger: span("Meet", 4, 5)},
	}, heads.EventsOf([]heads.TagSpan{span("Meet", 0, 1), span("Meet.Place", 2, 3), span("Meet", 4, 5)}))
	require.Nil(t, heads.EventsOf(nil))
	require.Nil(t, heads.EventsOf([]heads.TagSpan{span("Meet.Place", 0, 1)}))

	fact, ok := heads.FactOf([]heads.TagSpan{span("A0", 0, 1), span("P", 1, 3), span("A1", 3, 4)})
	require.True(t, ok)
	require.Equal(t, heads.Fact{Predicate: span("P", 1, 3), Arguments: []heads.TagSpan{span("A0", 0, 1), span("A1", 3, 4)}}, fact)
	// The passive: what is done comes before who does it, and arguments go by number.
	fact, ok = heads.FactOf([]heads.TagSpan{span("ARGM-TMP", 0, 1), span("ARG1", 1, 2), span("V", 2, 3), span("ARG10", 3, 4), span("ARG0", 4, 5), span("ARG1", 5, 6), span("V", 6, 7)})
	require.True(t, ok)
	require.Equal(t, heads.Fact{
		Predicate: span("V", 2, 3),
		Arguments: []heads.TagSpan{span("ARG0", 4, 5), span("ARG1", 1, 2), span("ARG1", 5, 6), span("ARG10", 3, 4), span("ARGM-TMP", 0, 1)},
	}, fact)
	for _, none := range [][]heads.TagSpan{nil, {span("A0", 0, 1)}} {
		fact, ok = heads.FactOf(none)
		require.False(t, ok)
		require.Equal(t, heads.Fact{}, fact)
	}
	require.Equal(t, []heads.Opinion{{Aspect: span("NEG", 2, 4), Polarity: "NEG"}}, heads.OpinionsOf([]heads.TagSpan{span("NEG", 2, 4)}))
	require.Nil(t, heads.OpinionsOf(nil))
}

// TestPruneSpans: the best spans of each text that cross no better one, in its order.
func TestPruneSpans(t *testing.T) {
	span := func(seq, start, end int) heads.Target { return heads.Target{Seq: seq, Start: start, End: end} }
	candidates := []heads.Target{span(0, 0, 2), span(0, 0, 5), span(0, 1, 3), span(0, 2, 4), span(0, 4, 6), span(2, 0, 1), span(2, 1, 2), span(2, 2, 3)}
	scores := []float32{3, 1, 5, 2, 4, -1, -1, -1}
	for _, c := range []struct {
		keep int
		want []heads.Target
	}{
		{-1, nil},
		{0, nil},
		{1, []heads.Target{span(0, 1, 3), span(2, 0, 1)}},
		{2, []heads.Target{span(0, 1, 3), span(0, 4, 6), span(2, 0, 1), span(2, 1, 2)}}, // the earlier on ties
		// 0-2 and 2-4 cross 1-3, and 0-5 crosses 4-6: a place that stays empty.
		{5, []heads.Target{span(0, 1, 3), span(0, 4, 6), span(2, 0, 1), span(2, 1, 2), span(2, 2, 3)}},
	} {
		require.Equal(t, c.want, heads.PruneSpans(candidates, scores, func(int) int { return c.keep }), "keep %d", c.keep)
	}
	// Nested spans stay, and each text has its own number.
	nested := []heads.Target{span(0, 0, 5), span(0, 1, 3), span(0, 1, 5), span(1, 0, 1), span(1, 1, 2)}
	require.Equal(t, []heads.Target{span(0, 0, 5), span(0, 1, 3), span(0, 1, 5), span(1, 1, 2)},
		heads.PruneSpans(nested, []float32{1, 2, 3, 0, 1}, func(seq int) int { return 3 - 2*seq }))
	nan := float32(math.NaN())
	require.Equal(t, []heads.Target{span(0, 1, 3)}, heads.PruneSpans(nested, []float32{nan, 1}, func(int) int { return 9 }), "NaN or no score")
	require.Empty(t, heads.PruneSpans(nil, nil, nil))
}

func TestClusters(t *testing.T) {
	const none = -1e9
	a, err := tensor.FromSlice([]float32{
		0, none, none, none, none,
		0, -1, none, none, none,
		0, 2, 1, none, none, // 2 joins 0
		0, 1, 3, 2, none, // 3 joins 1
	}, 1, 4, 5)
	require.NoError(t, err)
	got, err := heads.Clusters(heads.Result{"antecedent_logits": a})
	require.NoError(t, err)
	require.Equal(t, [][][]int{{{0, 2}, {1, 3}}}, got)
	_, err = heads.Clusters(heads.Result{})
	require.ErrorIs(t, err, heads.ErrInputFormat)

	rows := tensor.NewLayout(2, 1)
	require.Equal(t, []heads.Target{{Seq: 0, Start: 0, End: 1}, {Seq: 0, Start: 0, End: 2}, {Seq: 0, Start: 1, End: 2}, {Seq: 1, Start: 0, End: 1}}, heads.CandidateSpans(rows, 2))
}

// TestNotFinite: no result is made out of logits that are not numbers.
func TestNotFinite(t *testing.T) {
	for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
		host := func(n int, shape ...int) tensor.Host {
			v := make([]float32, n)
			v[n-1] = bad
			h, err := tensor.FromSlice(v, shape...)
			require.NoError(t, err)
			return h
		}
		zeros := func(n int, shape ...int) tensor.Host {
			h, err := tensor.FromSlice(make([]float32, n), shape...)
			require.NoError(t, err)
			return h
		}
		for name, run := range map[string]func() error{
			"antecedent_logits": func() error {
				_, err := heads.Clusters(heads.Result{"antecedent_logits": host(6, 1, 2, 3)})
				return err
			},
			"arc_logits": func() error {
				_, err := heads.ParseDependencies(heads.Result{"arc_logits": host(6, 1, 2, 3), "label_logits": zeros(6, 1, 2, 1, 3)})
				return err
			},
			"label_logits": func() error {
				_, err := heads.ParseDependencies(heads.Result{"arc_logits": zeros(6, 1, 2, 3), "label_logits": host(6, 1, 2, 1, 3)})
				return err
			},
			"start_logits": func() error {
				_, err := heads.AnswerSpans(heads.Result{"start_logits": host(3, 1, 3), "end_logits": zeros(3, 1, 3)}, nil)
				return err
			},
			"end_logits": func() error {
				_, err := heads.BestSpans(heads.Result{"start_logits": zeros(3, 1, 3), "end_logits": host(3, 1, 3)}, nil, 0, 1)
				return err
			},
		} {
			err := run()
			require.ErrorIs(t, err, heads.ErrInputFormat, name)
			require.ErrorContains(t, err, sprint("%s is %v at ", name, bad))
		}
	}
}

// TestSpanningTree: the tree is the best of all trees with one root, by trying all.
func TestSpanningTree(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for n := range 7 {
		for range 40 {
			arcs := make([]float32, n*(n+1))
			for i := range arcs {
				arcs[i] = float32(r.IntN(9)) // ties are common
			}
			for i := range n {
				arcs[i*(n+1)+i+1] = -1e9
			}
			a, err := tensor.FromSlice(arcs, 1, n, n+1)
			require.NoError(t, err)
			l, err := tensor.FromSlice(make([]float32, n*(n+1)), 1, n, 1, n+1)
			require.NoError(t, err)
			trees, err := heads.ParseDependencies(heads.Result{"arc_logits": a, "label_logits": l})
			require.NoError(t, err)
			require.Len(t, trees[0], n)
			head := make([]int, n)
			for i, arc := range trees[0] {
				require.Equal(t, i, arc.Dependent)
				head[i] = arc.Head
			}
			if n == 0 {
				continue
			}
			sum, ok := treeScore(arcs, head)
			require.True(t, ok, "heads %v are a tree with one root", head)
			require.Equal(t, bestTree(arcs, make([]int, n), 0), sum)
		}
	}
}

// TestLongSpanningTree: a thousand words take no time, be their logits random or made
// so that every choice closes another cycle.
func TestLongSpanningTree(t *testing.T) {
	const n = 1000
	r := rand.New(rand.NewPCG(5, 5))
	for name, score := range map[string]func(dep, head int) float32{
		"random": func(int, int) float32 { return float32(r.NormFloat64()) },
		"equal":  func(int, int) float32 { return 1 },
		"nested": func(dep, head int) float32 { // 0 and 1 are a cycle, both and 2 the next, …
			return -float32(max(dep, head)) + float32(dep)/n
		},
		"one ring": func(dep, head int) float32 {
			if head == (dep+1)%n {
				return 9
			}
			return float32(r.NormFloat64())
		},
	} {
		t.Run(name, func(t *testing.T) {
			arcs := make([]float32, n*(n+1))
			for i := range n {
				for h := -1; h < n; h++ {
					arcs[i*(n+1)+h+1] = score(i, h)
				}
				arcs[i*(n+1)+i+1] = -1e9
			}
			a, err := tensor.FromSlice(arcs, 1, n, n+1)
			require.NoError(t, err)
			l, err := tensor.FromSlice(make([]float32, n*(n+1)), 1, n, 1, n+1)
			require.NoError(t, err)
			begin := time.Now()
			trees, err := heads.ParseDependencies(heads.Result{"arc_logits": a, "label_logits": l})
			require.NoError(t, err)
			require.Less(t, time.Since(begin), 5*time.Second)
			t.Log(time.Since(begin))
			head := make([]int, n)
			for i, arc := range trees[0] {
				head[i] = arc.Head
			}
			sum, ok := treeScore(arcs, head)
			require.True(t, ok, "a tree with one root")
			if name == "equal" {
				require.Equal(t, float32(n), sum)
			}
		})
	}
}

// treeScore is the sum of a tree's arcs; false for what is no tree with one root.
func treeScore(arcs []float32, head []int) (sum float32, ok bool) {
	n, roots := len(head), 0
	for i, h := range head {
		if h == i {
			return 0, false
		}
		if h < 0 {
			roots++
		}
		sum += arcs[i*(n+1)+h+1]
		steps := 0
		for at := i; at >= 0; at = head[at] {
			if steps++; steps > n {
				return 0, false
			}
		}
	}
	return sum, roots == 1
}

func bestTree(arcs []float32, head []int, at int) float32 {
	if at == len(head) {
		if sum, ok := treeScore(arcs, head); ok {
			return sum
		}
		return -1e9
	}
	best := float32(-1e9)
	for h := -1; h < len(head); h++ {
		head[at] = h
		best = max(best, bestTree(arcs, head, at+1))
	}
	return best
}
