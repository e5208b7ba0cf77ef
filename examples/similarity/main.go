// Command similarity is the fifth worked example: the cosine of two sentences
// through a shared projection.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"

	"github.com/cephalo-ml/cephalo"
	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/nn"
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
	task := heads.TaskConfig{Name: "similarity", TaskType: heads.TextSimilarityTask}
	b2 := nn.NewBuilder(ctx, b, nn.Options{Seed: 2})
	head, err := heads.NewTextSimilarity(b2.At("head"), task, cfg.HiddenSize, heads.Options{})
	if err != nil {
		b2.Fail(err)
	}
	headWeights, err := b2.Finish(nil)
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
	same := heads.Input{Hidden: out.Pooled}
	res, err := head.ForwardPair(scope, heads.Pair{A: same, B: same})
	if err != nil {
		return err
	}
	score, err := tensor.Download(ctx, s, res.SimilarityScore)
	if err != nil {
		return err
	}
	fmt.Printf("scores %v; a sentence with itself: %.6f\n", res.SimilarityScore.Dims(), score[0])
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
