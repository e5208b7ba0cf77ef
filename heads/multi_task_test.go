package heads_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

func task(name string, kind heads.TaskType, opt heads.Options) heads.Task {
	return heads.Task{Config: of(name, kind), Options: opt}
}

func TestMultiTask(t *testing.T) {
	tasks := []heads.Task{
		task("tags", heads.NamedEntityRecognition, heads.Options{UseTaskAttention: true}),
		task("answers", heads.QuestionAnsweringTask, heads.Options{}),
		task("topic", heads.TopicClassification, heads.Options{Pooling: "attention"}),
		task("mood", heads.SentimentAnalysis, heads.Options{Input: "pooled"}),
		task("same", heads.TextSimilarityTask, heads.Options{}),
		task("pick", heads.MultipleChoiceTask, heads.Options{}),
	}
	tasks[0].Config.HiddenSize = 8 // its projection is narrower
	mask := []int32{1, 1, 1, 0, 0, 0, 1, 1, 1, 1}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, projections := range []bool{false, true} {
			m, w := newMulti(t, b, tasks, 16, projections)
			noisy(t, b, w)
			input := func(s *tensor.Scope) heads.Input {
				in := hidden(t, s, 1, 2, 5, 16)
				in.Mask = maskHost(t, mask, 2, 5)
				in.Pooled = hidden(t, s, 2, 2, 16).Hidden
				return in
			}
			all := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) { return m.Forward(s, input(s)) })
			require.Equal(t, []string{"tags", "answers", "topic", "mood", "same", "pick"}, m.Tasks())
			floats(t, all["tags"], "logits", 2, 5, 3)
			floats(t, all["answers"], "start_logits", 2, 5)
			floats(t, all["pick"], "logits", 2, 5) // [B,N,D]: N choices, pooled
			for i, p := range integers(t, all["tags"], "predictions", 2, 5) {
				require.Equal(t, mask[i] == 0, p == -1)
			}
			for _, name := range m.Tasks() {
				one := forward(t, b, func(s *tensor.Scope) (heads.Output, error) { return m.ForwardTask(s, name, input(s)) })
				require.Equal(t, all[name], one, "task %s alone", name)
			}
			// Packed rows and bare tensors.
			forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
				rows := tensor.NewLayout(2, 4)
				require.NoError(t, rows.Upload(s))
				in := hidden(t, s, 1, 6, 16)
				in.Layout, in.Pooled, in.Choices = rows, hidden(t, s, 2, 2, 16).Hidden, 2
				outs, err := m.Forward(s, in)
				require.NoError(t, err)
				require.Equal(t, []int{6, 3}, outs["tags"].Logits.Dims())
				require.Equal(t, []int{1, 2}, outs["pick"].Logits.Dims())
				bare, err := m.ForwardTask(s, "topic", in.Pooled)
				require.NoError(t, err)
				outs["bare"] = bare
				return outs, err
			})
			// A pair, by the name of its task alone.
			pair := forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
				return m.ForwardTask(s, "same", heads.Pair{A: input(s), B: hidden(t, s, 3, 2, 16)})
			})
			require.ElementsMatch(t, []string{"similarity_score", "embeddings_1", "embeddings_2"}, keys(pair))
			require.Equal(t, all["same"]["embeddings"], pair["embeddings_1"])
			s := begin(t, b)
			_, err := m.ForwardTask(s, "tags", heads.Pair{A: input(s), B: input(s)})
			require.ErrorIs(t, err, heads.ErrInputFormat)
			_, err = m.ForwardTask(s, "tags", hidden(t, s, 1, 2, 5, 8))
			require.ErrorIs(t, err, heads.ErrDimMismatch)
			_, err = m.Forward(s, hidden(t, s, 1, 2, 5, 8))
			require.ErrorIs(t, err, heads.ErrDimMismatch)
			_, err = m.Head("pose")
			require.ErrorContains(t, err, `unknown task "pose"`)

			requireSaved(t, b, m, w, func(m heads.Module) results {
				return forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
					return m.(*heads.MultiTask).Forward(s, input(s))
				})
			})
		}
	})
}

// TestProjections: a task reads W x + b of the hidden states, and of the pooled vector
// where it reads that, at the width of its hidden size.
func TestProjections(t *testing.T) {
	tasks := []heads.Task{
		task("tags", heads.NamedEntityRecognition, heads.Options{}), task("mood", heads.SentimentAnalysis, heads.Options{Input: "pooled"}),
		task("pick", heads.MultipleChoiceTask, heads.Options{}), task("same", heads.TextSimilarityTask, heads.Options{Pooling: "mean"}),
	}
	tasks[0].Config.HiddenSize = 8
	const dim = 16
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		m, w := newMulti(t, b, tasks, dim, true)
		noisy(t, b, w)
		p := valuesByName(t, w)
		x, pooled := random(1, 2*5*dim), random(2, 2*dim)
		project := func(name string, x []float32) (y []float32, width int) {
			weight, bias := doubles(p["projections."+name+".weight"]), p["projections."+name+".bias"]
			for r := 0; r < len(x); r += dim {
				for o := range bias {
					y = append(y, float32(inner(weight[o*dim:(o+1)*dim], doubles(x[r:r+dim]))+float64(bias[o])))
				}
			}
			return y, len(bias)
		}
		got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
			outs, err := m.Forward(s, heads.Input{Hidden: upload(t, s, x, 2, 5, dim), Pooled: upload(t, s, pooled, 2, dim)})
			require.NoError(t, err)
			for _, name := range m.Tasks() {
				head, err := m.Head(name)
				require.NoError(t, err)
				v, width := project(name, x)
				in := heads.Input{Hidden: upload(t, s, v, 2, 5, width)}
				if name == "mood" {
					v, width = project(name, pooled)
					in = heads.Input{Pooled: upload(t, s, v, 2, width)}
				}
				require.Equal(t, width, head.InputDim())
				if outs["by hand "+name], err = head.Forward(s, in); err != nil {
					return nil, err
				}
			}
			return outs, nil
		})
		require.Len(t, p["projections.tags.bias"], 8)
		for _, name := range m.Tasks() {
			for key, h := range got["by hand "+name] {
				if h.DType == tensor.F32 {
					near(t, floats(t, got["by hand "+name], key, h.Dims()...), floats(t, got[name], key, h.Dims()...), 5e-5, name+" "+key)
				}
			}
		}
	})
}

