// Command ner is the second worked example: entity tags from a ModernBERT encoder,
// half of each head rotated, with task attention and a CRF.
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
	cfg := encoders.ModernBERTBase
	cfg.VocabSize, cfg.NumHiddenLayers, cfg.IntermediateSize, cfg.MaxPositionEmbeddings, cfg.RopePercentage, cfg.PadTokenID = 50265, 12, 3072, 1024, .5, 0
	batch, length := 32, 128
	if !full {
		cfg.HiddenSize, cfg.NumHiddenLayers, cfg.NumAttentionHeads, cfg.IntermediateSize, cfg.VocabSize = 64, 4, 8, 96, 100
		batch, length = 2, 8
	}
	enc, weights, err := encoders.New(ctx, b, encoders.ModernBERT(cfg), 1)
	if err != nil {
		return err
	}
	defer weights.Release()
	task := heads.TaskConfig{Name: "ner", TaskType: heads.NamedEntityRecognition, UseCRF: true,
		Labels: []string{"O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-MISC", "I-MISC"}}
	head, headWeights, err := heads.New(ctx, b, task, cfg.HiddenSize, heads.Options{UseTaskAttention: true}, 2)
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
	raw := make([]byte, res.Predictions.Bytes())
	if err := s.Read(ctx, [][]byte{raw}, res.Predictions); err != nil {
		return err
	}
	tags, err := tensor.Host{Spec: res.Predictions.Spec, Data: raw}.Int64()
	if err != nil {
		return err
	}
	fmt.Printf("logits %v; the best path of the first text:", res.Logits.Dims())
	for _, k := range tags[:length] {
		fmt.Print(" ", task.Labels[k])
	}
	fmt.Println()
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
