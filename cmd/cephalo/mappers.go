package main

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// mappers read the values of flags. The parser puts the flag before a message and
// the environment variable behind it, where the value came from one.
//
// Numbers begin at 0, or where the tag min says so, and end at the tag max; a
// number below is a wrong value and not a flag of its own.
func mappers() []kong.Option {
	return []kong.Option{
		kong.KindMapper(reflect.String, kong.MapperFunc(stringValue)),
		kong.KindMapper(reflect.Int, kong.MapperFunc(intValue)),
		kong.KindMapper(reflect.Uint64, kong.MapperFunc(uintValue)),
		kong.KindMapper(reflect.Float64, kong.MapperFunc(floatValue)),
	}
}

// choices are the words that a value may be, "" left out.
func choices(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return slices.DeleteFunc(v.EnumSlice(), func(s string) bool { return s == "" })
}

func stringValue(ctx *kong.DecodeContext, target reflect.Value) error {
	var s string
	if err := ctx.Scan.PopValueInto("string", &s); err != nil {
		return err
	}
	if ctx.Value.Enum != "" && !ctx.Value.EnumMap()[s] {
		return fmt.Errorf("want one of %s, got %q", strings.Join(choices(ctx.Value), ", "), s)
	}
	target.SetString(s)
	return nil
}

func intValue(ctx *kong.DecodeContext, target reflect.Value) error {
	lo := cmp.Or(ctx.Value.Tag.Get("min"), "0")
	least, err := strconv.ParseInt(lo, 10, 64)
	if err != nil {
		return err
	}
	return quantity[int64]{"a whole number from " + lo, func(s string) (int64, bool) {
		n, err := strconv.ParseInt(s, 0, target.Type().Bits())
		return n, err == nil && n >= least
	}, target.SetInt}.read(ctx)
}

func uintValue(ctx *kong.DecodeContext, target reflect.Value) error {
	return quantity[uint64]{"a whole number from 0", func(s string) (uint64, bool) {
		n, err := strconv.ParseUint(s, 0, 64)
		return n, err == nil
	}, target.SetUint}.read(ctx)
}

func floatValue(ctx *kong.DecodeContext, target reflect.Value) error {
	want, least, most := "a number", -math.MaxFloat64, math.MaxFloat64
	for _, bound := range []struct {
		tag, word string
		to        *float64
	}{{"min", " from ", &least}, {"max", " to ", &most}} {
		s := ctx.Value.Tag.Get(bound.tag)
		if s == "" {
			continue
		}
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return err
		}
		want, *bound.to = want+bound.word+s, x
	}
	return quantity[float64]{want, func(s string) (float64, bool) {
		x, err := strconv.ParseFloat(s, 64)
		return x, err == nil && x >= least && x <= most
	}, target.SetFloat}.read(ctx)
}

// quantity is a kind of number: what is wanted, in words, and how it is read.
type quantity[T any] struct {
	want  string
	parse func(string) (T, bool)
	set   func(T)
}

// read takes the next word, which may begin with a minus. An environment variable
// that is set to nothing counts as unset.
func (n quantity[T]) read(ctx *kong.DecodeContext) error {
	t := ctx.Scan.Pop()
	if t.IsEOL() {
		return fmt.Errorf("want %s, got nothing", n.want)
	}
	s := t.String()
	if s == "" && len(ctx.Value.Tag.Envs) > 0 {
		s = ctx.Value.Default
	}
	x, ok := n.parse(s)
	if !ok {
		return fmt.Errorf("want %s, got %q", n.want, s)
	}
	n.set(x)
	return nil
}
