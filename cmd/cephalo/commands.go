package main

import (
	"iter"

	"github.com/cephalo-ml/cephalo"
)

// pipelineCmd is what the commands over text have in common.
type pipelineCmd struct {
	inputFlags
	modelFlags
	outputFlags
}

// check finds flags that exclude each other.
func (f lengthFlags) check() error {
	if f.Overlap > 0 && (f.OnLong == cephalo.LongError || f.OnLong == cephalo.LongTruncate) {
		return usagef("--overlap is of windows: it does not go with --on-long %s", f.OnLong)
	}
	return nil
}

// whole is check for what reads a text in one piece, and refuses windows.
func (f lengthFlags) whole(what string) error {
	switch {
	case f.OnLong == cephalo.LongWindow:
		return usagef("--on-long window: %s reads a text in one piece, want truncate or error", what)
	case f.Overlap > 0:
		return usagef("--overlap is of windows: %s reads a text in one piece", what)
	}
	return f.check()
}

// runPipeline opens the model, turns lines into inputs, and writes the results as
// they come. start gives the results; render makes one ready to write.
func runPipeline[I, R any](a *app, c pipelineCmd, input func(line) I, start func(*cephalo.Model, iter.Seq[I]) iter.Seq2[R, error], render func(in I, r R) value) error {
	m, err := c.open(a)
	if err != nil {
		return err
	}
	defer m.Close()
	return pipe(a, c, m, input, start, render)
}

// pipe is runPipeline on an open model.
func pipe[I, R any](a *app, c pipelineCmd, m *cephalo.Model, input func(line) I, start func(*cephalo.Model, iter.Seq[I]) iter.Seq2[R, error], render func(in I, r R) value) error {
	var broken error
	lines, err := c.lines(a, &broken)
	if err != nil {
		return err
	}
	// Inputs wait here until their results come, which are in the same order.
	type waiting struct {
		in     I
		number int
	}
	var queue []waiting
	first := 0
	inputs := func(yield func(I) bool) {
		for l := range lines {
			in := input(l)
			queue = append(queue, waiting{in, l.number})
			if !yield(in) {
				return
			}
		}
	}
	at := func(i int) waiting { return queue[i-first] }
	err = writeAll(a, c.outputFlags, start(m, inputs), func(i int) int { return at(i).number }, func(i int, r R) value {
		for i > first { // those before are written: let go of them
			queue, first = queue[1:], first+1
		}
		return render(at(i).in, r)
	})
	if err == nil {
		err = broken
	}
	return err
}
