package cephalo_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/internal/safetensors"
	"github.com/cephalo-ml/cephalo/tensor"
)

// matrix is a weight [rows,cols] that a test fills in.
type matrix struct {
	cols int
	v    []float32
}

func (m *matrix) set(r, c int, x float32) { m.v[r*m.cols+c] = x }

// put writes a token's row of the Hadamard matrix at columns from at, so that the
// layer's output is 1 where that token lies there, else 0.
func (m *matrix) put(r, at, token int) {
	for j, x := range row(token) {
		m.v[r*m.cols+at+j] = x / hadamard
	}
}

// settled is a folder with a head of our own whose weights say what a test wants:
// the encoder's hidden states tell the token alone, and token(word) is the row of
// the Hadamard matrix that a word's state is. What settle leaves is zero, norms are 1.
func settled(t *testing.T, cfg heads.TaskConfig, opt heads.Options, words []string, settle func(w map[string]*matrix, token func(string) int)) string {
	t.Helper()
	dir := definite{class: "BertForTokenClassification", words: words, labels: []string{"x"}, weight: "classifier"}.write(t)
	dir = copyFolder(t, dir, map[string]any{"architectures": []string{"BertModel"}}, func(all map[string]tensor.Host) {
		delete(all, "classifier.weight")
		delete(all, "classifier.bias")
	})
	var marks []string
	for _, w := range words {
		if strings.HasPrefix(w, "[") {
			marks = append(marks, `"`+w+`"`)
		}
	}
	tok := `{"tokenizer_class": "BertTokenizer", "do_lower_case": true, "additional_special_tokens": [` + strings.Join(marks, ",") + `]}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "tokenizer_config.json"), []byte(tok), 0o644))
	b, err := cephalo.OpenBackend(t.Context(), cephalo.BackendOptions{Name: cephalo.BackendCPU})
	require.NoError(t, err)
	defer b.Close()
	m, err := cephalo.Open(t.Context(), dir, cephalo.WithSharedBackend(b))
	require.NoError(t, err)
	defer m.Close()
	no := false
	opt.UseIntermediate = &no
	switch kind, _ := cfg.TaskType.Kind(); kind {
	case heads.KindDependencyParsing, heads.KindPredicateTagging, heads.KindRelationExtraction, heads.KindCoreference:
		opt.Activation = "relu" // of their own layers
	}
	require.NoError(t, m.NewHead(t.Context(), cfg, opt, 1))
	to := filepath.Join(t.TempDir(), "settled")
	require.NoError(t, m.Save(t.Context(), to))

	path := filepath.Join(to, "heads.safetensors")
	f, err := safetensors.Open(path)
	require.NoError(t, err)
	weights := map[string]*matrix{}
	dims := map[string][]int{}
	for _, n := range f.Names() {
		d := f.Dims(n)
		size := 1
		for _, x := range d {
			size *= x
		}
		w := &matrix{cols: d[len(d)-1], v: make([]float32, size)}
		if n == "head.norm.weight" {
			for i := range w.v {
				w.v[i] = 1
			}
		}
		weights[strings.TrimPrefix(n, "head.")], dims[n] = w, d
	}
	require.NoError(t, f.Close())
	settle(weights, func(word string) int {
		for i, w := range append(append([]string{}, specials...), words...) {
			if w == word {
				return i + 1
			}
		}
		t.Fatalf("no word %q", word)
		return 0
	})
	var named []safetensors.Named
	for n, d := range dims {
		h, err := tensor.FromSlice(weights[strings.TrimPrefix(n, "head.")].v, d...)
		require.NoError(t, err)
		named = append(named, safetensors.Named{Name: n, Host: h})
	}
	require.NoError(t, safetensors.Write(path, named, nil))
	return to
}

// everywhere opens a folder on every backend, with large and with small batches.
func everywhere(t *testing.T, dir string, fn func(t *testing.T, m *cephalo.Model)) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for name, batch := range map[string][2]int{"large": {32, 4096}, "small": {1, 8}} {
			t.Run(name, func(t *testing.T) { fn(t, open(t, b, dir, cephalo.WithBatch(batch[0], batch[1]))) })
		}
	})
}

// mentioned is a part of a text.
func mentioned(text, word string) cephalo.Mention {
	at := strings.Index(text, word)
	return cephalo.Mention{Word: word, Start: at, End: at + len(word)}
}

func span(text, word string) cephalo.Span {
	m := mentioned(text, word)
	return cephalo.Span{Start: m.Start, End: m.End}
}

// words of entities, with their labels.
func labelled(es []cephalo.Entity) []string {
	out := []string{}
	for _, e := range es {
		out = append(out, e.Label+" "+e.Word)
	}
	return out
}

// TestParse: the best tree, where the best head of each word alone would be a circle.
func TestParse(t *testing.T) {
	words := []string{"the", "cat", "sleep", "##s", "."}
	labels := []string{"root", "det", "nsubj", "punct"}
	dir := settled(t, heads.TaskConfig{Name: "parser", TaskType: heads.DependencyParsing, Labels: labels}, heads.Options{}, words, func(w map[string]*matrix, token func(string) int) {
		for _, space := range []string{"arc_dep", "arc_head", "rel_dep", "rel_head"} {
			for k := range hadamard {
				w[space+".weight"].put(k, 0, k)
			}
		}
		const root = 0 // no token has this row
		w["root_arc"].set(0, root, 1)
		w["root_rel"].set(0, root, 1)
		for _, a := range []struct {
			dep, head int
			score     float32
			label     int
		}{
			{token("the"), token("cat"), 5, 1}, {token("cat"), token("the"), 6, 3}, {token("cat"), token("sleep"), 5, 2},
			{token("sleep"), root, 5, 0}, {token("."), token("sleep"), 5, 3},
		} {
			w["arc.weight"].set(a.head, a.dep, a.score)
			w["rel.weight"].set(a.label*hadamard+a.head, a.dep, 1)
		}
	})
	const text = "The cat  sleeps."
	want := []cephalo.Dependency{
		{Index: 1, Word: "The", Head: 2, Label: "det", Start: 0, End: 3}, {Index: 2, Word: "cat", Head: 3, Label: "nsubj", Start: 4, End: 7},
		{Index: 3, Word: "sleeps", Head: 0, Label: "root", Start: 9, End: 15}, {Index: 4, Word: ".", Head: 3, Label: "punct", Start: 15, End: 16},
	}
	everywhere(t, dir, func(t *testing.T, m *cephalo.Model) {
		got, err := m.Parse(t.Context(), []string{text, "", "sleeps"}, cephalo.Length{})
		require.NoError(t, err)
		require.Equal(t, [][]cephalo.Dependency{want, {}, {{Index: 1, Word: "sleeps", Label: "root", End: 6}}}, got)
		pair := "the"
		_, err = m.Predict(t.Context(), []cephalo.Input{{}}, cephalo.PredictOptions{})
		require.ErrorContains(t, err, "want a text")
		_, err = m.Predict(t.Context(), []cephalo.Input{{Text: &cephalo.Text{Text: text, Pair: &pair}}}, cephalo.PredictOptions{})
		require.ErrorContains(t, err, "the input is a pair of texts, and each head of the model takes one")
		res, err := m.Predict(t.Context(), cephalo.Inputs(text), cephalo.PredictOptions{})
		require.NoError(t, err)
		require.Equal(t, cephalo.Results{"parser": want}, res[0])
	})
}

// predicates settles a predicate tagger: roles[predicate][word] is a label.
func predicates(t *testing.T, task heads.TaskType, crf bool, labels, words []string, roles map[string]map[string]int) string {
	return settled(t, heads.TaskConfig{Name: "frames", TaskType: task, Labels: labels, UseCRF: crf}, heads.Options{}, words, func(w map[string]*matrix, token func(string) int) {
		unit := 0
		for p, of := range roles {
			for word, label := range of {
				w["predicate.weight"].put(unit, 0, token(word))
				w["predicate.weight"].put(unit, hadamard, token(p))
				w["predicate.bias"].set(0, unit, -1) // both, or nothing
				w["classifier.weight"].set(label, unit, 5)
				unit++
			}
		}
		w["classifier.bias"].set(0, 0, 1)
	})
}

// TestFrames: roles of each predicate, given or found.
func TestFrames(t *testing.T) {
	words := []string{"ada", "wrote", "pro", "##grams", "and", "bob", "read", "books"}
	roles := map[string]map[string]int{"wrote": {"ada": 2, "wrote": 1, "pro": 3}, "read": {"bob": 2, "read": 1, "books": 3}}
	const text = "Ada wrote programs and Bob read books"
	for name, c := range map[string]struct {
		task   heads.TaskType
		crf    bool
		labels []string
	}{
		"roles":           {heads.SemanticRoleLabeling, false, []string{"O", "B-V", "B-ARG0", "B-ARG1"}},
		"roles by a CRF":  {heads.SemanticRoleLabeling, true, []string{"O", "B-V", "B-ARG0", "B-ARG1"}},
		"facts":           {heads.FactExtraction, false, []string{"O", "B-P", "B-A0", "B-A1"}},
		"no predicate":    {heads.SemanticRoleLabeling, false, []string{"O", "B-REL", "B-ARG0", "B-ARG1"}},
		"facts by a CRF":  {heads.FactExtraction, true, []string{"O", "B-P", "B-A0", "B-A1"}},
		"other arguments": {heads.FactExtraction, false, []string{"O", "P", "A0", "A1"}},
	} {
		t.Run(name, func(t *testing.T) {
			everywhere(t, predicates(t, c.task, c.crf, c.labels, words, roles), func(t *testing.T, m *cephalo.Model) {
				kind := func(i int) string { return strings.TrimPrefix(c.labels[i], "B-") }
				check := func(f cephalo.Frame, predicate, a0, a1 string) {
					t.Helper()
					require.Equal(t, predicate, f.Predicate.Word)
					want := []string{kind(2) + " " + a0, kind(3) + " " + a1}
					if name == "no predicate" {
						want = []string{want[0], kind(1) + " " + predicate, want[1]}
					} else {
						require.InDelta(t, f.Arguments[0].Score, f.Predicate.Score, 1e-5)
					}
					require.Equal(t, want, labelled(f.Arguments))
					for _, a := range f.Arguments {
						require.Equal(t, a.Word, text[a.Start:a.End])
						require.Greater(t, a.Score, 0.9)
					}
				}
				got, err := m.Frames(t.Context(), []cephalo.Text{{Text: text}, {Text: text, Targets: []cephalo.Span{span(text, "read")}}, {Text: "and"}, {}}, cephalo.Length{})
				require.NoError(t, err)
				require.Len(t, got[0], 2)
				check(got[0][0], "wrote", "Ada", "programs")
				check(got[0][1], "read", "Bob", "books")
				require.Len(t, got[1], 1)
				check(got[1][0], "read", "Bob", "books")
				require.Equal(t, []cephalo.Frame{}, got[2])
				require.Equal(t, []cephalo.Frame{}, got[3])
				for _, bad := range []cephalo.Span{{Start: -1, End: 2}, {Start: 3, End: 3}, {Start: 0, End: 99}, {Start: 3, End: 4}} {
					_, err := m.Frames(t.Context(), []cephalo.Text{{Text: text, Targets: []cephalo.Span{bad}}}, cephalo.Length{})
					require.ErrorContains(t, err, "target")
				}
			})
		})
	}
}

// TestFramePlaces: a frame is of the place that was asked about; one that was found
// is of the tagged place, once.
func TestFramePlaces(t *testing.T) {
	for name, crf := range map[string]bool{"tokens": false, "CRF": true} {
		t.Run(name, func(t *testing.T) {
			roles := map[string]map[string]int{}
			for _, p := range []string{"give", "up"} {
				roles[p] = map[string]int{"never": 3, "give": 1, "up": 2}
			}
			dir := predicates(t, heads.SemanticRoleLabeling, crf, []string{"O", "B-V", "I-V", "B-ARGM"}, []string{"never", "give", "up", "now"}, roles)
			const text = "now 東 never give up now"
			everywhere(t, dir, func(t *testing.T, m *cephalo.Model) {
				places := []cephalo.Span{span(text, "up"), span(text, "give"), span(text, "give up"), span(text, "now")}
				got, err := m.Frames(t.Context(), []cephalo.Text{{Text: text}, {Text: text, Targets: places}}, cephalo.Length{})
				require.NoError(t, err)
				require.Len(t, got[0], 1)
				require.Equal(t, "give up", got[0][0].Predicate.Word)
				require.Equal(t, "V", got[0][0].Predicate.Label)
				require.Equal(t, []string{"ARGM never"}, labelled(got[0][0].Arguments))
				require.Len(t, got[1], len(places))
				for i, f := range got[1] {
					require.Equal(t, text[places[i].Start:places[i].End], f.Predicate.Word)
					require.Equal(t, places[i], cephalo.Span{Start: f.Predicate.Start, End: f.Predicate.End})
					if i < 3 {
						require.Equal(t, "V", f.Predicate.Label)
						require.Greater(t, f.Predicate.Score, 0.9)
					} else {
						require.Empty(t, f.Predicate.Label)
						require.Zero(t, f.Predicate.Score)
					}
				}
			})
		})
	}
}

// TestBadTargets: a place that is none of the text is an error that names it, for
// every head that is asked about places.
func TestBadTargets(t *testing.T) {
	const text = "é😀 ada met bob today"
	ada := span(text, "ada")
	all := map[string]func(m *cephalo.Model, in cephalo.Text, l cephalo.Length) error{
		"roles": func(m *cephalo.Model, in cephalo.Text, l cephalo.Length) error {
			_, err := m.Frames(t.Context(), []cephalo.Text{in}, l)
			return err
		},
		"senses": func(m *cephalo.Model, in cephalo.Text, l cephalo.Length) error {
			_, err := m.Senses(t.Context(), []cephalo.Text{in}, l)
			return err
		},
		"relations": func(m *cephalo.Model, in cephalo.Text, l cephalo.Length) error {
			_, err := m.Relations(t.Context(), []cephalo.Text{in}, l)
			return err
		},
	}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m := sentiment(t, b)
		require.NoError(t, m.NewHeads(t.Context(), everyHead(), false, 5))
		for name, run := range all {
			for _, c := range []struct {
				at   cephalo.Span
				want string
			}{
				{cephalo.Span{Start: 1, End: 3}, "target 1: bytes 1 to 3 cut a character"},
				{cephalo.Span{Start: 0, End: 3}, "target 1: bytes 0 to 3 cut a character"},
				{cephalo.Span{Start: 2, End: 5}, "target 1: bytes 2 to 5 cut a character"},
				{cephalo.Span{Start: 5, End: 5}, "target 1: bytes 5 to 5, want 0 <= start < end <= 24"},
				{cephalo.Span{Start: 5, End: 25}, "target 1: bytes 5 to 25, want"},
				{cephalo.Span{Start: -1, End: 5}, "target 1: bytes -1 to 5, want"},
				{cephalo.Span{Start: 6, End: 7}, `target 1 (" ") holds no token`},
			} {
				in := cephalo.Text{Text: text, Targets: []cephalo.Span{ada, c.at}}
				require.ErrorContains(t, run(m, in, cephalo.Length{}), c.want, name)
			}
			in := cephalo.Text{Text: text, Targets: []cephalo.Span{ada, span(text, "today")}}
			require.NoError(t, run(m, in, cephalo.Length{}), name)
			require.ErrorContains(t, run(m, in, cephalo.Length{MaxLength: 5}), `target 1 ("today") lies outside the 5 tokens that are read of the text`, name)
		}
		require.ErrorContains(t, all["relations"](m, cephalo.Text{Text: text, Targets: []cephalo.Span{ada, span(text, "bob"), ada}}, cephalo.Length{}), "targets 0 and 2 are one place")
	})
}

// TestSenses: the sense of the words that are asked about, or of all.
func TestSenses(t *testing.T) {
	labels := []string{"none", "money", "river"}
	dir := settled(t, heads.TaskConfig{Name: "senses", TaskType: heads.WordSenseDisambiguation, Labels: labels}, heads.Options{}, []string{"the", "bank", "shore"}, func(w map[string]*matrix, token func(string) int) {
		for j, x := range row(token("bank")) {
			w["classifier.weight"].set(1, j, 3*x/hadamard)
		}
		for j, x := range row(token("shore")) {
			w["classifier.weight"].set(2, j, 3*x/hadamard)
		}
	})
	const text = "The bank, the shore"
	everywhere(t, dir, func(t *testing.T, m *cephalo.Model) {
		got, err := m.Senses(t.Context(), []cephalo.Text{{Text: text, Targets: []cephalo.Span{span(text, "shore"), span(text, "bank")}}, {Text: text}, {}}, cephalo.Length{})
		require.NoError(t, err)
		require.Len(t, got[0], 2)
		require.Equal(t, "river", got[0][0].Label)
		require.Equal(t, mentioned(text, "shore"), got[0][0].Mention)
		require.InDelta(t, 0.909443, got[0][0].Score, 1e-5) // e^3 / (e^3 + 2)
		require.Equal(t, "money", got[0][1].Label)
		require.Len(t, got[1], 5)
		require.Equal(t, got[0][1], got[1][1])
		require.Empty(t, got[2])
	})
}

// TestRelations: every ordered pair, bare or behind markers.
func TestRelations(t *testing.T) {
	labels := []string{"none", "born_in", "capital_of"}
	cfg := heads.TaskConfig{Name: "relations", TaskType: heads.RelationExtraction, Labels: labels}
	settle := func(first, second string) func(w map[string]*matrix, token func(string) int) {
		return func(w map[string]*matrix, token func(string) int) {
			w["relation.weight"].put(0, 0, token(first))
			w["relation.weight"].put(0, hadamard, token(second))
			w["relation.bias"].set(0, 0, -1)
			w["classifier.weight"].set(1, 0, 4)
			w["classifier.bias"].set(0, 0, 1)
		}
	}
	const text = "Ada was born in London"
	in := []cephalo.Text{{Text: text, Targets: []cephalo.Span{span(text, "Ada"), span(text, "London")}}}
	words := []string{"ada", "was", "born", "in", "london"}
	t.Run("bare", func(t *testing.T) {
		everywhere(t, settled(t, cfg, heads.Options{}, words, settle("ada", "london")), func(t *testing.T, m *cephalo.Model) {
			got, err := m.Relations(t.Context(), in, cephalo.Length{})
			require.NoError(t, err)
			require.Len(t, got[0], 2)
			require.Equal(t, "born_in", got[0][0].Label)
			require.Equal(t, mentioned(text, "Ada"), got[0][0].Head)
			require.Equal(t, mentioned(text, "London"), got[0][0].Tail)
			require.Equal(t, "none", got[0][1].Label)
			require.Equal(t, mentioned(text, "London"), got[0][1].Head)
			_, err = m.Relations(t.Context(), []cephalo.Text{{Text: text}}, cephalo.Length{})
			require.ErrorContains(t, err, "at least two targets")
		})
	})
	t.Run("marked", func(t *testing.T) {
		words := append([]string{"[E1]", "[/E1]", "[E2]", "[/E2]"}, words...)
		everywhere(t, settled(t, cfg, heads.Options{}, words, settle("[E1]", "[E2]")), func(t *testing.T, m *cephalo.Model) {
			got, err := m.Relations(t.Context(), in, cephalo.Length{})
			require.NoError(t, err)
			require.Len(t, got[0], 2)
			for i, r := range got[0] { // each pair has both markers
				require.Equal(t, "born_in", r.Label, "%d", i)
			}
			require.Equal(t, mentioned(text, "London"), got[0][1].Head)
			over := []cephalo.Span{span(text, "born"), span(text, "born in")}
			_, err = m.Relations(t.Context(), []cephalo.Text{{Text: text, Targets: over}}, cephalo.Length{})
			require.ErrorContains(t, err, `targets 0 ("born") and 1 ("born in") overlap`)
			_, err = m.Relations(t.Context(), in, cephalo.Length{MaxLength: 7})
			require.ErrorContains(t, err, `target 1 ("London") lies outside the 7 tokens`)
			_, err = m.Relations(t.Context(), []cephalo.Text{{Text: text, Targets: []cephalo.Span{{Start: 0, End: 3}, {Start: 9, End: 99}}}}, cephalo.Length{})
			require.ErrorContains(t, err, "target 1: bytes 9 to 99, want")
		})
	})
}

// TestCoreferences: mentions that mean the same, by their scores.
func TestCoreferences(t *testing.T) {
	words := []string{"ada", "met", "bob", ".", "she", "smiled"}
	dir := settled(t, heads.TaskConfig{Name: "coref", TaskType: heads.CoreferenceResolution}, heads.Options{}, words, func(w map[string]*matrix, token func(string) int) {
		for _, space := range []string{"mention_start", "mention_end", "antecedent_start", "antecedent_end"} {
			for k := range hadamard {
				w[space+".weight"].put(k, 0, k)
			}
		}
		w["mention_score.bias"].set(0, 0, -5)
		for _, word := range []string{"ada", "bob", "she"} {
			w["mention.weight"].set(token(word), token(word), 6)
		}
		w["antecedent.weight"].set(token("ada"), token("she"), 5)
		w["antecedent.weight"].set(token("ada"), token("bob"), -9)
		w["antecedent.weight"].set(token("bob"), token("she"), -9)
	})
	const text = "Ada met Bob. She smiled"
	everywhere(t, dir, func(t *testing.T, m *cephalo.Model) {
		got, err := m.Coreferences(t.Context(), []string{text, "", "met"}, cephalo.Length{})
		require.NoError(t, err)
		require.Equal(t, [][][]cephalo.Mention{{{mentioned(text, "Ada"), mentioned(text, "She")}}, {}, {}}, got)
	})
}

// TestExtraction: events with arguments, opinions of aspects and key phrases, as
// tokens are tagged.
func TestExtraction(t *testing.T) {
	settle := func(tags map[string]int) func(w map[string]*matrix, token func(string) int) {
		return func(w map[string]*matrix, token func(string) int) {
			for word, label := range tags {
				for j, x := range row(token(word)) {
					w["classifier.weight"].v[label*hadamard+j] += 5 * x / hadamard
				}
			}
			w["classifier.bias"].set(0, 0, 1)
		}
	}
	words := []string{"rome", "attack", "##ed", "carthage", "and", "food", "great", "staff"}
	t.Run("events", func(t *testing.T) {
		cfg := heads.TaskConfig{Name: "events", TaskType: heads.EventExtraction, Labels: []string{"O", "B-Attack", "B-Attack.Agent", "B-Attack.Target"}}
		everywhere(t, settled(t, cfg, heads.Options{}, words, settle(map[string]int{"attack": 1, "rome": 2, "carthage": 3})), func(t *testing.T, m *cephalo.Model) {
			got, err := m.Events(t.Context(), []string{"Rome attacked Carthage", "and"}, cephalo.TagOptions{})
			require.NoError(t, err)
			require.Len(t, got[0], 1)
			require.Equal(t, "Attack", got[0][0].Type)
			require.Equal(t, "attacked", got[0][0].Trigger.Word)
			require.Equal(t, []string{"Agent Rome", "Target Carthage"}, labelled(got[0][0].Arguments))
			require.Equal(t, []cephalo.Event{}, got[1])
			res, err := m.Predict(t.Context(), cephalo.Inputs("Rome attacked Carthage"), cephalo.PredictOptions{})
			require.NoError(t, err)
			require.Equal(t, got[0], res[0]["events"])
		})
	})
	t.Run("opinions", func(t *testing.T) {
		cfg := heads.TaskConfig{Name: "opinions", TaskType: heads.OpinionExtraction, Labels: []string{"O", "B-POS", "B-NEG"}}
		everywhere(t, settled(t, cfg, heads.Options{}, words, settle(map[string]int{"food": 1, "staff": 2})), func(t *testing.T, m *cephalo.Model) {
			got, err := m.Opinions(t.Context(), []string{"great food and staff"}, cephalo.TagOptions{})
			require.NoError(t, err)
			require.Len(t, got[0], 2)
			require.Equal(t, []string{"POS food", "NEG staff"}, []string{got[0][0].Polarity + " " + got[0][0].Aspect.Word, got[0][1].Polarity + " " + got[0][1].Aspect.Word})
			res, err := m.Predict(t.Context(), cephalo.Inputs("great food and staff"), cephalo.PredictOptions{})
			require.NoError(t, err)
			require.Equal(t, got[0], res[0]["opinions"])
		})
	})
	t.Run("key phrases", func(t *testing.T) {
		cfg := heads.TaskConfig{Name: "phrases", TaskType: heads.KeyPhraseExtraction, Labels: []string{"O", "B", "I"}}
		everywhere(t, settled(t, cfg, heads.Options{}, words, settle(map[string]int{"great": 1, "food": 2})), func(t *testing.T, m *cephalo.Model) {
			got, err := m.KeyPhrases(t.Context(), []string{"great food and great food"}, cephalo.TagOptions{})
			require.NoError(t, err)
			require.Len(t, got[0], 1)
			require.Equal(t, "great food", got[0][0].Word)
			res, err := m.Predict(t.Context(), cephalo.Inputs("great food and great food"), cephalo.PredictOptions{})
			require.NoError(t, err)
			require.Equal(t, got[0], res[0]["phrases"])
		})
	})
}

// TestRankMatch: heads of our own that score texts for a query, and pairs of texts
// that are read each by itself.
func TestRankMatch(t *testing.T) {
	words := []string{"q", "good", "bad"}
	t.Run("rank", func(t *testing.T) {
		dir := settled(t, heads.TaskConfig{Name: "ranker", TaskType: heads.Ranking}, heads.Options{Pooling: "mean"}, words, func(w map[string]*matrix, token func(string) int) {
			w["scorer.weight"].put(0, 0, token("good"))
		})
		everywhere(t, dir, func(t *testing.T, m *cephalo.Model) {
			q := cephalo.Query{Query: "q", Texts: []string{"bad", "good good", "good"}}
			got, err := m.Rank(t.Context(), []cephalo.Query{q, {Query: "q", Texts: []string{}}}, cephalo.RankOptions{})
			require.NoError(t, err)
			require.Equal(t, []int{1, 2, 0}, []int{got[0][0].Index, got[0][1].Index, got[0][2].Index})
			require.InDelta(t, 0, got[0][2].Score, 1e-5)
			require.Empty(t, got[1])
			res, err := m.Predict(t.Context(), []cephalo.Input{{Query: &q}}, cephalo.PredictOptions{Rank: cephalo.RankOptions{TopK: 2}})
			require.NoError(t, err)
			require.Equal(t, got[0][:2], res[0]["ranker"])
		})
	})
	t.Run("match", func(t *testing.T) {
		labels := []string{"same", "other"}
		dir := settled(t, heads.TaskConfig{Name: "matcher", TaskType: heads.TextMatching, Labels: labels}, heads.Options{Pooling: "mean"}, words, func(w map[string]*matrix, _ func(string) int) {
			for j := range hadamard {
				w["classifier.weight"].set(1, 2*hadamard+j, 1) // of |u-v|
			}
			w["classifier.bias"].set(0, 0, 1)
		})
		everywhere(t, dir, func(t *testing.T, m *cephalo.Model) {
			good, long := "good", "good good bad q"
			texts := []cephalo.Text{{Text: "good", Pair: &good}, {Text: "bad", Pair: &good}, {Text: "good good bad q", Pair: &long}, {Text: "q", Pair: &long}}
			got, err := m.Classify(t.Context(), texts)
			require.NoError(t, err)
			for i, want := range []string{"same", "other", "same", "other"} {
				require.Equal(t, want, got[i][0].Label, "%d", i)
			}
			_, err = m.Classify(t.Context(), []cephalo.Text{{Text: "good"}})
			require.ErrorContains(t, err, "a pair of texts is wanted")
		})
	})
}
