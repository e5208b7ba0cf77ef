package tokenizers

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder turns tokens into texts that make, one after the other, the decoded text.
type decoder interface {
	decode(tokens []string) ([]string, error)
}

// parseDecoder reads the "decoder" of tokenizer.json; null gives nil: tokens joined by spaces.
func parseDecoder(raw json.RawMessage) (decoder, error) {
	kind, err := partType(raw)
	if err != nil || kind == "" {
		return nil, err
	}
	switch kind {
	case "Sequence":
		var c struct{ Decoders []json.RawMessage }
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		var s decoderSequence
		for _, r := range c.Decoders {
			d, err := parseDecoder(r)
			if err != nil {
				return nil, err
			}
			if d != nil {
				s = append(s, d)
			}
		}
		return s, nil
	case "ByteLevel":
		return byteLevelDecoder{}, nil
	case "WordPiece":
		d := wordPieceDecoder{Prefix: "##", Cleanup: true}
		err := json.Unmarshal(raw, &d)
		return d, err
	case "BPEDecoder":
		d := bpeDecoder{Suffix: "</w>"}
		err := json.Unmarshal(raw, &d)
		return d, err
	case "Metaspace":
		m, err := parseMetaspaceConfig(raw)
		return metaspaceDecoder{m}, err
	case "ByteFallback":
		return byteFallbackDecoder{}, nil
	case "Fuse":
		return fuseDecoder{}, nil
	case "Strip":
		var d stripDecoder
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, err
		}
		if utf8.RuneCountInString(d.Content) != 1 || d.Start < 0 || d.Stop < 0 {
			return nil, fmt.Errorf("decoder Strip: content %q, start %d, stop %d, want one character and numbers from 0", d.Content, d.Start, d.Stop)
		}
		return d, nil
	case "Replace":
		var c struct {
			Pattern json.RawMessage
			Content string
		}
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, err
		}
		p, err := parsePattern(c.Pattern)
		return replaceDecoder{p, c.Content}, err
	case "CTC":
		d := ctcDecoder{Pad: "<pad>", Delimiter: "|", Cleanup: true}
		err := json.Unmarshal(raw, &d)
		return d, err
	}
	return nil, fmt.Errorf("decoder of type %q is not known", kind)
}

type decoderSequence []decoder

func (s decoderSequence) decode(tokens []string) ([]string, error) {
	var err error
	for _, d := range s {
		if tokens, err = d.decode(tokens); err != nil {
			return nil, err
		}
	}
	return tokens, nil
}

// byteLevelDecoder reads the characters of the byte alphabet as bytes; a token with another character stands
// for itself.
type byteLevelDecoder struct{}

func (byteLevelDecoder) decode(tokens []string) ([]string, error) {
	var b []byte
	for _, t := range tokens {
		var ok bool
		if b, ok = fromByteAlphabet(b, t); !ok {
			b = append(b, t...)
		}
	}
	if text := string(b); utf8.ValidString(text) {
		return []string{text}, nil
	}
	text, _ := lossy(string(b))
	return []string{text}, nil
}

type wordPieceDecoder struct {
	Prefix  string
	Cleanup bool
}

func (d wordPieceDecoder) decode(tokens []string) ([]string, error) {
	out := make([]string, len(tokens))
	for i, t := range tokens {
		if i > 0 {
			if rest, ok := strings.CutPrefix(t, d.Prefix); ok {
				t = rest
			} else {
				t = " " + t
			}
		}
		if d.Cleanup {
			t = cleanupToken(t)
		}
		out[i] = t
	}
	return out, nil
}

