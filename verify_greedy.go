package cephalo

import (
	"context"
	"fmt"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// greedy continues greedy.prompt_ids to the length of the stored
// greedy.output_ids, for the causal language models.
func (v *verifier) greedy(ctx context.Context) error {
	prompt, dims, err := v.ints("greedy.prompt_ids")
	if err != nil || dims == nil {
		return err
	}
	want := v.io.Dims("greedy.output_ids")
	_, causal := v.m.encoder.(encoders.Causal)
	if len(want) != 2 || len(dims) != 2 || v.m.kind() != heads.KindTextGeneration || !causal {
		return nil
	}
	rows := make([][]int32, dims[0])
	for i := range rows {
		rows[i] = prompt[i*dims[1] : (i+1)*dims[1]]
	}
	got, err := v.m.GenerateIDs(ctx, rows, GenerateOptions{MaxNewTokens: want[1] - dims[1], IgnoreEOS: true})
	if err != nil {
		return fmt.Errorf("greedy continuation: %w", err)
	}
	var ids []int64
	for i := range rows {
		for _, id := range append(append([]int32{}, rows[i]...), got[i]...) {
			ids = append(ids, int64(id))
		}
	}
	h, err := tensor.FromSlice(ids, dims[0], len(ids)/dims[0])
	if err != nil {
		return err
	}
	v.got["greedy.output_ids"] = h
	return nil
}
