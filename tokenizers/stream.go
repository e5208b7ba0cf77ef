package tokenizers

import "strings"

// Stream decodes ids one at a time. It is not for several goroutines at once.
type Stream struct {
	t           *Tokenizer
	skipSpecial bool
	ids         []int32 // the window: those of the last text given out, and those since
	context     int     // how many of ids were there before the last text given out
	done        string  // what of the window's text was given out
	pending     string  // text that the clean-up may still change
}

// maxWithheld is the number of ids after which U+FFFD at the end is taken for what it is.
const maxWithheld = 16

// NewStream gives a stream. Together its texts are what Decode gives for all ids.
func (t *Tokenizer) NewStream(skipSpecial bool) *Stream {
	return &Stream{t: t, skipSpecial: skipSpecial}
}

// Push adds an id and gives the text that it completes: whole characters only, so often "".
func (s *Stream) Push(id int32) string {
	s.ids = append(s.ids, id)
	text, err := s.t.decodeRaw(s.ids, s.skipSpecial)
	if err != nil {
		return ""
	}
	stable := s.stable(text)
	if len(stable) <= len(s.done) || !strings.HasPrefix(stable, s.done) {
		return ""
	}
	out := stable[len(s.done):]
	if len(stable) < len(text) {
		s.done = stable
		return s.clean(out, false)
	}
	// The ids before the last text are no longer needed: the rest decodes the same without them.
	s.ids = append(s.ids[:0], s.ids[s.context:]...)
	s.context = len(s.ids)
	if s.done, err = s.t.decodeRaw(s.ids, s.skipSpecial); err != nil {
		s.done = ""
	}
	return s.clean(out, false)
}

// stable gives the text that further ids cannot change: without the U+FFFD at its end that an incomplete
// character is read as. Bytes give one of them, tokens for bytes (ByteFallback) one each.
func (s *Stream) stable(text string) string {
	if _, ok := s.t.decoder.(byteLevelDecoder); ok {
		return strings.TrimSuffix(text, "\ufffd")
	}
	if len(s.ids)-s.context < maxWithheld {
		return strings.TrimRight(text, "\ufffd")
	}
	return text
}

// Flush gives the rest, an incomplete character as U+FFFD. The stream is then as new.
func (s *Stream) Flush() string {
	text, err := s.t.decodeRaw(s.ids, s.skipSpecial)
	rest := ""
	if err == nil && strings.HasPrefix(text, s.done) {
		rest = text[len(s.done):]
	}
	out := s.clean(rest, true)
	*s = Stream{t: s.t, skipSpecial: s.skipSpecial}
	return out
}

// clean passes text through clean_up_tokenization, keeping back what a replacement might still reach into.
func (s *Stream) clean(text string, last bool) string {
	if !s.t.cleanUp {
		return text
	}
	s.pending += text
	n := len(s.pending)
	for !last && n > 0 && !safeCut(s.pending, n) {
		n--
	}
	out := cleanUp(s.pending[:n])
	s.pending = s.pending[n:]
	return out
}

// safeCut says whether no replacement can touch both sides of place n. Each begins with a space and has at most
// three more characters, one of which may be a space that follows an apostrophe.
func safeCut(text string, n int) bool {
	if n < len(text) && text[n] == ' ' {
		return text[n-1] != ' ' && text[n-1] != '\''
	}
	if n < len(text) && text[n]&0xc0 == 0x80 {
		return false // inside a character
	}
	return !strings.Contains(text[max(n-3, 0):n], " ")
}
