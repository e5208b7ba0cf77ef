package tokenizers

import (
	"fmt"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// matchTimeout bounds the search of one expression in one text: expressions come from files of strangers.
const matchTimeout = 10 * time.Second

// regex is a regular expression that no scanner is written for.
type regex struct{ re *regexp2.Regexp }

// newRegex gives the pattern of a regular expression in the library's dialect (Oniguruma's Ruby syntax).
func newRegex(expr string) (pattern, error) {
	u := unicodeTables()
	if scan, ok := scanners[expr]; ok {
		return scanner{u, scan}, nil
	}
	translated, err := translateRegex(expr)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", expr, err)
	}
	re, err := regexp2.Compile(translated)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", expr, err)
	}
	re.MatchTimeout = matchTimeout
	return regex{re}, nil
}

func (x regex) find(text string, dst []segment) ([]segment, error) {
	found, err := x.re.FindAllStringIndex(text, -1)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", x.re.String(), err)
	}
	from := 0
	for i, m := range found {
		if m[0] == m[1] && i > 0 && m[0] == found[i-1][1] {
			continue // an empty match right after the last one does not count
		}
		dst = cover(dst, from, m[0], m[1])
		from = m[1]
	}
	if from < len(text) {
		dst = append(dst, segment{from, len(text), false})
	}
	return dst, nil
}
