package cephalo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// defaultNewTokens is how far a text is continued unless asked otherwise.
const defaultNewTokens = 20

// GenerateOptions say how a text is continued. The zero value is greedy.
type GenerateOptions struct {
	MaxNewTokens int      // 0: 20
	Temperature  float64  // above 0: sample from softmax(logits/T); 0 with top-k or top-p: temperature of the head
	TopK         int      // sample among the k most probable tokens; 0: all
	TopP         float64  // sample among the fewest tokens of this probability; 0 or 1: all
	NumBeams     int      // above 1: beam search, by mean log-probability; 0: beam_size of the head, where nothing samples
	Stop         []string // end before the first of these texts
	Seed         uint64   // of sampling; prompt i of a call draws from (Seed, i)
	IgnoreEOS    bool     // go on after the end-of-sequence token
	Task         string   // name of the head, where a model has several that generate
}

func (o GenerateOptions) sampling() bool {
	return o.Temperature > 0 || o.TopK > 0 || (o.TopP > 0 && o.TopP < 1)
}

func (o GenerateOptions) check() error {
	switch {
	case o.MaxNewTokens < 0, o.TopK < 0, o.NumBeams < 0:
		return fmt.Errorf("max new tokens %d, top-k %d, beams %d: want 0 or more", o.MaxNewTokens, o.TopK, o.NumBeams)
	case !(o.Temperature >= 0) || math.IsInf(o.Temperature, 0):
		return fmt.Errorf("temperature is %v, want a number from 0", o.Temperature)
	case !(o.TopP >= 0 && o.TopP <= 1):
		return fmt.Errorf("top-p is %v, want 0 to 1", o.TopP)
	case o.NumBeams > 1 && o.sampling():
		return fmt.Errorf("beam search and sampling exclude each other")
	}
	return nil
}

// Generate continues prompts; the results are the continuations alone.
func (m *Model) Generate(ctx context.Context, prompts []string, o GenerateOptions) ([]string, error) {
	done, err := m.use()
	if err != nil {
		return nil, err
	}
	defer done()
	return m.continued(ctx, prompts, o)
}

// continued is Generate on a model that is held open.
func (m *Model) continued(ctx context.Context, prompts []string, o GenerateOptions) ([]string, error) {
	ids, err := m.promptIDs(prompts)
	if err != nil {
		return nil, err
	}
	if o, err = m.settle(o); err != nil {
		return nil, err
	}
	out := make([]string, len(prompts))
	texts := make([]*stopper, len(prompts))
	for i := range texts {
		texts[i] = newStopper(m.tokenizer, o.Stop)
	}
	beams := o.NumBeams > 1
	got, err := m.generate(ctx, ids, o, func(i int, id int32) bool {
		_, done := texts[i].push(id)
		return done
	})
	if err != nil {
		return nil, err
	}
	for i, t := range texts {
		for _, id := range got[i] {
			if !beams { // heard as they came
				break
			}
			if _, done := t.push(id); done {
				break
			}
		}
		t.flush()
		out[i] = t.text()
	}
	return out, nil
}

// GenerateStream continues one prompt and gives the text as it comes, whole
// characters only. Beam search has no stream.
func (m *Model) GenerateStream(ctx context.Context, prompt string, o GenerateOptions) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		done, err := m.use()
		if err != nil {
			yield("", err)
			return
		}
		defer done()
		o, err := m.settle(o)
		if err == nil && o.NumBeams > 1 {
			err = fmt.Errorf("beam search gives no stream, the text is known at the end alone: %d beams, want 1", o.NumBeams)
		}
		if err != nil {
			yield("", err)
			return
		}
		ids, err := m.promptIDs([]string{prompt})
		if err != nil {
			yield("", err)
			return
		}
		t, stopped := newStopper(m.tokenizer, o.Stop), false
		_, err = m.generate(ctx, ids, o, func(_ int, id int32) bool {
			piece, done := t.push(id)
			if piece != "" && !yield(piece, nil) {
				stopped = true
			}
			return done || stopped
		})
		switch {
		case stopped:
		case err != nil:
			yield("", err)
		default:
			if piece := t.flush(); piece != "" {
				yield(piece, nil)
			}
		}
	}
}

