package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseLine(t *testing.T) {
	l := parseLine([]byte("plain {text}"), 7)
	require.NoError(t, l.err)
	require.Equal(t, "plain {text}", *l.Text)
	require.Equal(t, 7, l.number)

	l = parseLine([]byte(`{"te\u0078t":"a","text_pair":"","question":"q","context":"c","query":"r","choices":["x","y"],"texts":[],"labels":null,
		"ids":[1,-2147483648,2147483647],"targets":["word",[3,8],"",[0,1]] } `), 1)
	require.NoError(t, l.err)
	require.Equal(t, "a", *l.Text)
	require.Empty(t, *l.TextPair)
	require.Equal(t, "q", *l.Question)
	require.Equal(t, "c", *l.Context)
	require.Equal(t, "r", *l.Query)
	require.Equal(t, []string{"x", "y"}, l.Choices)
	require.NotNil(t, l.Texts, "present and empty")
	require.Nil(t, l.Labels)
	require.Equal(t, []int32{1, -1 << 31, 1<<31 - 1}, l.IDs)
	word, empty := "word", ""
	require.Equal(t, []target{{Word: &word}, {Start: 3, End: 8}, {Word: &empty}, {End: 1}}, l.Targets)

	l = parseLine([]byte(`{}`), 1)
	require.NoError(t, l.err)
	require.Nil(t, l.Text)
	l = parseLine([]byte(`{"text":null,"text_pair":null}`), 1)
	require.NoError(t, l.err)
	require.Nil(t, l.TextPair, "null counts as absent")
	l = parseLine([]byte(`{"text":"\ud83d"}`), 1)
	require.NoError(t, l.err)
	require.Equal(t, "\ufffd", *l.Text)
}

// TestBadObjects: every error names the key.
func TestBadObjects(t *testing.T) {
	const all = "text, text_pair, question, context, query, choices, texts, labels, ids, targets"
	for in, want := range map[string]string{
		`{"text":"a","text":"b"}`:             `the key "text" comes twice`,
		`{"text":null,"text":"b"}`:            `the key "text" comes twice`,
		`{"Text":"a"}`:                        `unknown key "Text": the keys are ` + all,
		`{"txt":"a"}`:                         `unknown key "txt": the keys are ` + all,
		`{"":"a"}`:                            `unknown key "": the keys are ` + all,
		`{"text":3}`:                          `the key "text" is 3, want a string`,
		`{"text":["a"]}`:                      `the key "text" is ["a"], want a string`,
		`{"texts":"a"}`:                       `the key "texts" is "a", want a list`,
		`{"texts":{}}`:                        `the key "texts" is {}, want a list`,
		`{"texts":["a",null]}`:                `the key "texts" has null as element 1, want a string`,
		`{"choices":[null]}`:                  `the key "choices" has null as element 0`,
		`{"labels":["a",5]}`:                  `the key "labels" has 5 as element 1`,
		`{"ids":[1,2147483648]}`:              `the key "ids" has 2147483648 as element 1, want a whole number of at most 32 bits`,
		`{"ids":[-2147483649]}`:               `the key "ids" has -2147483649 as element 0`,
		`{"ids":[1.5]}`:                       `the key "ids" has 1.5 as element 0`,
		`{"ids":[null]}`:                      `the key "ids" has null as element 0`,
		`{"targets":[[1]]}`:                   `the key "targets" has [1] as element 0, want a string or [start,end]`,
		`{"targets":["a",[1,2,3]]}`:           `the key "targets" has [1,2,3] as element 1`,
		`{"targets":[[1,null]]}`:              `the key "targets" has [1,null] as element 0`,
		`{"targets":[[5,3]]}`:                 `the key "targets" has [5,3] as element 0`,
		`{"targets":[[-1,3]]}`:                `the key "targets" has [-1,3] as element 0`,
		`{"targets":[["1","3"]]}`:             `the key "targets" has ["1","3"] as element 0`,
		`{"targets":[null]}`:                  `the key "targets" has null as element 0`,
		`{"targets":[7]}`:                     `the key "targets" has 7 as element 0`,
		`{"targets":"a"}`:                     `the key "targets" is "a", want a list`,
		`{"text":"a"} x`:                      `something follows the JSON object`,
		`{"text":"a"}{}`:                      `something follows the JSON object`,
		`{"text":"a",}`:                       `not a JSON object of the keys ` + all,
		`{"text":"a"`:                         `not a JSON object`,
		`{"text"`:                             `not a JSON object`,
		`{"text":`:                            `not a JSON object`,
		`{text}`:                              `not a JSON object`,
		`{1:2}`:                               `not a JSON object`,
		`{"text" "a"}`:                        `not a JSON object`,
		`{"text":"` + strings.Repeat("é", 99): `not a JSON object`,
	} {
		l := parseLine([]byte(in), 3)
		require.ErrorContains(t, l.err, want, in)
		require.Nil(t, l.Text, in)
		require.Equal(t, 3, l.number)
	}
	l := parseLine([]byte(`{"ids":"`+strings.Repeat("é", 99)+`"}`), 1)
	require.Less(t, len(l.err.Error()), 150, "a long value is cut")
}

func BenchmarkParseLine(b *testing.B) {
	text := strings.Repeat("a film with much to say ", 20)
	for name, in := range map[string]string{"plain": text, "object": `{"text":"` + text + `","text_pair":"dull"}`} {
		b.Run(name, func(b *testing.B) {
			raw := []byte(in)
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if l := parseLine(raw, 1); l.err != nil {
					b.Fatal(l.err)
				}
			}
		})
	}
}
