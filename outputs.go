package cephalo

import (
	"context"
	"fmt"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// readParts reads what the heads gave and hands it to the asks.
func readParts(ctx context.Context, s *tensor.Scope, all []*part, asks []ask, outs []output) error {
	read, err := readAll(ctx, s, all)
	if err != nil {
		return err
	}
	var again []*part
	for i, p := range all {
		if p.in.MentionsOnly {
			if err := p.prune(read[i], asks, outs); err != nil {
				return fmt.Errorf("head %q: %w", p.task.name, err)
			}
			p.out = heads.Output{}
			if len(p.in.Targets) > 0 {
				if p.out, err = p.task.forward(s, p.in); err != nil {
					return err
				}
				again = append(again, p)
			}
			continue
		}
		if err := p.deal(read[i], asks, outs); err != nil {
			return err
		}
	}
	if again == nil {
		return nil
	}
	if read, err = readAll(ctx, s, again); err != nil {
		return err
	}
	for i, p := range again {
		if err := p.deal(read[i], asks, outs); err != nil {
			return err
		}
	}
	return nil
}

// readAll copies the outputs of all parts to the host at once, without those that
// the host makes of others.
func readAll(ctx context.Context, s *tensor.Scope, all []*part) ([]heads.Result, error) {
	byPart := map[string]heads.Output{}
	for i, p := range all {
		o := p.out
		o.Probabilities, o.Value, o.PathScore, o.Embeddings1, o.Embeddings2 = tensor.Tensor{}, tensor.Tensor{}, tensor.Tensor{}, tensor.Tensor{}, tensor.Tensor{}
		byPart[fmt.Sprint(i)] = o
	}
	read, err := heads.ReadOutputs(ctx, s, byPart)
	if err != nil {
		return nil, err
	}
	out := make([]heads.Result, len(all))
	for i := range all {
		out[i] = read[fmt.Sprint(i)]
	}
	return out, nil
}

// table is a tensor on the host as rows.
func table(r heads.Result, name string) ([][]float32, error) {
	h := r[name]
	v, err := h.Float32()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	cols := 1
	if h.Rank > 1 {
		cols = h.Cols()
	}
	rows := make([][]float32, len(v)/max(cols, 1))
	for i := range rows {
		rows[i] = v[i*cols : (i+1)*cols]
	}
	return rows, nil
}

// column is a tensor on the host as one list.
func column(r heads.Result, name string) ([]float32, error) {
	v, err := r[name].Float32()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}

// deal gives each ask of the part its share, or what is wrong with it.
func (p *part) deal(r heads.Result, asks []ask, outs []output) error {
	name := fmt.Sprintf("head %q", p.task.name)
	if err := p.share(r, asks, outs); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, i := range p.asks {
		outs[i].check(name)
	}
	return nil
}

func (p *part) share(r heads.Result, asks []ask, outs []output) error {
	switch p.task.kind() {
	case heads.KindTextClassification, heads.KindMultipleChoice, heads.KindTextMatching:
		return p.dealVectors(r, "logits", outs)
	case heads.KindRanking:
		return p.dealVectors(r, "scores", outs)
	case heads.KindTextSimilarity:
		if !p.pairs {
			return p.dealVectors(r, "embeddings", outs)
		}
		v, err := column(r, "similarity_score")
		for k, i := range p.asks[:len(v)] {
			outs[i].score = float64(v[k])
		}
		return err
	case heads.KindTargetClassification, heads.KindRelationExtraction, heads.KindTextGeneration:
		rows, err := table(r, "logits")
		for _, i := range p.asks {
			if n := len(asks[i].targets); n <= len(rows) {
				outs[i].rows, rows = rows[:n], rows[n:]
			}
		}
		return err
	case heads.KindTokenClassification, heads.KindPredicateTagging:
		return p.dealTags(r, outs)
	case heads.KindQuestionAnswering:
		start, err := column(r, "start_logits")
		if err != nil {
			return err
		}
		end, err := column(r, "end_logits")
		if err != nil {
			return err
		}
		for k, i := range p.asks {
			lo, hi := p.rows.Start[k], p.rows.Start[k]+p.rows.Len[k]
			outs[i].start, outs[i].end = start[lo:hi], end[lo:hi]
		}
		return nil
	case heads.KindDependencyParsing:
		return p.each(r, outs, func(k int, one heads.Result, out *output) error {
			trees, err := heads.ParseDependencies(one)
			if err == nil {
				out.arcs = trees[0]
			}
			return err
		})
	case heads.KindCoreference:
		return p.dealClusters(r, outs)
	}
	return fmt.Errorf("a %s head gives no result of a text: %w", p.task.kind(), tensor.ErrUnsupported)
}

func (p *part) dealVectors(r heads.Result, name string, outs []output) error {
	rows, err := table(r, name)
	if err == nil && len(rows) != len(p.asks) {
		err = fmt.Errorf("%s holds %d rows for %d sequences", name, len(rows), len(p.asks))
	}
	if err != nil {
		return err
	}
	for k, i := range p.asks {
		outs[i].vector = rows[k]
	}
	return nil
}

func (p *part) dealTags(r heads.Result, outs []output) error {
	rows, err := table(r, "logits")
	if err != nil {
		return err
	}
	path, err := r["predictions"].Int64()
	if err != nil {
		return fmt.Errorf("predictions: %w", err)
	}
	for k, i := range p.asks {
		lo, hi := p.rows.Start[k], p.rows.Start[k]+p.rows.Len[k]
		outs[i].rows = rows[lo:hi]
		for _, tag := range path[lo:hi] {
			outs[i].path = append(outs[i].path, int32(tag))
		}
	}
	return nil
}

// each hands every ask of the part its sequence of the results; what fn finds wrong
// is that ask's error.
func (p *part) each(r heads.Result, outs []output, fn func(k int, one heads.Result, out *output) error) error {
	for k, i := range p.asks {
		one := heads.Result{}
		for name, h := range r {
			dims := h.Dims()
			n := len(h.Data) / dims[0]
			dims[0] = 1
			sp, err := tensor.SpecOf(h.DType, dims...)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			one[name] = tensor.Host{Spec: sp, Data: h.Data[k*n : (k+1)*n]}
			v, err := column(one, name)
			if err != nil {
				return err
			}
			seen := output{vector: v}
			if seen.check(fmt.Sprintf("head %q", p.task.name)); seen.err != nil {
				outs[i].err = seen.err
			}
		}
		if outs[i].err != nil {
			continue
		}
		if err := fn(k, one, &outs[i]); err != nil {
			outs[i].err = fmt.Errorf("head %q: %w", p.task.name, err)
		}
	}
	return nil
}

// prune leaves the candidates that the first stage of coreference takes for
// mentions.
func (p *part) prune(r heads.Result, asks []ask, outs []output) error {
	scores, err := table(r, "mention_scores")
	if err != nil {
		return err
	}
	flat, slot := make([]float32, len(p.in.Targets)), map[int]int{}
	for i, t := range p.in.Targets {
		flat[i] = scores[t.Seq][slot[t.Seq]]
		slot[t.Seq]++
		out := output{vector: flat[i : i+1]}
		if out.check(fmt.Sprintf("head %q", p.task.name)); out.err != nil {
			outs[p.asks[t.Seq]].err = out.err
		}
	}
	p.in.Targets = heads.PruneSpans(p.in.Targets, flat, func(seq int) int { return asks[p.asks[seq]].keep })
	p.in.MentionsOnly = false
	return nil
}

func (p *part) dealClusters(r heads.Result, outs []output) error {
	if r == nil || len(p.in.Targets) == 0 {
		return nil
	}
	spans := make([][][2]int, len(p.asks)) // mentions of each ask by slot
	for _, t := range p.in.Targets {
		spans[t.Seq] = append(spans[t.Seq], [2]int{t.Start, t.End})
	}
	return p.each(r, outs, func(k int, one heads.Result, out *output) error {
		all, err := heads.Clusters(one)
		if err != nil {
			return err
		}
		for _, slots := range all[0] {
			var c [][2]int
			for _, slot := range slots {
				c = append(c, spans[k][slot])
			}
			out.clusters = append(out.clusters, c)
		}
		return nil
	})
}
