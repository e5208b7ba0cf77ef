// Command sentiment is the first worked example: three classes of sentiment from
// the pooled vector of a BERT encoder.
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
	task := heads.TaskConfig{Name: "sentiment", TaskType: heads.SentimentAnalysis, Labels: []string{"negative", "neutral", "positive"}}
	head, headWeights, err := heads.New(ctx, b, task, cfg.HiddenSize, heads.Options{IntermediateSize: 256}, 2)
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
	out, err := enc.Forward(scope, in, encoders.Want{Pooled: true})
	if err != nil {
		return err
	}
	res, err := head.Forward(scope, heads.Input{Hidden: out.Pooled})
	if err != nil {
		return err
	}
	p, err := tensor.Download(ctx, s, res.Probabilities)
	if err != nil {
		return err
	}
	fmt.Printf("probabilities %v of %v, %d head parameters; the first text: %.3f\n", res.Probabilities.Dims(), task.Labels, headWeights.Count(), p[:3])
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
