// Command multitask is the fourth worked example: one BERT pass feeds heads for
// sentiment, entities and similarity, each behind a projection of its own.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

func main() {
	full := flag.Bool("full", false, "the sizes of the worked example, not tiny ones")
	flag.Parse()
	if err := run(context.Background(), *full); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, full bool) error {
	b, err := cephalo.OpenBackend(ctx, cephalo.BackendOptions{})
	if err != nil {
		return err
	}
	defer b.Close()
	cfg := encoders.BERTBase
	batch, length := 32, 128
	if !full {
		cfg.HiddenSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads, cfg.IntermediateSize, cfg.VocabSize = 64, 2, 8, 96, 100
		batch, length = 2, 8
	}
	enc, weights, err := encoders.New(ctx, b, encoders.BERT(cfg), 1)
	if err != nil {
		return err
	}
	defer weights.Release()
	tasks := []heads.Task{
		{Config: heads.TaskConfig{Name: "sentiment", TaskType: heads.SentimentAnalysis, NumClasses: 3}},
		{Config: heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, NumClasses: 9}},
		{Config: heads.TaskConfig{Name: "similarity", TaskType: heads.TextSimilarityTask}},
	}
	multi, headWeights, err := heads.NewMulti(ctx, b, tasks, cfg.HiddenSize, true, 2)
	if err != nil {
		return err
	}
	defer headWeights.Release()
	s, err := b.Begin()
	if err != nil {
		return err
	}
	defer s.Close()
	scope := &tensor.Scope{Stream: s}
	in, err := encoders.PackBatch(ids(batch, length, cfg.VocabSize), nil)
	if err != nil {
		return err
	}
	out, err := enc.Forward(scope, in, encoders.Want{})
	if err != nil {
		return err
	}
	res, err := multi.Forward(scope, heads.Input{Hidden: out.Hidden, Layout: in.Layout})
	if err != nil {
		return err
	}
	if err := s.Read(ctx, nil); err != nil {
		return err
	}
	fmt.Printf("sentiment %v, ner %v, similarity %v in %d submit, %d head parameters\n", res["sentiment"].Logits.Dims(), res["ner"].Logits.Dims(), res["similarity"].Embeddings.Dims(), s.Stats().Submits, headWeights.Count())
	return nil
}

// ids are rows of n token ids of a vocabulary.
func ids(rows, n, vocab int) [][]int32 {
	out := make([][]int32, rows)
	for i := range out {
		for j := range n {
			out[i] = append(out[i], int32((i*n+j)*7919%vocab))
		}
	}
	return out
}
