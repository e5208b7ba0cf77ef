package tokenizers

// bpeScratch is what merging a word needs, kept for the next one.
type bpeScratch struct {
	symbols []symbol
	merges  []merge   // of each symbol with the next
	links   []link    // of long words
	heap    []pending // of long words
}

// shortWord is the number of symbols up to which looking through all of them for the next merge is the
// quickest.
const shortWord = 48

// mergeShort merges the symbols, always the pair of the lowest rank, the leftmost of equals.
func (s *bpeScratch) mergeShort(t *mergeTable) {
	n := len(s.symbols)
	if n < 2 {
		return
	}
	s.merges = s.merges[:0]
	for i := range n - 1 {
		s.merges = append(s.merges, t.get(s.symbols[i].id, s.symbols[i+1].id))
	}
	symbols, merges := s.symbols, s.merges
	for {
		best, at := uint32(noMerge), -1
		for i := range merges {
			if merges[i].rank < best {
				best, at = merges[i].rank, i
			}
		}
		if at < 0 {
			break
		}
		symbols[at].id = merges[at].id
		symbols[at].len += symbols[at+1].len
		symbols = append(symbols[:at+1], symbols[at+2:]...)
		merges = append(merges[:at], merges[at+1:]...)
		if at < len(merges) {
			merges[at] = t.get(symbols[at].id, symbols[at+1].id)
		}
		if at > 0 {
			merges[at-1] = t.get(symbols[at-1].id, symbols[at].id)
		}
	}
	s.symbols = symbols
}

// link is the neighbours of a symbol in a long word.
type link struct{ prev, next int32 }

// pending is a merge to do: of the symbol at pos with the one after it.
type pending struct {
	merge
	pos int32
}

func (p pending) before(q pending) bool {
	return p.rank < q.rank || p.rank == q.rank && p.pos < q.pos
}

// mergeLong does as mergeShort with a heap, in n log n steps.
func (s *bpeScratch) mergeLong(t *mergeTable) {
	n := len(s.symbols)
	s.links, s.heap = s.links[:0], s.heap[:0]
	for i := range n {
		s.links = append(s.links, link{int32(i - 1), int32(i + 1)})
		if i+1 < n {
			if m := t.get(s.symbols[i].id, s.symbols[i+1].id); m.rank != noMerge {
				s.heap = append(s.heap, pending{m, int32(i)})
			}
		}
	}
	for i := len(s.heap) / 4; i >= 0; i-- {
		s.down(i)
	}
	for len(s.heap) > 0 {
		top := s.pop()
		left, next := &s.symbols[top.pos], s.links[top.pos].next
		if left.len == 0 || int(next) == n {
			continue
		}
		right := &s.symbols[next]
		if t.get(left.id, right.id).id != top.id {
			continue // one of the two has become another symbol
		}
		left.id, left.len, right.len = top.id, left.len+right.len, 0
		after := s.links[next].next
		s.links[top.pos].next = after
		if int(after) < n {
			s.links[after].prev = top.pos
			s.push(t, top.pos, after)
		}
		if prev := s.links[top.pos].prev; prev >= 0 {
			s.push(t, prev, top.pos)
		}
	}
	kept := s.symbols[:0]
	for _, x := range s.symbols {
		if x.len != 0 {
			kept = append(kept, x)
		}
	}
	s.symbols = kept
}

// push adds the merge of two neighbours, if there is one.
func (s *bpeScratch) push(t *mergeTable, left, right int32) {
	m := t.get(s.symbols[left].id, s.symbols[right].id)
	if m.rank == noMerge {
		return
	}
	s.heap = append(s.heap, pending{m, left})
	for i := len(s.heap) - 1; i > 0; {
		parent := (i - 1) / 4
		if !s.heap[i].before(s.heap[parent]) {
			break
		}
		s.heap[i], s.heap[parent] = s.heap[parent], s.heap[i]
		i = parent
	}
}

func (s *bpeScratch) pop() pending {
	top, last := s.heap[0], len(s.heap)-1
	s.heap[0] = s.heap[last]
	s.heap = s.heap[:last]
	s.down(0)
	return top
}

// down lets the entry at i sink to its place; each has four below it.
func (s *bpeScratch) down(i int) {
	for {
		least := i
		for j := 4*i + 1; j <= 4*i+4 && j < len(s.heap); j++ {
			if s.heap[j].before(s.heap[least]) {
				least = j
			}
		}
		if least == i {
			return
		}
		s.heap[i], s.heap[least] = s.heap[least], s.heap[i]
		i = least
	}
}