// cleanUpPairs are the replacements of transformers' clean_up_tokenization, in order.
var cleanUpPairs = [][2]string{
	{" .", "."}, {" ?", "?"}, {" !", "!"}, {" ,", ","}, {" ' ", "'"}, {" n't", "n't"}, {" 'm", "'m"},
	{" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
}

// cleanUp takes out the spaces that English does not have.
func cleanUp(text string) string {
	if !strings.Contains(text, " ") {
		return text
	}
	for _, p := range cleanUpPairs {
		text = strings.ReplaceAll(text, p[0], p[1])
	}
	return text
}

// cleanupToken is the same as the decoders WordPiece and CTC do it, token by token.
func cleanupToken(token string) string {
	if !strings.Contains(token, " ") {
		return token
	}
	for i, p := range cleanUpPairs {
		if i == 7 {
			token = strings.ReplaceAll(token, " do not", " don't")
		}
		token = strings.ReplaceAll(token, p[0], p[1])
	}
	return token
}

type bpeDecoder struct{ Suffix string }

func (d bpeDecoder) decode(tokens []string) ([]string, error) {
	out := make([]string, len(tokens))
	for i, t := range tokens {
		by := " "
		if i == len(tokens)-1 {
			by = ""
		}
		out[i] = strings.ReplaceAll(t, d.Suffix, by)
	}
	return out, nil
}

type metaspaceDecoder struct{ m metaspace }

func (d metaspaceDecoder) decode(tokens []string) ([]string, error) {
	out := make([]string, len(tokens))
	for i, t := range tokens {
		by := " "
		if i == 0 && d.m.prepend != "never" {
			by = ""
		}
		out[i] = strings.ReplaceAll(t, d.m.replacement, by)
	}
	return out, nil
}

// byteFallbackDecoder reads runs of tokens like <0x61> as UTF-8; a run that is none becomes U+FFFD for each.
type byteFallbackDecoder struct{}

func (byteFallbackDecoder) decode(tokens []string) ([]string, error) {
	var out []string
	var run []byte
	flush := func() {
		if utf8.Valid(run) {
			if len(run) > 0 {
				out = append(out, string(run))
			}
		} else {
			for range run {
				out = append(out, "\ufffd")
			}
		}
		run = run[:0]
	}
	for _, t := range tokens {
		if len(t) == 6 && strings.HasPrefix(t, "<0x") && t[5] == '>' {
			// Rust's parser takes a plus sign too.
			digits := t[3:5]
			if digits[0] == '+' {
				digits = digits[1:]
			}
			if b, err := strconv.ParseUint(digits, 16, 8); err == nil {
				run = append(run, byte(b))
				continue
			}
		}
		flush()
		out = append(out, t)
	}
	flush()
	return out, nil
}

type fuseDecoder struct{}

func (fuseDecoder) decode(tokens []string) ([]string, error) {
	return []string{strings.Join(tokens, "")}, nil
}

// stripDecoder takes up to Start characters like Content off the start of each token, and Stop off its end.
type stripDecoder struct {
	Content     string
	Start, Stop int
}

func (d stripDecoder) decode(tokens []string) ([]string, error) {
	out := make([]string, len(tokens))
	for i, t := range tokens {
		// Both ends are measured on the whole token, as in the library.
		end := len(t)
		for n := 0; n < d.Stop && strings.HasSuffix(t[:end], d.Content); n++ {
			end -= len(d.Content)
		}
		start := 0
		for n := 0; n < d.Start && strings.HasPrefix(t[start:], d.Content); n++ {
			start += len(d.Content)
		}
		if start < end {
			out[i] = t[start:end]
		}
	}
	return out, nil
}

type replaceDecoder struct {
	pattern pattern
	content string
}

func (d replaceDecoder) decode(tokens []string) ([]string, error) {
	out := make([]string, len(tokens))
	var segments []segment
	for i, t := range tokens {
		var err error
		if t == "" {
			continue
		}
		if segments, err = d.pattern.find(t, segments[:0]); err != nil {
			return nil, err
		}
		var b strings.Builder
		for _, s := range segments {
			if s.match {
				b.WriteString(d.content)
			} else {
				b.WriteString(t[s.start:s.end])
			}
		}
		out[i] = b.String()
	}
	return out, nil
}

// ctcDecoder drops repeated tokens and padding.
type ctcDecoder struct {
	Pad       string `json:"pad_token"`
	Delimiter string `json:"word_delimiter_token"`
	Cleanup   bool
}

func (d ctcDecoder) decode(tokens []string) ([]string, error) {
	var out []string
	for i, t := range tokens {
		if i > 0 && t == tokens[i-1] {
			continue
		}
		t = strings.ReplaceAll(t, d.Pad, "")
		if d.Cleanup {
			t = strings.ReplaceAll(cleanupToken(t), d.Delimiter, " ")
		}
		if t != "" {
			out = append(out, t)
		}
	}
	return out, nil
}
