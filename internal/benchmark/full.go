package benchmark

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/tensor"
)

// FullSize are seeded encoders at their published sizes.
func FullSize() map[string]encoders.Model {
	return map[string]encoders.Model{
		"BERT-base": encoders.BERT(encoders.BERTBase), "ModernBERT-base": encoders.ModernBERT(encoders.ModernBERTBase),
		"Qwen3-0.6B": encoders.Qwen3(encoders.Qwen3Size06B), "GPT-2-small": encoders.GPT2(encoders.GPT2Small),
	}
}

// FullResult is a forward pass at full size.
type FullResult struct {
	Model        string  `json:"model"`
	Backend      string  `json:"backend"`
	Parameters   int64   `json:"parameters"`
	WeightBytes  int64   `json:"weight_bytes"`
	Batch        int     `json:"batch"`
	Seq          int     `json:"seq"`
	MedianMs     float64 `json:"median_ms"`
	TokensPerSec float64 `json:"tokens_per_s"`
	TempBytes    int64   `json:"temporaries_peak_bytes"`
	PeakRSS      int64   `json:"process_peak_bytes"` // of the process so far; 0 where it is not told
}

// Full times batches of 1 and 8 sequences of 128 tokens.
func Full(ctx context.Context, b tensor.Backend, name string, m encoders.Model, runs int) ([]FullResult, error) {
	enc, w, err := encoders.New(ctx, b, m, 1)
	if err != nil {
		return nil, err
	}
	defer w.Release()
	const seq = 128
	var out []FullResult
	for _, batch := range []int{1, 8} {
		ids := make([][]int32, batch)
		for i := range ids {
			ids[i] = make([]int32, seq)
			for j := range ids[i] {
				ids[i][j] = int32(((i*seq+j)*7919 + 1) % m.Config().VocabSize)
			}
		}
		r := FullResult{Model: name, Backend: b.Name(), Parameters: w.Count(), WeightBytes: w.Bytes(), Batch: batch, Seq: seq}
		var times []float64
		for range runs + 1 { // the first one packs the weights
			bt, err := encoders.PackBatch(ids, nil)
			if err != nil {
				return nil, err
			}
			start := time.Now()
			_, st, err := once(ctx, b, func(s tensor.Stream) (tensor.Tensor, error) {
				o, err := enc.Forward(&tensor.Scope{Stream: s}, bt, encoders.Want{})
				return o.Hidden, err
			}, false)
			if err != nil {
				return nil, err
			}
			times = append(times, time.Since(start).Seconds())
			r.TempBytes = max(r.TempBytes, st.PeakBytes)
		}
		times = times[1:]
		slices.Sort(times)
		median := times[len(times)/2]
		r.MedianMs, r.TokensPerSec, r.PeakRSS = 1e3*median, float64(batch*seq)/median, peakRSS()
		out = append(out, r)
	}
	return out, nil
}

// peakRSS is the largest resident size of this process, in bytes; 0 where the
// system does not tell.
func peakRSS() int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if v, ok := strings.CutPrefix(sc.Text(), "VmHWM:"); ok {
			var kib int64
			if _, err := fmt.Sscanf(strings.TrimSpace(v), "%d kB", &kib); err == nil {
				return kib << 10
			}
		}
	}
	return 0
}
