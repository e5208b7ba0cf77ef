package tensor_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cephalo-ml/cephalo/internal/testutil"
	"github.com/cephalo-ml/cephalo/tensor"
)

func downloadInts(t testing.TB, s tensor.Stream, x tensor.Tensor) []int32 {
	t.Helper()
	raw := make([]byte, x.Bytes())
	require.NoError(t, s.Read(context.Background(), [][]byte{raw}, x))
	wide, err := tensor.Host{Spec: x.Spec, Data: raw}.Int64()
	require.NoError(t, err)
	out := make([]int32, len(wide))
	for i, v := range wide {
		out[i] = int32(v)
	}
	return out
}

// chain is a CRF over sequences in host memory.
type chain struct {
	tags                   int
	emissions              [][]float64 // by row
	trans                  [][]float64
	start, end             []float64
	lens                   []int
	keep                   []int32 // nil: all
	path                   []int32
	emissionsF, transF     []float32
	startF, endF           []float32
	emissionsT, keepT, tag tensor.Tensor
	params                 tensor.CRF
	rows                   *tensor.Layout
}

// randomChain has scores of unit size.
func randomChain(seed uint64, tags int, keep bool, lens ...int) *chain {
	r := rand.New(rand.NewPCG(seed, 5))
	draw := func(n int) (v []float32, wide []float64) {
		for range n {
			x := float32(r.NormFloat64())
			v, wide = append(v, x), append(wide, float64(x))
		}
		return v, wide
	}
	c := &chain{tags: tags, lens: lens, rows: tensor.NewLayout(lens...)}
	n := c.rows.Rows()
	var wide []float64
	c.emissionsF, wide = draw(n * tags)
	c.emissions = slices.Collect(slices.Chunk(wide, tags))
	c.transF, wide = draw(tags * tags)
	c.trans = slices.Collect(slices.Chunk(wide, tags))
	c.startF, c.start = draw(tags)
	c.endF, c.end = draw(tags)
	for range n {
		c.path = append(c.path, r.Int32N(int32(tags)))
		if keep {
			c.keep = append(c.keep, min(r.Int32N(3), 1))
		}
	}
	return c
}

func (c *chain) upload(t testing.TB, s tensor.Stream) {
	t.Helper()
	up := func(v []float32, shape ...int) tensor.Tensor {
		x, err := tensor.Upload(s, v, shape...)
		require.NoError(t, err)
		return x
	}
	n := c.rows.Rows()
	c.emissionsT = up(c.emissionsF, n, c.tags)
	c.params = tensor.CRF{Transitions: up(c.transF, c.tags, c.tags), Start: up(c.startF, c.tags), End: up(c.endF, c.tags)}
	var err error
	c.tag, err = tensor.Upload(s, c.path, n)
	require.NoError(t, err)
	c.keepT = tensor.Tensor{}
	if c.keep != nil {
		c.keepT, err = tensor.Upload(s, c.keep, n)
		require.NoError(t, err)
	}
	require.NoError(t, c.rows.Upload(s))
}

// kept are the rows of sequence b that take part.
func (c *chain) kept(b int) (at []int) {
	for r := int(c.rows.Start[b]); r < int(c.rows.Start[b]+c.rows.Len[b]); r++ {
		if c.keep == nil || c.keep[r] == 1 {
			at = append(at, r)
		}
	}
	return at
}

func (c *chain) score(at []int, path []int) float64 {
	if len(at) == 0 {
		return 0
	}
	sum := c.start[path[0]] + c.end[path[len(path)-1]]
	for k, r := range at {
		sum += c.emissions[r][path[k]]
		if k > 0 {
			sum += c.trans[path[k-1]][path[k]]
		}
	}
	return sum
}

// allPaths calls fn with every path over n rows; fn does not keep it.
func (c *chain) allPaths(n int, fn func(path []int)) {
	path := make([]int, n)
	var next func(k int)
	next = func(k int) {
		if k == n {
			fn(path)
			return
		}
		for path[k] = range c.tags {
			next(k + 1)
		}
	}
	next(0)
}

// The log-likelihood, the best path and the marginals are those of the enumeration of
// all paths, on every backend.
func TestCRFAgainstAllPaths(t *testing.T) {
	backends(t, func(t *testing.T, b tensor.Backend) {
		for tags := 1; tags <= 4; tags++ {
			for _, keep := range []bool{false, true} {
				t.Run(fmt.Sprintf("tags%d-keep-%v", tags, keep), func(t *testing.T) {
					againstAllPaths(t, b, randomChain(uint64(tags), tags, keep, 5, 1, 0, 4, 3, 2, 5))
				})
			}
		}
	})
}

