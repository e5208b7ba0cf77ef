package main

import (
	"embed"
	"slices"
	"strings"
	"text/template"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"${enum}."`
}

// Run writes the script of a shell. It holds all names, so that completing runs
// no command.
func (c *completionCmd) Run(a *app, k *kong.Context) error {
	return scripts.ExecuteTemplate(a.out, c.Shell+".tmpl", grammar(k.Model))
}

//go:embed completion/*.tmpl
var scriptFiles embed.FS

var scripts = template.Must(template.New("").Funcs(template.FuncMap{
	"join":  func(words []string) string { return strings.Join(words, " ") },
	"quote": func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" },
}).ParseFS(scriptFiles, "completion/*.tmpl"))

// A completer is the command line, or one command, as the scripts take it.
type completer struct {
	Name     string
	Help     string
	Options  []completedOption
	Words    []string // of its argument, where it is one of a few
	Commands []completer
}

// completedOption is one flag.
type completedOption struct {
	Name  string // without --
	Help  string
	Value bool     // a value follows
	Words []string // that the value is one of
}

// grammar turns the parser's model into what the scripts need.
func grammar(app *kong.Application) completer {
	c := complete(app.Node)
	for _, n := range app.Leaves(true) {
		c.Commands = append(c.Commands, complete(n))
	}
	return c
}

func complete(n *kong.Node) completer {
	c := completer{Name: n.Name, Help: n.Help}
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			o := completedOption{Name: f.Name, Help: f.Help, Value: !f.IsBool(), Words: choices(f.Value)}
			c.Options = append(c.Options, o)
			if f.Tag.Negatable != "" {
				o.Name = "no-" + o.Name
				c.Options = append(c.Options, o)
			}
		}
	}
	for _, p := range n.Positional {
		c.Words = append(c.Words, choices(p)...)
	}
	return c
}

// Flags are the options as they are typed.
func (c completer) Flags() string {
	var names []string
	for _, o := range c.Options {
		names = append(names, "--"+o.Name)
	}
	return strings.Join(names, " ")
}

// Names are the names of all commands, with sep between them.
func (c completer) Names(sep string) string {
	var names []string
	for _, n := range c.Commands {
		names = append(names, n.Name)
	}
	return strings.Join(names, sep)
}

// Values are the options that a value follows.
func (c completer) Values() []completedOption {
	return slices.DeleteFunc(slices.Clone(c.Options), func(o completedOption) bool { return !o.Value })
}

// Spec is the option as zsh's _arguments takes it.
func (o completedOption) Spec() string {
	help := "[" + strings.NewReplacer("[", `\[`, "]", `\]`).Replace(o.Help) + "]"
	switch {
	case !o.Value:
		return "--" + o.Name + help
	case o.Words != nil:
		return "--" + o.Name + "=" + help + ":value:(" + strings.Join(o.Words, " ") + ")"
	}
	return "--" + o.Name + "=" + help + ":value:_files"
}
