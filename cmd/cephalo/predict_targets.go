package main

import (
	"fmt"
	"strings"

	"github.com/cephalo-ml/cephalo"
)

// places are the targets of a line as bytes of its text; nil where it names none.
// A word is looked for behind the last one that was found alike, so that a word
// given twice means two places.
func (l line) places(unit string) ([]cephalo.Span, error) {
	if l.Targets == nil {
		return nil, nil
	}
	spans := []cephalo.Span{}
	behind := map[string]int{}
	for i, t := range l.Targets {
		if t.Word == nil {
			at, err := bytesAt(unit, *l.Text, t.Start, t.End)
			if err != nil {
				return nil, fmt.Errorf("target %d: %w", i, err)
			}
			spans = append(spans, at)
			continue
		}
		from := behind[*t.Word]
		at := strings.Index((*l.Text)[from:], *t.Word)
		if at < 0 || *t.Word == "" {
			return nil, fmt.Errorf("target %d: %q is not in the text", i, *t.Word)
		}
		at += from
		behind[*t.Word] = at + len(*t.Word)
		spans = append(spans, cephalo.Span{Start: at, End: at + len(*t.Word)})
	}
	return spans, nil
}

// bytesAt turns a place counted in a unit into bytes.
func bytesAt(unit, text string, start, end int) (cephalo.Span, error) {
	if unit == "byte" {
		if start >= end || end > len(text) {
			return cephalo.Span{}, fmt.Errorf("[%d,%d] is no place of a text of %d bytes", start, end, len(text))
		}
		return cephalo.Span{Start: start, End: end}, nil
	}
	at, n := cephalo.Span{Start: -1, End: -1}, 0
	for i, r := range text + "\x00" { // one place behind the end
		if n == start && at.Start < 0 {
			at.Start = i
		}
		if n == end && at.End < 0 {
			at.End = i
		}
		n++
		if unit == "utf16" && r > 0xFFFF {
			n++
		}
	}
	if at.Start < 0 || at.End < 0 || at.End <= at.Start {
		return at, fmt.Errorf("[%d,%d] is no place of a text of %d %ss", start, end, n-1, unit)
	}
	return at, nil
}