func againstAllPaths(t *testing.T, b tensor.Backend, c *chain) {
	s := stream(t, b)
	c.upload(t, s)
	llhT, err := tensor.CRFLogLikelihood(s, c.emissionsT, c.params, c.tag, c.keepT, c.rows)
	require.NoError(t, err)
	pathT, scoreT, err := tensor.CRFViterbi(s, c.emissionsT, c.params, c.keepT, c.rows)
	require.NoError(t, err)
	marginalsT, err := tensor.CRFMarginals(s, c.emissionsT, c.params, c.keepT, c.rows)
	require.NoError(t, err)
	// The best path is a path: what Viterbi gives has a log-likelihood.
	bestT, err := tensor.CRFLogLikelihood(s, c.emissionsT, c.params, pathT, c.keepT, c.rows)
	require.NoError(t, err)
	down := func(x tensor.Tensor) []float32 {
		v, err := tensor.Download(context.Background(), s, x)
		require.NoError(t, err)
		return v
	}
	llh, score, marginals, best, path := down(llhT), down(scoreT), down(marginalsT), down(bestT), downloadInts(t, s, pathT)
	wantPath, wantMarginals := make([]int32, len(path)), make([]float64, len(marginals))
	for i := range wantPath {
		wantPath[i] = -1
	}
	for b := range c.lens {
		at := c.kept(b)
		highest, total, top := math.Inf(-1), 0.0, make([]int, len(at))
		c.allPaths(len(at), func(p []int) {
			v := c.score(at, p)
			total += math.Exp(v)
			if v > highest {
				highest = v
				copy(top, p)
			}
		})
		c.allPaths(len(at), func(p []int) {
			for k, r := range at {
				wantMarginals[r*c.tags+p[k]] += math.Exp(c.score(at, p)) / total
			}
		})
		gold := make([]int, len(at))
		for k, r := range at {
			gold[k], wantPath[r] = int(c.path[r]), int32(top[k])
		}
		logZ := math.Log(total)
		assert.InDelta(t, logZ, c.score(at, gold)-float64(llh[b]), 1e-5, "log Z of sequence %d", b)
		assert.InDelta(t, highest, score[b], 1e-5, "score of sequence %d", b)
		assert.InDelta(t, highest-logZ, best[b], 1e-5, "log-likelihood of the best path of sequence %d", b)
	}
	assert.Equal(t, wantPath, path)
	assert.InDeltaSlice(t, wantMarginals, marginals, 1e-5)
}

// A long chain keeps its precision: each row's marginals sum to 1, and a path's
// log-likelihood is that in float64.
func TestCRFOfLongSequences(t *testing.T) {
	const n, tags = 2000, 9
	c := randomChain(3, tags, false, n)
	a := append([]float64(nil), c.start...)
	for j := range a {
		a[j] += c.emissions[0][j]
	}
	for r := 1; r < n; r++ {
		next := make([]float64, tags)
		for j := range next {
			sum := 0.0
			for i := range a {
				sum += math.Exp(a[i] - a[0] + c.trans[i][j])
			}
			next[j] = c.emissions[r][j] + a[0] + math.Log(sum)
		}
		a = next
	}
	sum := 0.0
	for j := range a {
		sum += math.Exp(a[j] - a[0] + c.end[j])
	}
	at, gold := c.kept(0), make([]int, n)
	for k := range gold {
		gold[k] = int(c.path[k])
	}
	want := c.score(at, gold) - a[0] - math.Log(sum)
	backends(t, func(t *testing.T, b tensor.Backend) {
		s := stream(t, b)
		c.upload(t, s)
		y, err := tensor.CRFLogLikelihood(s, c.emissionsT, c.params, c.tag, c.keepT, c.rows)
		require.NoError(t, err)
		llh, err := tensor.Download(context.Background(), s, y)
		require.NoError(t, err)
		assert.InEpsilon(t, want, llh[0], 2e-7, "log-likelihood %v", want)
		m, err := tensor.CRFMarginals(s, c.emissionsT, c.params, c.keepT, c.rows)
		require.NoError(t, err)
		v, err := tensor.Download(context.Background(), s, m)
		require.NoError(t, err)
		for r := range n {
			total := 0.0
			for _, p := range v[r*tags : (r+1)*tags] {
				total += float64(p)
			}
			assert.InDelta(t, 1, total, 2e-6, "row %d", r)
		}
	})
}

