package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// usageError is a wrong use of the command, which exits with 2.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// explain says in a line what is wrong with the command line. Without a command
// there is nothing wrong to name: then it is the help, on standard error too.
func explain(err error, w io.Writer) {
	var p *kong.ParseError
	if errors.As(err, &p) && p.Context.Selected() == nil {
		if p.Context.Error == nil {
			p.Context.Stdout = w
			if p.Context.PrintUsage(false) == nil {
				return
			}
		}
		if word, ok := strings.CutPrefix(err.Error(), "unexpected argument "); ok {
			var names []string
			for _, n := range p.Context.Model.Leaves(true) {
				names = append(names, n.Name)
			}
			err = fmt.Errorf("unknown command %s; the commands are %s", word, strings.Join(names, ", "))
		}
	}
	msg := err.Error()
	if strings.HasPrefix(msg, "unknown flag -") && !strings.HasPrefix(msg, "unknown flag --") {
		msg += "; a text that begins with - goes after --"
	}
	fmt.Fprintln(w, "cephalo:", msg)
}

// examples are lines for the help of commands, each under its command's name.
var examples = map[string]string{
	"predict":    `cephalo predict --model DIR --top-k 3 "a moving, wonderful film"`,
	"tag":        `cephalo tag --model DIR --aggregation first "Ada Lovelace was born in London"`,
	"answer":     `cephalo answer --model DIR --question "Who wrote it?" --context notes.txt`,
	"zero-shot":  `cephalo zero-shot --model DIR --labels sports,politics "They won the cup"`,
	"rank":       `cephalo rank --model DIR --query "old rivers" --top-k 5 < passages.txt`,
	"similar":    `cephalo similar --model DIR "a small dog" "a puppy"`,
	"embed":      `cephalo embed --model DIR --output vectors.npy < lines.txt`,
	"fill-mask":  `cephalo fill-mask --model DIR "Paris is the [MASK] of France."`,
	"generate":   `cephalo generate --model DIR --stream --max-new-tokens 50 "Once upon a time"`,
	"tokenize":   `cephalo tokenize --model DIR --format json "one line, one answer"`,
	"inspect":    `cephalo inspect DIR --tensors`,
	"verify":     `cephalo verify DIR --backend webgpu --dump computed.safetensors`,
	"completion": `source <(cephalo completion bash)`,
}

// addExamples puts the examples into the help.
func addExamples(k *kong.Kong) error {
	for _, n := range k.Model.Leaves(false) {
		if line, ok := examples[n.Name]; ok {
			n.Detail = "Example:\n\n\t" + line
		}
	}
	return nil
}