// CanGenerate says whether the model can continue texts with these options: it is
// a causal language model with a tokenizer, and the options are in range.
func (m *Model) CanGenerate(o GenerateOptions) error {
	if m.tokenizer == nil {
		return fmt.Errorf("no tokenizer: %w", m.noTok)
	}
	if _, _, err := m.generator(o.Task); err != nil {
		return err
	}
	return o.check()
}

// generator is the language model that continues texts, by its name where one is
// given.
func (m *Model) generator(name string) (*task, encoders.Causal, error) {
	all, err := m.tasks()
	if err != nil {
		return nil, nil, err
	}
	fit := ofKind(all, heads.KindTextGeneration)
	if name != "" {
		if fit = slices.DeleteFunc(fit, func(t *task) bool { return t.name != name }); len(fit) == 0 {
			return nil, nil, fmt.Errorf("task %q is none of the model's that generate: %s", name, listed(all))
		}
	}
	t, err := only(all, fit, heads.KindTextGeneration)
	if err != nil {
		return nil, nil, err
	}
	enc, ok := m.encoder.(encoders.Causal)
	if !ok {
		return nil, nil, fmt.Errorf("%s is no causal model: it fills masks and does not generate: %w", t.name, tensor.ErrUnsupported)
	}
	if o, ok := t.head.(interface{ Options() heads.Options }); ok && o.Options().UseTaskAttention {
		return nil, nil, fmt.Errorf("head %q has task attention, which sees later tokens: it does not generate: %w", t.name, tensor.ErrUnsupported)
	}
	return t, enc, m.speaks(t)
}

// speaks says whether the words that a language model of ours scores are those of
// the tokenizer.
func (m *Model) speaks(t *task) error {
	if n, vocab := t.config().VocabularySize, m.encoder.Config().VocabSize; t.published() == nil && n != vocab {
		return fmt.Errorf("head %q has vocabulary_size %d, the encoder %d: its words are not the tokenizer's: %w", t.name, n, vocab, tensor.ErrUnsupported)
	}
	return nil
}

// writer prepares texts for a head that continues them: each runs by itself, when
// its result is made.
func (m *Model) writer(ctx context.Context, t *task, o GenerateOptions) (func(Text) (work[string], error), error) {
	o.Task = t.name
	if err := m.CanGenerate(o); err != nil {
		return nil, err
	}
	return func(in Text) (work[string], error) {
		return work[string]{finish: func([]output) (string, error) {
			texts, err := m.continued(ctx, []string{in.Text}, o)
			var of *InputError
			switch {
			case errors.As(err, &of): // of its only prompt
				return "", of.Err
			case err != nil:
				return "", err
			}
			return texts[0], nil
		}}, in.Err
	}, nil
}

// settle fills what is unset from the config of the head.
func (m *Model) settle(o GenerateOptions) (GenerateOptions, error) {
	t, _, err := m.generator(o.Task)
	if err != nil {
		return o, err
	}
	switch cfg := t.config(); {
	case o.sampling() && o.Temperature == 0 && cfg.Temperature != nil:
		o.Temperature = *cfg.Temperature
	case !o.sampling() && o.NumBeams == 0:
		o.NumBeams = cfg.BeamSize
	}
	return o, nil
}