// The largest number of tags runs, one more is refused.
func TestCRFOfMostTags(t *testing.T) {
	const tags = tensor.MaxTags
	backends(t, func(t *testing.T, b tensor.Backend) {
		s := stream(t, b)
		c := &chain{tags: tags, rows: tensor.NewLayout(3), path: []int32{tags - 1, 0, 7}}
		c.emissionsF, c.transF, c.startF, c.endF = make([]float32, 3*tags), make([]float32, tags*tags), make([]float32, tags), make([]float32, tags)
		c.emissionsF[tags+5] = 1
		c.upload(t, s)
		y, err := tensor.CRFLogLikelihood(s, c.emissionsT, c.params, c.tag, tensor.Tensor{}, c.rows)
		require.NoError(t, err)
		llh, err := tensor.Download(context.Background(), s, y)
		require.NoError(t, err)
		assert.InDelta(t, -2*math.Log(tags)-math.Log(tags-1+math.E), llh[0], 1e-5)
		path, _, err := tensor.CRFViterbi(s, c.emissionsT, c.params, tensor.Tensor{}, c.rows)
		require.NoError(t, err)
		assert.Equal(t, []int32{0, 5, 0}, downloadInts(t, s, path))
	})
}

func goldenCRF(g *golden) {
	emissions, shape := g.floats("emissions")
	batch, width, tags := shape[0], shape[1], shape[2]
	rows, at, err := tensor.LayoutOfMask(g.ints("mask"), batch, width)
	require.NoError(g.t, err)
	require.NoError(g.t, rows.Upload(g.s))
	for b, n := range g.Attrs.Lengths {
		require.EqualValues(g.t, n, rows.Len[b])
	}
	packed, labels := make([]float32, 0, len(at)*tags), make([]int32, 0, len(at))
	stored := g.ints("tags")
	for _, i := range at {
		packed, labels = append(packed, emissions[int(i)*tags:int(i+1)*tags]...), append(labels, stored[i])
	}
	e, err := tensor.Upload(g.s, packed, len(at), tags)
	require.NoError(g.t, err)
	g.s.Watch(e.Buf)
	y, err := tensor.Upload(g.s, labels, len(labels))
	require.NoError(g.t, err)
	p := tensor.CRF{Transitions: g.input("transitions"), Start: g.input("start_transitions"), End: g.input("end_transitions")}
	llh, err := tensor.CRFLogLikelihood(g.s, e, p, y, tensor.Tensor{}, rows)
	require.NoError(g.t, err)
	mean, err := tensor.Reduce(g.s, llh, tensor.ReduceMean)
	require.NoError(g.t, err)
	loss, err := tensor.Scale(g.s, mean, -1, 0)
	require.NoError(g.t, err)
	require.NoError(g.t, g.s.Backward(testutil.Seed{Y: loss}))
	tol := tensor.Tol{Abs: 2e-6, Rel: 2e-6}
	got := g.download(llh)
	g.hold("llh", got, tol)
	g.hold("llh_mean", g.download(mean), tol)
	g.holdPartition(rows, packed, labels, got, tol)
	g.hold("grad_transitions", g.grad(p.Transitions), tol)
	g.hold("grad_start_transitions", g.grad(p.Start), tol)
	g.hold("grad_end_transitions", g.grad(p.End), tol)
	de := make([]float32, len(emissions))
	for k, v := range g.grad(e) {
		de[int(at[k/tags])*tags+k%tags] = v
	}
	g.hold("grad_emissions", de, tol)

	path, score, err := tensor.CRFViterbi(g.s, e, p, tensor.Tensor{}, rows)
	require.NoError(g.t, err)
	padded := slices.Repeat([]int32{-1}, batch*width)
	for k, v := range downloadInts(g.t, g.s, path) {
		padded[at[k]] = v
	}
	assert.Equal(g.t, g.ints("viterbi"), padded)
	g.hold("viterbi_score", g.download(score), tol)
}

// holdPartition compares log Z: the score of the labels, added up here, less their
// log-likelihood.
func (g *golden) holdPartition(rows *tensor.Layout, emissions []float32, labels []int32, llh []float32, tol tensor.Tol) {
	trans, _ := g.floats("transitions")
	start, _ := g.floats("start_transitions")
	end, _ := g.floats("end_transitions")
	tags := len(start)
	logZ := make([]float32, rows.Batch())
	for b, first := range rows.Start {
		last := first + rows.Len[b] - 1
		sum := float64(start[labels[first]]) + float64(end[labels[last]]) - float64(llh[b])
		for r := first; r <= last; r++ {
			sum += float64(emissions[int(r)*tags+int(labels[r])])
			if r > first {
				sum += float64(trans[int(labels[r-1])*tags+int(labels[r])])
			}
		}
		logZ[b] = float32(sum)
	}
	g.hold("log_partition", logZ, tol)
}
