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
// its arcs. A sequence without words has no arcs.
func ParseDependencies(out Result) ([][]Arc, error) {
	arcs, labels := out["arc_logits"], out["label_logits"]
	if arcs.Rank != 3 || labels.Rank != 4 || arcs.Dim(0) != labels.Dim(0) || arcs.Dim(1) != labels.Dim(1) || arcs.Dim(2) != arcs.Dim(1)+1 || labels.Dim(3) != arcs.Dim(2) {
		return nil, fmt.Errorf("arc_logits %v and label_logits %v, want [B,L,L+1] and [B,L,C,L+1]: %w", arcs.Spec, labels.Spec, ErrInputFormat)
	}
	a, err := arcs.Float32()
	if err != nil {
		return nil, fmt.Errorf("arc_logits: %w", err)
	}
	z, err := labels.Float32()
	if err != nil {
		return nil, fmt.Errorf("label_logits: %w", err)
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
// 0 (Chu and Liu 1965, Edmonds 1967): the head of each node, -1 for the root.
func edmonds(w [][]float64) []int {
	n := len(w)
	head := make([]int, n)
	for j := range head {
		head[j] = -1
		for i := 0; i < n && j > 0; i++ {
			if i != j && (head[j] < 0 || w[i][j] > w[head[j]][j]) {
				head[j] = i
			}
		}
	}
	cycle := cycleOf(head)
	if cycle == nil {
		return head
	}
	// Contract the cycle to one node, the last of the new graph.
	inside := make([]bool, n)
	for _, v := range cycle {
		inside[v] = true
	}
	var outer []int // nodes of the new graph but the last
	for v := range n {
		if !inside[v] {
			outer = append(outer, v)
		}
	}
	m := len(outer)
	small := make([][]float64, m+1)
	for i := range small {
		small[i] = make([]float64, m+1)
		for j := range small[i] {
			small[i][j] = math.Inf(-1)
		}
	}
	enter, leave := make([]int, m), make([]int, m) // best arc into the cycle, and out of it, by outer node
	for i, u := range outer {
		for j, v := range outer {
			if i != j {
				small[i][j] = w[u][v]
			}
		}
		enter[i], leave[i] = cycle[0], cycle[0]
		gain := func(v int) float64 { return w[u][v] - w[head[v]][v] } // of breaking the cycle at v
		for _, v := range cycle {
			if gain(v) > gain(enter[i]) {
				enter[i] = v
			}
			if w[v][u] > w[leave[i]][u] {
				leave[i] = v
			}
		}
		small[i][m] = gain(enter[i])
		if u != 0 {
			small[m][i] = w[leave[i]][u]
		}
	}
	for j, h := range edmonds(small) {
		switch {
		case h < 0:
		case j == m:
			head[enter[h]] = outer[h]
		case h == m:
			head[outer[j]] = leave[j]
		default:
			head[outer[j]] = outer[h]
		}
	}
	return head
}

// cycleOf is a cycle in the graph of heads, nil where there is none.
func cycleOf(head []int) []int {
	seen := make([]int, len(head)) // 1 + the walk that came by
	for start := range head {
		v := start
		for v >= 0 && seen[v] == 0 {
			seen[v], v = start+1, head[v]
		}
		if v < 0 || seen[v] != start+1 {
			continue
		}
		cycle := []int{v}
		for u := head[v]; u != v; u = head[u] {
			cycle = append(cycle, u)
		}
		return cycle
	}
	return nil
}
