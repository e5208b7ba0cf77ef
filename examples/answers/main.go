// Command answers is the third worked example: answer spans from a causal Qwen3
// encoder, with task attention.
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
	cfg := encoders.Qwen3Size06B
	cfg.NumHiddenLayers, cfg.NumKeyValueHeads, cfg.HeadDim, cfg.IntermediateSize, cfg.MaxPositionEmbeddings, cfg.RopeTheta = 12, 4, 64, 4096, 2048, 10000
	batch, length := 32, 128
	if !full {
		cfg.HiddenSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads, cfg.NumKeyValueHeads, cfg.HeadDim, cfg.IntermediateSize, cfg.VocabSize = 64, 2, 8, 2, 8, 96, 100
		batch, length = 2, 8
	}
	enc, weights, err := encoders.New(ctx, b, encoders.Qwen3(cfg), 1)
	if err != nil {
		return err
	}
	defer weights.Release()
	task := heads.TaskConfig{Name: "qa", TaskType: heads.QuestionAnsweringTask}
	head, headWeights, err := heads.New(ctx, b, task, cfg.HiddenSize, heads.Options{IntermediateSize: 512, UseTaskAttention: true}, 2)
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
	res, err := head.Forward(scope, heads.Input{Hidden: out.Hidden, Layout: in.Layout})
	if err != nil {
		return err
	}
	start, err := tensor.Download(ctx, s, res.StartLogits)
	if err != nil {
		return err
	}
	best := 0
	for i, v := range start[:length] {
		if v > start[best] {
			best = i
		}
	}
	fmt.Printf("start and end logits %v; the first text's answer begins at token %d\n", res.StartLogits.Dims(), best)
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