// promptIDs tokenizes prompts; an empty one becomes the beginning-of-sequence token.
func (m *Model) promptIDs(prompts []string) ([][]int32, error) {
	if m.tokenizer == nil {
		return nil, fmt.Errorf("no tokenizer: %w", m.noTok)
	}
	ids := make([][]int32, len(prompts))
	for i, p := range prompts {
		e, err := m.tokenizer.Encode(p, tokenizers.Options{})
		if err != nil {
			return nil, &InputError{Index: i, Err: err}
		}
		ids[i] = e.IDs
		if len(ids[i]) == 0 {
			bos := m.tokenizer.SpecialTokens().BOSID
			if bos < 0 {
				return nil, &InputError{Index: i, Err: fmt.Errorf("empty prompt, and the tokenizer has no beginning-of-sequence token")}
			}
			ids[i] = []int32{bos}
		}
	}
	return ids, nil
}

// GenerateIDs continues prompts of token ids; the results are the new ids alone,
// the end-of-sequence token included where it came.
func (m *Model) GenerateIDs(ctx context.Context, prompts [][]int32, o GenerateOptions) ([][]int32, error) {
	done, err := m.use()
	if err != nil {
		return nil, err
	}
	defer done()
	return m.generate(ctx, prompts, o, func(int, int32) bool { return false })
}

// decoder is a generation under way: a batch of sequences with their cache.
type decoder struct {
	m     *Model
	head  *task
	enc   encoders.Causal
	cache *encoders.Cache
	eos   map[int32]bool

	copies int // sequences of a prompt
}

func (m *Model) newDecoder(prompts [][]int32, o GenerateOptions, copies int) (*decoder, int, error) {
	t, enc, err := m.generator(o.Task)
	if err != nil {
		return nil, 0, err
	}
	if err := o.check(); err != nil {
		return nil, 0, err
	}
	longest, limit := 0, enc.Config().MaxTokens
	for i, p := range prompts {
		if len(p) == 0 {
			return nil, 0, &InputError{Index: i, Err: fmt.Errorf("prompt of no tokens")}
		}
		if len(p) >= limit {
			return nil, 0, &InputError{Index: i, Err: fmt.Errorf("prompt of %d tokens leaves no room: the model has %d positions", len(p), limit)}
		}
		longest = max(longest, len(p))
	}
	n := o.MaxNewTokens
	if n == 0 {
		n = defaultNewTokens
	}
	cache, err := encoders.NewCache(m.backend, enc.Config(), len(prompts)*copies, min(longest+n, limit))
	if err != nil {
		return nil, 0, err
	}
	d := &decoder{m: m, head: t, enc: enc, cache: cache, eos: map[int32]bool{}, copies: copies}
	if !o.IgnoreEOS {
		for _, id := range m.folder.eos {
			d.eos[id] = true
		}
	}
	return d, n, nil
}

// step runs the new tokens of each sequence (none for one that has ended) and
// gives the logits of each one's last token, [B][V].
func (d *decoder) step(ctx context.Context, ids [][]int32) ([][]float32, error) {
	batch, err := encoders.PackBatch(ids, nil)
	if err != nil {
		return nil, err
	}
	if err := d.cache.Place(batch); err != nil {
		return nil, err
	}
	out := make([][]float32, len(ids))
	err = d.m.forward(ctx, func(s *tensor.Scope) error {
		enc, err := d.enc.ForwardCached(s, batch, d.cache, encoders.Want{})
		if err != nil {
			return err
		}
		last, err := tensor.Pool(s, enc.Hidden, batch.Layout, tensor.PoolLast, tensor.Tensor{}, tensor.Tensor{})
		if err != nil {
			return err
		}
		one, err := singles(s, len(ids))
		if err != nil {
			return err
		}
		res, err := d.head.forward(s, heads.Input{Hidden: last, Layout: one})
		if err != nil {
			return err
		}
		v, err := tensor.Download(ctx, s, res.Logits)
		if err != nil {
			return err
		}
		w := len(v) / len(ids)
		for i := range out {
			o := output{vector: v[i*w : (i+1)*w]}
			if o.check(fmt.Sprintf("head %q", d.head.name)); o.err != nil && len(ids[i]) > 0 {
				return &InputError{Index: i / d.copies, Err: o.err}
			}
			out[i] = o.vector
		}
		return nil
	})
	return out, err
}

