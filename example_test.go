package cephalo_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/models"
	"github.com/cephalo-ml/cephalo/tensor"
)

func ExampleOpenFS() {
	ctx := context.Background()
	folder, _ := models.Default() // or cephalo.Open(ctx, "path/to/folder")
	m, err := cephalo.OpenFS(ctx, folder, cephalo.WithBackend("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	texts := []cephalo.Text{{Text: "a moving, wonderful film"}, {Text: "dull and far too long"}}
	results, err := m.Classify(ctx, texts)
	if err != nil {
		log.Fatal(err)
	}
	for i, scores := range results {
		fmt.Printf("%s: %s %.2f\n", texts[i].Text, scores[0].Label, scores[0].Score)
	}
	// Output:
	// a moving, wonderful film: POSITIVE 0.97
	// dull and far too long: NEGATIVE 0.96
}

func ExampleOpenBackend() {
	ctx := context.Background()
	b, err := cephalo.OpenBackend(ctx, cephalo.BackendOptions{Name: "cpu"})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	s, err := b.Begin()
	if err != nil {
		log.Fatal(err)
	}
	defer s.Close()
	x, _ := tensor.Upload(s, []float32{1, 2, 3, 4}, 2, 2)
	y, _ := tensor.MatMul(s, x, x, false, false)
	p, _ := tensor.Softmax(s, y)
	v, err := tensor.Download(ctx, s, p) // submits, waits, reads
	fmt.Printf("%.4f %v\n", v, err)
	// Output: [0.0474 0.9526 0.0009 0.9991] <nil>
}

func ExampleModel_NewHead() {
	ctx := context.Background()
	cfg := encoders.BERTTiny
	cfg.VocabSize, cfg.NumHiddenLayers = 100, 1
	m, err := cephalo.New(ctx, encoders.BERT(cfg), 1, cephalo.WithBackend("cpu")) // or an open folder
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	task := heads.TaskConfig{Name: "sentiment", TaskType: heads.SentimentAnalysis, Labels: []string{"bad", "fair", "good"}}
	if err := m.NewHead(ctx, task, heads.Options{Pooling: "mean", IntermediateSize: 64}, 2); err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.HeadKind(), m.Labels())
	// Output: TextClassification [bad fair good]
}

func ExampleModel_NewHeads() {
	ctx := context.Background()
	folder, _ := models.Default()
	m, err := cephalo.OpenFS(ctx, folder, cephalo.WithBackend("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	tasks := []heads.Task{
		{Config: heads.TaskConfig{Name: "topic", TaskType: heads.TopicClassification, NumClasses: 4}},
		{Config: heads.TaskConfig{Name: "people", TaskType: heads.NamedEntityRecognition, Labels: []string{"O", "B-PER", "I-PER"}}},
	}
	if err := m.NewHeads(ctx, tasks, true, 1); err != nil {
		log.Fatal(err)
	}
	all, err := m.Predict(ctx, cephalo.Inputs("Ada wrote the first program"), cephalo.PredictOptions{})
	if err != nil {
		log.Fatal(err)
	}
	topic, people := all[0]["topic"].(cephalo.Classification), all[0]["people"].([]cephalo.Entity)
	fmt.Println(m.Tasks(), len(topic.Scores), len(people) <= 5, m.Stats().Submits)
	// Output: [topic people] 1 true 1
}

func ExampleModel_Predict() {
	ctx := context.Background()
	folder, _ := models.Default()
	m, err := cephalo.OpenFS(ctx, folder, cephalo.WithBackend("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	tasks := []heads.Task{
		{Config: heads.TaskConfig{Name: "answer", TaskType: heads.QuestionAnsweringTask}},
		{Config: heads.TaskConfig{Name: "same", TaskType: heads.ParaphraseDetection}},
		{Config: heads.TaskConfig{Name: "tree", TaskType: heads.DependencyParsing, Labels: []string{"subject", "object"}}},
	}
	if err := m.NewHeads(ctx, tasks, false, 1); err != nil {
		log.Fatal(err)
	}
	pair := "She wrote programs"
	in := cephalo.Input{
		Text:     &cephalo.Text{Text: "Ada wrote the first program", Pair: &pair},
		Question: &cephalo.Question{Question: "Who wrote it?", Context: "Ada wrote the first program"},
	}
	res, err := m.Predict(ctx, []cephalo.Input{in}, cephalo.PredictOptions{Tasks: []string{"answer", "same"}})
	if err != nil {
		log.Fatal(err)
	}
	_, scored := res[0]["same"].(float64)
	fmt.Println(len(res[0]["answer"].([]cephalo.AnswerSpan)), scored, res[0]["tree"])
	// Output: 1 true <nil>
}

func ExampleModel_Senses() {
	ctx := context.Background()
	folder, _ := models.Default()
	m, err := cephalo.OpenFS(ctx, folder, cephalo.WithBackend("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	task := heads.TaskConfig{Name: "senses", TaskType: heads.WordSenseDisambiguation, Labels: []string{"money", "river"}}
	if err := m.NewHead(ctx, task, heads.Options{}, 1); err != nil {
		log.Fatal(err)
	}
	const text = "The bank lent money"
	senses, err := m.Senses(ctx, []cephalo.Text{{Text: text, Targets: []cephalo.Span{{Start: 4, End: 8}}}}, cephalo.Length{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(senses[0][0].Word, len(senses[0]))
	// Output: bank 1
}

func ExampleModel_Save() {
	ctx := context.Background()
	folder, _ := models.Default()
	m, err := cephalo.OpenFS(ctx, folder, cephalo.WithBackend("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	parent, err := os.MkdirTemp("", "models")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(parent)
	dir := filepath.Join(parent, "mine")
	if err := m.Save(ctx, dir); err != nil {
		log.Fatal(err)
	}
	again, err := cephalo.Open(ctx, dir, cephalo.WithBackend("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer again.Close()
	fmt.Println(again.Labels())
	// Output: [NEGATIVE POSITIVE]
}

func ExampleModel_ClassifySeq() {
	ctx := context.Background()
	folder, _ := models.Default()
	m, err := cephalo.OpenFS(ctx, folder, cephalo.WithBackend("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	lines := func(yield func(cephalo.Text) bool) { // a file, a queue …
		for _, l := range []string{"a fine film", "a waste of time"} {
			if !yield(cephalo.Text{Text: l}) {
				return
			}
		}
	}
	for r, err := range m.ClassifySeq(ctx, lines, cephalo.ClassifyOptions{}) {
		var bad *cephalo.InputError
		switch {
		case errors.As(err, &bad): // this input alone; the others go on
			fmt.Println(bad.Index, bad.Err)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println(r.Scores[0].Label)
		}
	}
	// Output:
	// POSITIVE
	// NEGATIVE
}

func ExampleModel_Embed() {
	ctx := context.Background()
	folder, _ := models.Default()
	m, err := cephalo.OpenFS(ctx, folder, cephalo.WithBackend("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	unit := true
	v, err := m.Embed(ctx, []string{"a film", "a film"}, cephalo.EmbedOptions{Pooling: "mean", Normalize: &unit})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d %.3f\n", len(v[0]), cephalo.Cosine(v[0], v[1]))
	// Output: 128 1.000
}

func ExampleModel_Attach() {
	ctx := context.Background()
	folder, _ := models.Default()
	m, err := cephalo.OpenFS(ctx, folder, cephalo.WithBackend("cpu"))
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Println(m.Config().HiddenSize, m.NewHead(ctx, heads.TaskConfig{Name: "parse", TaskType: "parsing"}, heads.Options{}, 1) != nil)
	// Output: 128 true
}
