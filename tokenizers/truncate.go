package tokenizers

import "fmt"

// windows gives the ranges of tokens that n tokens are cut into: at most size each, overlap of them shared with
// the one before, from the left or from the right end. The first is the main one.
func windows(n, size, overlap int, fromRight bool) ([][2]int, error) {
	if size >= n {
		return [][2]int{{0, n}}, nil
	}
	if size == 0 {
		return [][2]int{{0, 0}, {0, n}}, nil
	}
	if overlap >= size {
		return nil, fmt.Errorf("overlap of %d tokens, want less than the %d that a window has room for", overlap, size)
	}
	var out [][2]int
	for at := 0; at < n; at += size - overlap {
		w := [2]int{at, min(at+size, n)}
		if fromRight {
			w = [2]int{max(n-at-size, 0), n - at}
		}
		out = append(out, w)
		if at+size >= n {
			break
		}
	}
	return out, nil
}

// share gives the number of tokens that each of two sequences may keep (have[1] is -1 for one alone) so that
// together they are at most room.
func share(have [2]int, room int, strategy string) ([2]int, error) {
	pair := have[1] >= 0
	total := have[0] + max(have[1], 0)
	if total <= room && room > 0 {
		return have, nil
	}
	if room == 0 {
		return [2]int{}, nil
	}
	switch strategy {
	case "only_first", "only_second":
		i := 0
		if strategy == "only_second" {
			i = 1
		}
		if i == 1 && !pair {
			return have, fmt.Errorf("truncation strategy only_second: there is no second text")
		}
		over := total - room
		if have[i] <= over {
			return have, fmt.Errorf("truncation strategy %s: %d tokens are too many and that text has %d", strategy, over, have[i])
		}
		have[i] -= over
		return have, nil
	case "longest_first":
		if !pair {
			return [2]int{room, -1}, nil
		}
		short, long := 0, 1
		if have[0] > have[1] {
			short, long = 1, 0
		}
		if have[short] > room {
			have[long] = have[short]
		} else {
			have[long] = max(have[short], room-have[short])
		}
		if have[short]+have[long] > room {
			have[short] = room / 2
			have[long] = have[short] + room%2
		}
		return have, nil
	}
	return have, fmt.Errorf("truncation strategy %q, want longest_first, only_first or only_second", strategy)
}

// assemble cuts the sequences into windows and puts each into the template.
func (t *Tokenizer) assemble(seqs []sequence, opt Options) (*Encoding, error) {
	parts := t.post.template(len(seqs) == 2, !opt.NoSpecialTokens)
	have := [2]int{len(seqs[0].ids), -1}
	if len(seqs) == 2 {
		have[1] = len(seqs[1].ids)
	}
	keep := have
	side := opt.TruncationSide
	if side == "" {
		side = t.truncationSide
	}
	if side != "left" && side != "right" {
		return nil, fmt.Errorf("truncation side %q, want left or right", side)
	}
	if opt.MaxLength < 0 || opt.Overlap < 0 {
		return nil, fmt.Errorf("max length %d and overlap %d, want 0 or more", opt.MaxLength, opt.Overlap)
	}
	if opt.MaxLength > 0 {
		room := opt.MaxLength - countSpecial(parts)
		if room < 0 {
			return nil, fmt.Errorf("max length %d, want at least the template's %d special tokens", opt.MaxLength, countSpecial(parts))
		}
		strategy := opt.TruncationStrategy
		if strategy == "" {
			strategy = "longest_first"
		}
		var err error
		if keep, err = share(have, room, strategy); err != nil {
			return nil, err
		}
	}
	var cuts [2][][2]int
	for i := range seqs {
		var err error
		if cuts[i], err = windows(have[i], keep[i], opt.Overlap, side == "left"); err != nil {
			return nil, err
		}
	}
	if len(seqs) == 1 {
		main := t.window(seqs, parts, [2][2]int{cuts[0][0]})
		for _, a := range cuts[0][1:] {
			main.Overflow = append(main.Overflow, t.window(seqs, parts, [2][2]int{a}))
		}
		return main, nil
	}
	// The library's order: the first text's further windows with each of the second's, then the first's main
	// window with the second's further ones.
	main := t.window(seqs, parts, [2][2]int{cuts[0][0], cuts[1][0]})
	for _, a := range cuts[0][1:] {
		for _, b := range cuts[1] {
			main.Overflow = append(main.Overflow, t.window(seqs, parts, [2][2]int{a, b}))
		}
	}
	for _, b := range cuts[1][1:] {
		main.Overflow = append(main.Overflow, t.window(seqs, parts, [2][2]int{cuts[0][0], b}))
	}
	return main, nil
}

// window makes one encoding from ranges of the sequences' tokens.
func (t *Tokenizer) window(seqs []sequence, parts []part, ranges [2][2]int) *Encoding {
	n := 0
	for _, p := range parts {
		if p.sequence < 0 {
			n++
		} else {
			n += ranges[p.sequence][1] - ranges[p.sequence][0]
		}
	}
	e := newEncoding(n)
	e.prefix, e.unknownID = t.prefix, t.special.UNKID
	for i := range seqs {
		e.texts[i], e.First[i] = seqs[i].text, ranges[i][0]
	}
	at := 0
	for _, p := range parts {
		if p.sequence < 0 {
			e.IDs[at], e.TypeIDs[at], e.Tokens[at] = p.id, p.typeID, p.token
			e.WordIDs[at], e.Sequence[at], e.Special[at] = -1, -1, true
			at++
			continue
		}
		s, from, to := &seqs[p.sequence], ranges[p.sequence][0], ranges[p.sequence][1]
		end := at + to - from
		copy(e.IDs[at:end], s.ids[from:to])
		copy(e.Tokens[at:end], s.tokens[from:to])
		copy(e.WordIDs[at:end], s.words[from:to])
		for i, o := range s.offsets[from:to] {
			e.Offsets[at+i] = Span{int(o.start), int(o.end)}
			e.TypeIDs[at+i], e.Sequence[at+i] = p.typeID, p.sequence
		}
		for _, trim := range t.post.trims {
			trim.apply(s.text, e.Tokens[at:end], e.Offsets[at:end])
		}
		at = end
	}
	return e
}