// generate continues prompts by greedy choice, sampling or beams. token hears each
// new token of a prompt and says whether to end it there; beams call it never.
func (m *Model) generate(ctx context.Context, prompts [][]int32, o GenerateOptions, token func(i int, id int32) bool) ([][]int32, error) {
	if len(prompts) == 0 {
		return [][]int32{}, nil
	}
	o, err := m.settle(o)
	if err != nil {
		return nil, err
	}
	if o.NumBeams > 1 {
		return m.beams(ctx, prompts, o)
	}
	d, n, err := m.newDecoder(prompts, o, 1)
	if err != nil {
		return nil, err
	}
	defer d.cache.Release()
	out := make([][]int32, len(prompts))
	next := slices.Clone(prompts)
	pick := newSampler(o, len(prompts))
	for range n {
		logits, err := d.step(ctx, next)
		if err != nil {
			return nil, err
		}
		going := false
		for i := range next {
			if len(next[i]) == 0 {
				continue
			}
			next[i] = nil
			id := pick(i, logits[i])
			out[i] = append(out[i], id)
			full := len(prompts[i])+len(out[i]) >= d.enc.Config().MaxTokens
			if !token(i, id) && !d.eos[id] && !full && len(out[i]) < n {
				next[i], going = []int32{id}, true
			}
		}
		if !going {
			break
		}
	}
	return out, nil
}

// singles is the layout of n sequences of one row, uploaded.
func singles(s *tensor.Scope, n int) (*tensor.Layout, error) {
	lens := make([]int, n)
	for i := range lens {
		lens[i] = 1
	}
	l := tensor.NewLayout(lens...)
	return l, l.Upload(s)
}

// readEOS reads the end-of-sequence ids of generation_config.json, else of config.json.
func (f *folder) readEOS() error {
	for _, name := range []string{"generation_config.json", "config.json"} {
		var c struct {
			EOS json.RawMessage `json:"eos_token_id"`
		}
		if ok, err := f.sideFile(name, &c); err != nil {
			return err
		} else if !ok || len(c.EOS) == 0 || string(c.EOS) == "null" {
			continue
		}
		var one int32
		if json.Unmarshal(c.EOS, &one) == nil {
			f.eos = []int32{one}
			return nil
		}
		if err := json.Unmarshal(c.EOS, &f.eos); err != nil {
			return fmt.Errorf("%s: eos_token_id is %s, want an id or a list of ids", name, c.EOS)
		}
		return nil
	}
	return nil
}

// stopper turns ids into text, whole characters only, and ends before a stop text.
type stopper struct {
	stream *tokenizers.Stream
	stop   []string
	held   string // text that might be the beginning of a stop
	out    strings.Builder
	done   bool
}

func newStopper(t *tokenizers.Tokenizer, stop []string) *stopper {
	return &stopper{stream: t.NewStream(true), stop: stop}
}

// push gives the text that is certain now, and whether a stop came.
func (t *stopper) push(id int32) (string, bool) { return t.add(t.stream.Push(id), false) }

func (t *stopper) add(piece string, last bool) (string, bool) {
	if t.done {
		return "", true
	}
	t.held += piece
	at := -1
	for _, s := range t.stop {
		if i := strings.Index(t.held, s); s != "" && i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at >= 0 {
		t.done = true
	} else {
		at = len(t.held)
		for _, s := range t.stop {
			for k := min(len(s)-1, len(t.held)); k > 0 && !last; k-- {
				if strings.HasSuffix(t.held, s[:k]) {
					at = min(at, len(t.held)-k)
					break
				}
			}
		}
	}
	piece, t.held = t.held[:at], t.held[at:]
	t.out.WriteString(piece)
	return piece, t.done
}

// flush gives what was held back.
func (t *stopper) flush() string {
	piece, _ := t.add(t.stream.Flush(), true)
	return piece
}

func (t *stopper) text() string { return t.out.String() }
