package encoders

import (
	"fmt"

	"github.com/cephalo-ml/cephalo/tensor"
)

// Causal is an encoder that can continue sequences from a key-value cache.
type Causal interface {
	Encoder
	// ForwardCached runs the new tokens of the batch after those that the cache
	// holds, and adds their keys and values to it. A nil cache is none.
	ForwardCached(s *tensor.Scope, batch *Batch, cache *Cache, want Want) (Output, error)
}

// Cache holds the keys and values of sequences on the device, for one goroutine.
// Its lengths are those of the work recorded; after a failed stream, drop it.
type Cache struct {
	backend  tensor.Backend
	k, v     []tensor.Tensor // per layer [B*capacity, KV, D]
	capacity int
	lens     []int32
	keys     *tensor.Layout // of the forward pass under way
	at       tensor.Tensor  // rows of the cache that the new rows go to
}

// NewCache makes room for batch sequences of up to capacity tokens each.
func NewCache(b tensor.Backend, c Config, batch, capacity int) (*Cache, error) {
	if batch < 1 || capacity < 1 || capacity > c.MaxTokens {
		return nil, fmt.Errorf("key-value cache for %d sequences of %d tokens: want at least one of each, and at most %d tokens: %w", batch, capacity, c.MaxTokens, tensor.ErrShape)
	}
	kv := &Cache{backend: b, capacity: capacity, lens: make([]int32, batch)}
	sp, err := tensor.SpecOf(tensor.F32, batch*capacity, c.NumKeyValueHeads, c.HeadDim)
	if err != nil {
		return nil, err
	}
	for range c.NumHiddenLayers {
		for _, to := range []*[]tensor.Tensor{&kv.k, &kv.v} {
			buf, err := b.Alloc(sp.Bytes())
			if err != nil {
				kv.Release()
				return nil, err
			}
			*to = append(*to, tensor.View(buf, sp))
		}
	}
	return kv, nil
}

// Release gives the memory back. Twice is fine.
func (kv *Cache) Release() {
	for _, t := range append(kv.k, kv.v...) {
		kv.backend.Release(t.Buf)
	}
	kv.k, kv.v = nil, nil
}

// Lens are the tokens held of each sequence.
func (kv *Cache) Lens() []int32 { return kv.lens }

// Place moves the columns of a batch of new tokens behind those that are held.
func (kv *Cache) Place(b *Batch) error {
	if b.Layout.Batch() != len(kv.lens) {
		return fmt.Errorf("batch of %d sequences for a cache of %d: %w", b.Layout.Batch(), len(kv.lens), tensor.ErrShape)
	}
	b.Layout.Cols = 0
	for i, s := range b.Layout.Start {
		n := b.Layout.Len[i]
		for j := range n {
			b.Layout.Pos[s+j] = kv.lens[i] + j
		}
		b.Layout.Cols = max(b.Layout.Cols, kv.lens[i]+n)
		if int(kv.lens[i]+n) > kv.capacity {
			return fmt.Errorf("sequence %d has %d tokens, the cache holds %d: %w", i, kv.lens[i]+n, kv.capacity, tensor.ErrShape)
		}
	}
	return nil
}

// begin lays out the keys of a forward pass: those held and the new ones.
func (kv *Cache) begin(s *tensor.Scope, b *Batch) error {
	if kv == nil {
		return nil
	}
	if b.Layout.Batch() != len(kv.lens) {
		return fmt.Errorf("batch of %d sequences for a cache of %d: %w", b.Layout.Batch(), len(kv.lens), tensor.ErrShape)
	}
	n := len(kv.lens)
	kv.keys = &tensor.Layout{Pos: make([]int32, n*kv.capacity), Cols: b.Layout.Cols}
	at := make([]int32, len(b.IDs))
	for i := range n {
		first := int32(i * kv.capacity)
		for j := range kv.capacity {
			kv.keys.Pos[int(first)+j] = int32(j)
		}
		from, count := b.Layout.Start[i], b.Layout.Len[i]
		if int(kv.lens[i]+count) > kv.capacity {
			return fmt.Errorf("sequence %d has %d tokens, the cache holds %d: %w", i, kv.lens[i]+count, kv.capacity, tensor.ErrShape)
		}
		for j := range count {
			at[from+j] = first + kv.lens[i] + j
		}
		kv.lens[i] += count
		kv.keys.Start = append(kv.keys.Start, first)
		kv.keys.Len = append(kv.keys.Len, kv.lens[i])
	}
	var err error
	if kv.at, err = tensor.Upload(s, at, len(at)); err != nil {
		return err
	}
	return kv.keys.Upload(s)
}

// attend adds k and v of a layer to the cache and attends to all that it holds;
// without a cache it attends within the batch.
func (kv *Cache) attend(s *tensor.Scope, layer int, q, k, v tensor.Tensor, rows *tensor.Layout, o tensor.AttentionOptions) (tensor.Tensor, error) {
	if kv == nil {
		return tensor.Attention(s, q, k, v, rows, rows, o)
	}
	if err := tensor.WriteRows(s, kv.k[layer], k, kv.at); err != nil {
		return tensor.Tensor{}, err
	}
	if err := tensor.WriteRows(s, kv.v[layer], v, kv.at); err != nil {
		return tensor.Tensor{}, err
	}
	return tensor.Attention(s, q, kv.k[layer], kv.v[layer], rows, kv.keys, o)
}

// Reorder makes sequence i a copy of what sequence from[i] was: the step of a
// beam search.
func (kv *Cache) Reorder(s tensor.Stream, from []int32) error {
	n := len(kv.lens)
	if len(from) != n {
		return fmt.Errorf("reorder: %d indexes for %d sequences: %w", len(from), n, tensor.ErrShape)
	}
	lens := make([]int32, n)
	var src, dst []int32
	for i, f := range from {
		if f < 0 || int(f) >= n {
			return fmt.Errorf("reorder: sequence %d of %d: %w", f, n, tensor.ErrShape)
		}
		lens[i] = kv.lens[f]
		for j := range lens[i] {
			if int(f) != i {
				src, dst = append(src, f*int32(kv.capacity)+j), append(dst, int32(i*kv.capacity)+j)
			}
		}
	}
	if len(src) > 0 {
		at, err := tensor.Upload(s, src, len(src))
		if err != nil {
			return err
		}
		to, err := tensor.Upload(s, dst, len(dst))
		if err != nil {
			return err
		}
		for _, t := range append(append([]tensor.Tensor{}, kv.k...), kv.v...) {
			moved, err := tensor.GatherRows(s, t, at, 0)
			if err != nil {
				return err
			}
			if err := tensor.WriteRows(s, t, moved, to); err != nil {
				return err
			}
			s.Free(moved.Buf)
		}
		tensor.FreeAll(s, at, to)
	}
	kv.lens = lens
	return nil
}
