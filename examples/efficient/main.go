// Command efficient is the efficient configuration of a sentence head on a BERT encoder.
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
	no, zero := false, 0.0
	task := heads.TaskConfig{Name: "sentiment", TaskType: heads.SentimentAnalysis, NumClasses: 3}
	head, headWeights, err := heads.New(ctx, b, task, cfg.HiddenSize, heads.Options{UseIntermediate: &no, DropoutRate: &zero}, 2)
	if err != nil {
		return err
	}
	defer headWeights.Release()
	logits, err := once(ctx, b, enc, head, batch, length)
	if err != nil {
		return err
	}
	fmt.Printf("%d parameters; the first logits: %.3f\n", headWeights.Count(), logits[:3])
	return nil
}

// once runs encoder and head on a stream of their own.
func once(ctx context.Context, b tensor.Backend, enc encoders.Encoder, head heads.Head, batch, length int) ([]float32, error) {
	s, err := b.Begin()
	if err != nil {
		return nil, err
	}
	defer s.Close()
	scope := &tensor.Scope{Stream: s}
	in, err := encoders.PackBatch(ids(batch, length, enc.Config().VocabSize), nil)
	if err != nil {
		return nil, err
	}
	out, err := enc.Forward(scope, in, encoders.Want{})
	if err != nil {
		return nil, err
	}
	res, err := head.Forward(scope, heads.Input{Hidden: out.Hidden, Layout: in.Layout})
	if err != nil {
		return nil, err
	}
	return tensor.Download(ctx, s, res.Logits)
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
