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
