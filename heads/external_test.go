package heads_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
)

// fake is an encoder of another module's: it knows this one by heads.Input alone and
// draws the hidden states of a token from its id, in host slices.
type fake struct{ width int }

func (f fake) encode(s *tensor.Scope, texts ...string) (heads.Input, error) {
	var lens []int
	var v []float32
	for _, text := range texts {
		words := strings.Fields(text)
		lens = append(lens, len(words))
		for _, w := range words {
			r := rand.New(rand.NewPCG(uint64(len(w)), uint64(w[0])))
			for range f.width {
				v = append(v, float32(r.NormFloat64()))
			}
		}
	}
	rows := tensor.NewLayout(lens...)
	if err := rows.Upload(s); err != nil {
		return heads.Input{}, err
	}
	x, err := tensor.Upload(s, v, rows.Rows(), f.width)
	return heads.Input{Hidden: x, Layout: rows}, err
}

// externalEncoder: MA1, an encoder that heads has never heard of drives every
// head, and each is saved and loaded: bit-equal outputs, equal configs and bytes.
func externalEncoder(t *testing.T) {
	enc := fake{16}
	onBackends(t, func(t *testing.T, b tensor.Backend) {
		for kind, head := range everyHead(t, b) {
			t.Run(string(kind), func(t *testing.T) {
				head, w := newHead(t, b, head.Config(), 16, heads.Options{IntermediateSize: 8})
				run := func(m heads.Module) results {
					return results{"": forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
						in, err := enc.encode(s, "a head works", "under any encoder of anyone")
						require.NoError(t, err)
						in.Targets = packedTargets(kind)
						return heads.Apply(s, m.(heads.Head), in)
					})}
				}
				if kind == heads.KindTextMatching {
					run = func(m heads.Module) results {
						return results{"": forward(t, b, func(s *tensor.Scope) (heads.Output, error) {
							x, err := enc.encode(s, "a head works", "under any encoder of anyone")
							require.NoError(t, err)
							y, err := enc.encode(s, "under", "one")
							require.NoError(t, err)
							return heads.Apply(s, m.(heads.Head), heads.Pair{A: x, B: y})
						})}
					}
				}
				got := run(head.(heads.Module))
				spec, err := heads.OutputSpec(head.Config().TaskType)
				require.NoError(t, err)
				named := map[string]bool{}
				for _, f := range spec {
					named[f.Name] = true
					if f.When == "" {
						require.Contains(t, got[""], f.Name)
					}
				}
				for key, h := range got[""] {
					require.True(t, named[key], "output %s is in the spec", key)
					if h.DType == tensor.F32 {
						floats(t, got[""], key, h.Dims()...)
					}
				}
				requireSaved(t, b, head.(heads.Module), w, run)
			})
		}
	})
}

// packedTargets are what a head asks about in the two texts of three and five words.
func packedTargets(kind heads.Kind) []heads.Target {
	switch kind {
	case heads.KindPredicateTagging, heads.KindTargetClassification:
		return []heads.Target{{Seq: 0, Start: 1, End: 3}, {Seq: 1, Start: 0, End: 4}}
	case heads.KindRelationExtraction:
		return []heads.Target{{Seq: 1, Start: 2, End: 3, SecondStart: 3, SecondEnd: 5}}
	case heads.KindCoreference:
		return []heads.Target{{Seq: 0, Start: 0, End: 1}, {Seq: 0, Start: 0, End: 2}, {Seq: 1, Start: 2, End: 4}}
	}
	return nil
}
