package heads

import (
	"fmt"
	"math"
)

// Arc is one dependency: columns of the padded form.
type Arc struct {
	Dependent int
	Head      int // -1 the root
	Label     int // relation
}

// ParseDependencies finds, for each sequence, the tree of the largest sum of arc
// logits in which exactly one word hangs on the root, and the best label of each of
// its arcs. A sequence without words has no arcs. A logit that is not finite is an error.
func ParseDependencies(out Result) ([][]Arc, error) {
	arcs, labels := out["arc_logits"], out["label_logits"]
	if arcs.Rank != 3 || labels.Rank != 4 || arcs.Dim(0) != labels.Dim(0) || arcs.Dim(1) != labels.Dim(1) || arcs.Dim(2) != arcs.Dim(1)+1 || labels.Dim(3) != arcs.Dim(2) {
		return nil, fmt.Errorf("arc_logits %v and label_logits %v, want [B,L,L+1] and [B,L,C,L+1]: %w", arcs.Spec, labels.Spec, ErrInputFormat)
	}
	a, err := out.finite("arc_logits")
	if err != nil {
		return nil, err
	}
	z, err := out.finite("label_logits")
	if err != nil {
		return nil, err
	}
	l, c := arcs.Dim(1), labels.Dim(2)
	trees := make([][]Arc, arcs.Dim(0))
	for b := range trees {
		row := func(i int) []float32 { return a[(b*l+i)*(l+1):][:l+1] }
		var words []int
		for i := range l {
			if row(i)[0] > maskedLogit/2 { // every word may hang on the root
				words = append(words, i)
			}
		}
		// Node 0 is the root, node k+1 the k-th word.
		score := make([][]float64, len(words)+1)
		for k := range score {
			score[k] = make([]float64, len(words)+1)
		}
		for k, i := range words {
			score[0][k+1] = float64(row(i)[0])
			for m, j := range words {
				score[m+1][k+1] = float64(row(i)[j+1])
			}
		}
		for k, head := range rootedTree(score) {
			i, at, arc := words[k], 0, Arc{Dependent: words[k], Head: -1}
			if head > 0 {
				arc.Head = words[head-1]
				at = arc.Head + 1
			}
			for label := range c {
				if z[((b*l+i)*c+label)*(l+1)+at] > z[((b*l+i)*c+arc.Label)*(l+1)+at] {
					arc.Label = label
				}
			}
			trees[b] = append(trees[b], arc)
		}
	}
	return trees, nil
}

// rootedTree is the maximum spanning tree of score[head][dependent] over nodes 0 to
// n, rooted at 0 and with one child of 0: the heads of nodes 1 to n. Each arc from
// the root pays more than a whole tree can gain, so that no more than one is taken.
func rootedTree(score [][]float64) []int {
	n := len(score) - 1
	if n < 1 {
		return nil
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for i := range score {
		for j := 1; j <= n; j++ {
			if i != j {
				lo, hi = min(lo, score[i][j]), max(hi, score[i][j])
			}
		}
	}
	w := make([][]float64, n+1)
	for i := range w {
		w[i] = append([]float64(nil), score[i]...)
		for j := range w[i] {
			if i == j || j == 0 {
				w[i][j] = math.Inf(-1)
			} else if i == 0 {
				w[i][j] -= float64(n+1) * (hi - lo + 1)
			}
		}
	}
	return edmonds(w)[1:]
}

// edmonds is the maximum spanning arborescence of w[head][dependent] rooted at node
// 0 (Chu and Liu 1965, Edmonds 1967) in the form of Tarjan 1977 for dense graphs, with
// n^2 steps: the head of each node, -1 for the root. It overwrites w. Of equal arcs the
// lowest head is taken first.
func edmonds(w [][]float64) []int {
	n := len(w)
	g := forest{w: w, arc: make([][]arc, n), node: make([]int, n), parent: make([]int, n), in: make([]arc, n), gone: make([]bool, n)}
	for i := range w {
		g.arc[i], g.node[i], g.parent[i] = make([]arc, n), i, -1
		for j := range w {
			g.arc[i][j] = arc{int32(i), int32(j)}
		}
	}
	done, at := make([]bool, n), make([]int, n) // at: 1 + place on the path
	done[0] = true
	for start := 1; start < n; start++ {
		if g.gone[start] || done[start] {
			continue
		}
		path := []int{start}
		at[start] = 1
		for {
			v := path[len(path)-1]
			u := g.best(v)
			g.in[g.node[v]] = g.arc[u][v]
			if done[u] {
				break
			}
			if at[u] == 0 {
				path = append(path, u)
				at[u] = len(path)
				continue
			}
			g.contract(path[at[u]-1:])
			path = path[:at[u]]
		}
		for _, v := range path {
			done[v] = true
		}
	}
	return g.heads(n)
}

// arc is an arc of the graph that was given.
type arc struct{ head, dependent int32 }

// forest is a graph that shrinks: cycles become nodes, which keep the place of their
// first member. Of a pair of places, w is the best arc between their members, less what
// the cycle of the dependent loses by it, and arc says which.
type forest struct {
	w      [][]float64
	arc    [][]arc
	gone   []bool // places that are members of another
	node   []int  // of a place: first the nodes themselves, then those that were cycles
	parent []int  // of a node: the cycle that it is in, -1 none
	in     []arc  // of a node: the arc that was chosen for it
}

// best is the place of v's best head.
func (g *forest) best(v int) int {
	best := -1
	for u := range g.w {
		if u != v && !g.gone[u] && (best < 0 || g.w[u][v] > g.w[best][v]) {
			best = u
		}
	}
	return best
}

// contract makes one node of a cycle, in which each is the head of the one before and
// the first that of the last.
func (g *forest) contract(cycle []int) {
	node, first := len(g.parent), cycle[0]
	g.parent, g.in = append(g.parent, -1), append(g.in, arc{})
	lost := make([]float64, len(cycle))
	for i, v := range cycle {
		lost[i] = g.w[cycle[(i+1)%len(cycle)]][v]
		g.parent[g.node[v]] = node
		g.gone[v] = true
	}
	for u := range g.w {
		if g.gone[u] {
			continue
		}
		g.w[u][first] -= lost[0]
		for i, v := range cycle[1:] {
			if x := g.w[u][v] - lost[i+1]; x > g.w[u][first] {
				g.w[u][first], g.arc[u][first] = x, g.arc[u][v]
			}
			if g.w[v][u] > g.w[first][u] {
				g.w[first][u], g.arc[first][u] = g.w[v][u], g.arc[v][u]
			}
		}
	}
	g.gone[first], g.node[first] = false, node
}

// heads opens the cycles again, the last one first: the arc into a cycle replaces that
// of the member which it reaches.
func (g *forest) heads(n int) []int {
	for node := len(g.parent) - 1; node >= n; node-- {
		member := int(g.in[node].dependent)
		for g.parent[member] != node {
			member = g.parent[member]
		}
		g.in[member] = g.in[node]
	}
	heads := make([]int, n)
	heads[0] = -1
	for v := 1; v < n; v++ {
		heads[v] = int(g.in[v].head)
	}
	return heads
}
