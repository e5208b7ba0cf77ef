package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"
)

// inputFlags say where texts come from: arguments, a file, or standard input.
type inputFlags struct {
	Texts []string `arg:"" optional:"" name:"text" help:"Texts; without any, lines of standard input."`
	Input string   `help:"Read lines from a file." placeholder:"FILE"`
}

// line is one input as a user wrote it: a plain text, or a JSON object.
type line struct {
	number   int // from 1
	Text     *string
	TextPair *string
	Question *string
	Context  *string
	Query    *string
	Choices  []string
	Texts    []string
	Labels   []string
	IDs      []int32
	Targets  []target
	err      error
}

// target is a place in a text: a word to find there, or the characters from Start
// up to End.
type target struct {
	Word       *string // nil: Start and End count
	Start, End int
}

// Validate is called by the parser.
func (f inputFlags) Validate() error {
	if len(f.Texts) > 0 && f.Input != "" {
		return usagef("texts as arguments and --input exclude each other")
	}
	return nil
}

// source is the place that the flags name; close it.
func (f inputFlags) source(a *app) (io.ReadCloser, error) {
	if f.Input != "" {
		return os.Open(f.Input)
	}
	return io.NopCloser(a.in), nil
}

// lines yields the inputs as they are read. A line may have any length.
func (f inputFlags) lines(a *app, failed *error) (iter.Seq[line], error) {
	if len(f.Texts) > 0 && f.Input == "" {
		return func(yield func(line) bool) {
			for i, t := range f.Texts {
				if !yield(parseLine([]byte(t), i+1)) {
					return
				}
			}
		}, nil
	}
	src, err := f.source(a)
	if err != nil {
		return nil, err
	}
	a.feed = read(src)
	return func(yield func(line) bool) {
		for {
			select {
			case <-a.ctx.Done():
				return
			case l, ok := <-a.feed.lines:
				if !ok {
					*failed = a.feed.err
					return
				}
				if !yield(parseLine(l.raw, l.number)) {
					return
				}
			}
		}
	}, nil
}

// rawLine is a line without its end.
type rawLine struct {
	raw    []byte
	number int
}

// feed reads lines on a goroutine of its own, so that a wait for input holds up
// neither results nor a signal.
type feed struct {
	lines chan rawLine
	err   error // set before lines is closed
}

// ahead is how many lines are read before they are asked for.
const ahead = 256

func read(src io.ReadCloser) *feed {
	f := &feed{lines: make(chan rawLine, ahead)}
	go func() {
		defer close(f.lines)
		defer src.Close()
		r := bufio.NewReaderSize(src, 1<<16)
		for n := 1; ; n++ {
			raw, err := r.ReadBytes('\n')
			if n == 1 {
				raw = bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))
			}
			if len(raw) > 0 {
				raw = bytes.TrimSuffix(raw, []byte("\n"))
				f.lines <- rawLine{bytes.TrimSuffix(raw, []byte("\r")), n}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					f.err = fmt.Errorf("reading input: %w", err)
				}
				return
			}
		}
	}()
	return f
}

// patience is how long a reader that is not waiting for input may take to bring
// the next line.
const patience = 2 * time.Millisecond

// idle says that no line is waiting.
func (a *app) idle() bool {
	if a.feed == nil || len(a.feed.lines) > 0 {
		return false
	}
	time.Sleep(patience)
	return len(a.feed.lines) == 0
}

// parseLine takes a line that begins with { as a JSON object and any other as text.
func parseLine(raw []byte, n int) line {
	l := line{number: n}
	if !bytes.HasPrefix(raw, []byte("{")) {
		s := string(raw)
		l.Text = &s
		return l
	}
	if err := parseObject(raw, &l); err != nil {
		l = line{number: n, err: err}
	}
	return l
}
