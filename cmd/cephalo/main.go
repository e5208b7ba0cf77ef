// Command cephalo runs Hugging Face model folders over text: labels, entities,
// answers, embeddings and scores, on WebGPU or on the CPU.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// cli is the whole command line. Each command lies in a file of its own.
type cli struct {
	Predict  predictCmd  `cmd:"" help:"Run the folder's head over text."`
	Tag      tagCmd      `cmd:"" help:"Entities of texts."`
	Answer   answerCmd   `cmd:"" help:"Answers to questions, as spans of a context."`
	ZeroShot zeroShotCmd `cmd:"" help:"Classify by labels of your own, through an inference head."`
	Rank     rankCmd     `cmd:"" help:"Rank texts for a query."`
	Similar  similarCmd  `cmd:"" help:"Similarity of two texts."`
	Embed    embedCmd    `cmd:"" help:"Vectors of texts."`
	FillMask fillMaskCmd `cmd:"" help:"Fill the masks of texts."`
	Generate generateCmd `cmd:"" help:"Continue prompts."`
	Tokenize tokenizeCmd `cmd:"" help:"Text to token ids, or back with --decode."`
	Inspect  inspectCmd  `cmd:"" help:"Say what a model folder holds."`
	Verify   verifyCmd   `cmd:"" help:"Compare a folder's outputs with its io.safetensors."`
	Devices  devicesCmd  `cmd:"" help:"List the WebGPU adapters."`
	Version  versionCmd  `cmd:"" help:"Print the version."`

	Completion completionCmd `cmd:"" help:"Print a shell's completion script."`

	Quiet    bool   `help:"Only results and errors."`
	LogLevel string `help:"What to say on standard error: ${enum}." enum:"error,info" default:"info"`
}

// app is what every command runs with.
type app struct {
	ctx    context.Context
	in     io.Reader
	out    io.Writer
	errOut io.Writer
	quiet  bool
	feed   *feed // lines being read, nil before
}

// log writes a line for the user, unless silenced.
func (a *app) log(line string) {
	if !a.quiet {
		fmt.Fprintln(a.errOut, "cephalo: "+line)
	}
}

// errPartial says that the failing inputs were reported already.
var errPartial = errors.New("some inputs failed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main without the process: it gives the exit code.
func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) (code int) {
	var c cli
	exited := -1
	parser, err := kong.New(&c, append(mappers(), kong.Name("cephalo"), kong.Description("Transformer encoders and NLP task heads, on any GPU through WebGPU and on any CPU."), kong.PostBuild(addExamples),
		kong.Writers(out, errOut), kong.Exit(func(n int) { exited = n; panic(exitNow{}) }), kong.ConfigureHelp(kong.HelpOptions{Compact: true}))...)
	if err != nil {
		fmt.Fprintln(errOut, "cephalo:", err)
		return exitUsage
	}
	defer func() { // --help ends the parsing by Exit
		if r := recover(); r != nil {
			if _, ok := r.(exitNow); !ok {
				panic(r)
			}
			code = exited
		}
	}()
	k, err := parser.Parse(args)
	if err != nil {
		explain(err, errOut)
		return exitUsage
	}
	a := &app{ctx: ctx, in: in, out: out, errOut: errOut, quiet: c.Quiet || c.LogLevel == "error"}
	if err = k.Run(a); err == nil {
		err = ctx.Err() // a signal while waiting for input
	}
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage):
		fmt.Fprintln(errOut, "cephalo:", err)
		return exitUsage
	case errors.Is(err, errPartial):
		return exitFailed
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(errOut, "cephalo: interrupted")
		return exitFailed
	}
	fmt.Fprintln(errOut, "cephalo:", err)
	return exitFailed
}

type exitNow struct{}