// TestMultiTaskFeeds: one input runs the tasks that it can feed; the others run by name,
// and none that is left is an error that names each and what it wants.
func TestMultiTaskFeeds(t *testing.T) {
	match, roles, topic := task("match", heads.TextMatching, heads.Options{}), task("roles", heads.SemanticRoleLabeling, heads.Options{}), task("topic", heads.TopicClassification, heads.Options{})
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for _, projections := range []bool{false, true} {
			m, _ := newMulti(t, b, []heads.Task{match, roles, topic}, 16, projections)
			got := forwardAll(t, b, func(s *tensor.Scope) (map[string]heads.Output, error) {
				in := hidden(t, s, 1, 2, 5, 16)
				outs, err := m.Forward(s, in)
				require.NoError(t, err)
				require.Len(t, outs, 1, "topic alone")
				targets := in
				targets.Targets = []heads.Target{{Seq: 0, End: 1}, {Seq: 1, End: 2}}
				with, err := m.Forward(s, targets)
				require.NoError(t, err)
				require.Len(t, with, 2, "topic and roles")
				outs["topic again"], outs["roles"] = with["topic"], with["roles"]
				outs["match"], err = m.ForwardTask(s, "match", heads.Pair{A: in, B: in})
				return outs, err
			})
			require.Equal(t, got["topic"], got["topic again"])
			floats(t, got["roles"], "logits", 2, 5, 3)
			floats(t, got["match"], "logits", 2, 3)

			s := begin(t, b)
			in := hidden(t, s, 1, 2, 5, 16)
			for name, say := range map[string]string{"match": "want a pair", "roles": "no targets"} {
				_, err := m.ForwardTask(s, name, in)
				require.ErrorIs(t, err, heads.ErrInputFormat)
				require.ErrorContains(t, err, say)
				require.ErrorContains(t, err, sprint("head %q", name))
			}
			_, err := m.ForwardTask(s, "topic", heads.Pair{A: in, B: in})
			require.ErrorIs(t, err, heads.ErrInputFormat)
			require.ErrorContains(t, err, `head "topic": a pair was given`)

			none, _ := newMulti(t, b, []heads.Task{match, roles}, 16, projections)
			_, err = none.Forward(s, in)
			require.ErrorIs(t, err, heads.ErrInputFormat)
			require.ErrorContains(t, err, `task "match" wants a pair, task "roles" wants targets; ForwardTask`)
		}
	})
}

func TestMultiTaskErrors(t *testing.T) {
	b := cpu(t)
	topic := task("topic", heads.TopicClassification, heads.Options{})
	for _, c := range []struct {
		tasks []heads.Task
		say   string
	}{
		{nil, "no tasks"},
		{[]heads.Task{topic, topic}, `task "topic" comes twice`},
		{[]heads.Task{topic, task("x", heads.TopicClassification, heads.Options{Pooling: "median"})}, "median"},
		{[]heads.Task{topic, task("", heads.TopicClassification, heads.Options{})}, "name is empty"},
	} {
		_, _, err := heads.NewMulti(t.Context(), b, c.tasks, 16, true, 1)
		require.ErrorContains(t, err, c.say)
		require.Zero(t, b.Stats().Bytes)
	}
	tasks, err := heads.TasksFromMap(map[string]heads.TaskConfig{"b": {TaskType: heads.SpamDetection}, "a": {Name: "a", TaskType: heads.TopicClassification}})
	require.NoError(t, err)
	require.Equal(t, "a", tasks[0].Config.Name)
	require.Equal(t, "b", tasks[1].Config.Name)
	_, err = heads.TasksFromMap(map[string]heads.TaskConfig{"b": {Name: "c"}})
	require.ErrorContains(t, err, `task "b": its config is named "c"`)
}

// TestTraining: dropout acts in training alone, alike for one seed, differently for
// the two sides of a pair, and not at all in inference.
func TestTraining(t *testing.T) {
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		head, _ := newHead(t, b, heads.TaskConfig{Name: "x", TaskType: heads.TextSimilarityTask, DropoutRate: ptr(0.5)}, 16, heads.Options{UseFFN: true, FFN: "lowrank"})
		run := func(train bool, seed uint64) heads.Result {
			return forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
				s.Train, s.Seed = train, seed
				x := hidden(t, s, 1, 3, 16)
				return heads.Apply(s, head, heads.Pair{A: x, B: x})
			})
		}
		require.Equal(t, run(true, 1), run(true, 1))
		require.NotEqual(t, run(true, 1), run(true, 2))
		require.Equal(t, run(false, 1), run(false, 2))
		r := run(true, 1)
		require.NotEqual(t, r["embeddings_1"], r["embeddings_2"])
		r = run(false, 1)
		require.Equal(t, r["embeddings_1"], r["embeddings_2"])
	})
}
