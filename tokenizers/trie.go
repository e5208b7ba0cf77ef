package tokenizers

import (
	"slices"
	"strings"
)

// trie finds the entries that a text begins with. A node's children lie side by side, sorted by their byte.
type trie struct {
	root  [256]int32 // the node for a first byte, or 0
	nodes []trieNode // node 0 is not used
}

type trieNode struct {
	first int32 // of the children
	value int32 // of the entry that ends here, or -1
	count int16 // of children
	label byte
}

type trieEntry struct {
	text  string
	value int32
}

// newTrie builds the trie of entries with texts that are not empty; of equal texts the last one counts.
func newTrie(entries []trieEntry) *trie {
	entries = slices.DeleteFunc(slices.Clone(entries), func(e trieEntry) bool { return e.text == "" })
	slices.SortStableFunc(entries, func(a, b trieEntry) int { return strings.Compare(a.text, b.text) })
	t := &trie{nodes: make([]trieNode, 1)}
	type job struct {
		node, from, to int32 // the entries below the node
		depth          int
	}
	var jobs []job
	// children adds the nodes for the entries' bytes at depth and gives the first and how many.
	children := func(from, to int32, depth int) (first int32, count int16) {
		first = int32(len(t.nodes))
		for from < to {
			label, end := entries[from].text[depth], from+1
			for end < to && entries[end].text[depth] == label {
				end++
			}
			n := trieNode{label: label, value: -1}
			for from < end && len(entries[from].text) == depth+1 {
				n.value = entries[from].value
				from++
			}
			if from < end {
				jobs = append(jobs, job{int32(len(t.nodes)), from, end, depth + 1})
			}
			t.nodes = append(t.nodes, n)
			count++
			from = end
		}
		return first, count
	}
	first, count := children(0, int32(len(entries)), 0)
	for i := first; i < first+int32(count); i++ {
		t.root[t.nodes[i].label] = i
	}
	for i := 0; i < len(jobs); i++ {
		j := jobs[i]
		first, count := children(j.from, j.to, j.depth)
		t.nodes[j.node].first, t.nodes[j.node].count = first, count
	}
	return t
}

// start gives the node for a first byte; 0 is none.
func (t *trie) start(b byte) int32 { return t.root[b] }

// next gives the child of a node for a byte; 0 is none.
func (t *trie) next(node int32, b byte) int32 {
	n := &t.nodes[node]
	lo, hi := n.first, n.first+int32(n.count)
	for hi-lo > 8 {
		if mid := (lo + hi) / 2; t.nodes[mid].label <= b {
			lo = mid
		} else {
			hi = mid
		}
	}
	for ; lo < hi; lo++ {
		if t.nodes[lo].label == b {
			return lo
		}
	}
	return 0
}

// longest gives the longest entry that text begins with; size 0 is none.
func (t *trie) longest(text string) (value int32, size int) {
	for i, node := 0, int32(0); i < len(text); i++ {
		if i == 0 {
			node = t.start(text[0])
		} else {
			node = t.next(node, text[i])
		}
		if node == 0 {
			break
		}
		if v := t.nodes[node].value; v >= 0 {
			value, size = v, i+1
		}
	}
	return value, size
}
