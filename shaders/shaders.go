package shaders

import (
	"embed"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

//go:embed *.wgsl common/*.wgsl
var files embed.FS

// Const gives a named constant of a file its value: a number for u32 and i32,
// 0 or 1 for bool. It is comparable, so that a list of them keys a cache.
type Const struct {
	Name  string
	Value int
}

// Source is the text of a shader by the name of its file without ".wgsl", its
// fragments before it and its constants set. An unknown file, a constant that
// the file does not declare, or a value that its type cannot hold is an error.
func Source(name string, consts ...Const) (string, error) {
	body, err := files.ReadFile(name + ".wgsl")
	if err != nil {
		return "", fmt.Errorf("shader %q: %w", name, err)
	}
	var text strings.Builder
	for _, f := range fragments[name] {
		part, err := files.ReadFile("common/" + f + ".wgsl")
		if err != nil {
			return "", fmt.Errorf("shader %q: fragment %q: %w", name, f, err)
		}
		text.Write(part)
		text.WriteByte('\n')
	}
	text.Write(body)
	out := text.String()
	for _, c := range consts {
		if out, err = setConst(out, c); err != nil {
			return "", fmt.Errorf("shader %q: %w", name, err)
		}
	}
	return out, nil
}

var constLine = regexp.MustCompile(`(?m)^const (\w+): (u32|i32|bool) = [^;]+;`)

func setConst(text string, c Const) (string, error) {
	for _, m := range constLine.FindAllStringSubmatchIndex(text, -1) {
		if text[m[2]:m[3]] != c.Name {
			continue
		}
		typ := text[m[4]:m[5]]
		value, err := literal(typ, c.Value)
		if err != nil {
			return "", fmt.Errorf("const %s: %w", c.Name, err)
		}
		return text[:m[0]] + "const " + c.Name + ": " + typ + " = " + value + ";" + text[m[1]:], nil
	}
	return "", fmt.Errorf("const %s is not declared", c.Name)
}

func literal(typ string, v int) (string, error) {
	switch {
	case typ == "bool" && (v == 0 || v == 1):
		return strconv.FormatBool(v == 1), nil
	case typ == "u32" && v >= 0:
		return strconv.Itoa(v) + "u", nil
	case typ == "i32":
		return strconv.Itoa(v), nil
	}
	return "", fmt.Errorf("value %d, want one of type %s", v, typ)
}
