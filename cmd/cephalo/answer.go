package main

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/cephalo-ml/cephalo"
)

type answerCmd struct {
	pipelineCmd
	answerFlags
	Question *string `help:"The question; then the context comes from --context."`
	Context  *string `help:"The context: a file, or a text where there is no such file." placeholder:"FILE|TEXT"`
}

type answerFlags struct {
	TopK            int    `help:"Answers to give." default:"0"`
	MaxAnswerLength int    `help:"Longest answer, in tokens." default:"15" min:"1"`
	Window          int    `help:"Tokens in a window." default:"384" min:"1"`
	Overlap         int    `help:"Tokens that neighbouring windows share; 0 is 128, at most half a window's room." default:"0"`
	NoAnswer        bool   `help:"The empty answer competes."`
	Offsets         string `help:"Unit of offsets: ${enum}." enum:"char,byte,utf16" default:"char"`
}

func (f answerFlags) options() cephalo.AnswerOptions {
	return cephalo.AnswerOptions{TopK: f.TopK, MaxAnswerLength: f.MaxAnswerLength, Window: f.Window, Overlap: f.Overlap, NoAnswer: f.NoAnswer}
}

func (c *answerCmd) Run(a *app) error {
	var given *string
	if c.Context != nil {
		raw, err := os.ReadFile(*c.Context)
		switch {
		case err == nil:
			text := string(raw)
			given = &text
		case errors.Is(err, fs.ErrNotExist) && isName(*c.Context):
			return usagef("--context: there is no file %s (a text has spaces, or no dot and slash)", *c.Context)
		case errors.Is(err, fs.ErrNotExist) || strings.ContainsAny(*c.Context, " \n\x00") || len(*c.Context) > 255:
			given = c.Context
		default:
			return fmt.Errorf("--context: %w", err)
		}
	}
	input := func(l line) cephalo.Question { return questionInput(l, given) }
	if c.Question != nil {
		if len(c.Texts) > 0 || c.Input != "" {
			return usagef("--question and other inputs exclude each other")
		}
		if given == nil {
			return usagef("--question needs --context")
		}
		c.Texts = []string{"one"}
		input = func(line) cephalo.Question { return cephalo.Question{Question: *c.Question, Context: *given} }
	}
	return runPipeline(a, c.pipelineCmd, input, func(m *cephalo.Model, in iter.Seq[cephalo.Question]) iter.Seq2[[]cephalo.AnswerSpan, error] {
		return m.AnswerSeq(a.ctx, in, c.options())
	}, c.render)
}

// isName says that a word is a file's name and no text: it has folders or an ending,
// and is written in ASCII, since texts of some writings have no spaces.
func isName(s string) bool {
	odd := strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r > unicode.MaxASCII })
	return !odd && (strings.ContainsAny(s, `/\`) || len(filepath.Ext(s)) > 1)
}

// questionInput takes "question" and "context"; a plain line is a question about
// the context that was given.
func questionInput(l line, given *string) cephalo.Question {
	q := cephalo.Question{Err: l.err}
	if l.Question == nil {
		l.Question = l.Text
	}
	if l.Context == nil {
		l.Context = given
	}
	switch {
	case l.err != nil:
	case l.Question == nil:
		q.Err = fmt.Errorf(`the key "question" is missing`)
	case l.Context == nil:
		q.Err = fmt.Errorf(`the key "context" is missing`)
	default:
		q.Question, q.Context = *l.Question, *l.Context
	}
	return q
}

// answered is the JSON form of an answer.
type answered struct {
	Answer string  `json:"answer"`
	Score  float64 `json:"score"`
	Start  int     `json:"start"`
	End    int     `json:"end"`
}

func (f answerFlags) render(q cephalo.Question, as []cephalo.AnswerSpan) value {
	spans := make([]cephalo.Span, len(as))
	for i, s := range as {
		spans[i] = cephalo.Span{Start: s.Start, End: s.End}
	}
	spans = convert(f.Offsets, q.Context, spans)
	list := make([]answered, len(as))
	var v value
	var lines []string
	for i, s := range as {
		list[i] = answered{s.Answer, s.Score, spans[i].Start, spans[i].End}
		lines = append(lines, fmt.Sprintf("%.6f\t%s", s.Score, inContext(q.Context, s)))
		v.tsv = append(v.tsv, s.Answer, number(s.Score), fmt.Sprint(spans[i].Start), fmt.Sprint(spans[i].End))
	}
	v.text = strings.Join(lines, "\n")
	v.json = list
	if f.TopK <= 1 && len(list) > 0 && f.TopK == 0 {
		v.json = list[0]
	}
	return v
}

// around is how much context is shown beside an answer, in bytes.
const around = 40

// inContext is the answer in brackets with a little of the text about it.
func inContext(text string, s cephalo.AnswerSpan) string {
	if s.Start == s.End {
		return "(no answer)"
	}
	lo, hi := max(0, s.Start-around), min(len(text), s.End+around)
	for lo > 0 && text[lo]&0xC0 == 0x80 {
		lo--
	}
	for hi < len(text) && text[hi]&0xC0 == 0x80 {
		hi++
	}
	flat := strings.NewReplacer("\n", " ", "\r", " ", "\t", " ")
	return flat.Replace(text[lo:s.Start]) + "[" + flat.Replace(s.Answer) + "]" + flat.Replace(text[s.End:hi])
}
