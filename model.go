package cephalo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/cephalo-ml/cephalo/encoders"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/nn"
	"github.com/cephalo-ml/cephalo/tensor"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// ErrClosed is what a closed Model answers.
var ErrClosed = errors.New("model is closed")

// Model is an open folder: tokenizer, encoder and head on a backend. One handle
// serves many goroutines; one's bad input, cancellation or error touches no other.
type Model struct {
	name        string
	dir         string // where it was opened, "" elsewhere
	backend     tensor.Backend
	owned       bool // the backend is closed with the model
	folder      *folder
	tokenizer   *tokenizers.Tokenizer
	noTok       error // why there is no tokenizer
	encoder     encoders.Encoder
	head        heads.Head
	noHead      error // why there is no head
	weights     *nn.Weights
	module      heads.Module // heads of ours, nil without; head is it where it is one
	headWeights *nn.Weights
	sentence    *sentence // what modules.json puts behind the encoder, nil without it
	opt         options

	mu     sync.Mutex
	users  sync.WaitGroup
	closed bool
	runs   atomic.Int64
	last   atomic.Pointer[tensor.Stats]
}

type options struct {
	backend   BackendOptions
	shared    tensor.Backend
	lenient   bool
	batch     int
	maxTokens int
	log       func(string)
	idle      func() bool
	invalid   error
}

// Option is a rare knob of Open.
type Option func(*options)

// WithBackend chooses the backend: auto, cpu or webgpu.
func WithBackend(name string) Option { return func(o *options) { o.backend.Name = name } }

// WithDevice picks a WebGPU adapter by number or part of its name.
func WithDevice(device string) Option { return func(o *options) { o.backend.Device = device } }

// WithThreads sets the number of CPU threads; 0 is all.
func WithThreads(n int) Option { return func(o *options) { o.backend.Threads = n } }

// WithSharedBackend runs on an open backend, which the model does not close.
func WithSharedBackend(b tensor.Backend) Option { return func(o *options) { o.shared = b } }

// WithLenient fills missing tensors with fresh values, and ignores surplus ones;
// the log says which.
func WithLenient() Option { return func(o *options) { o.lenient = true } }

// WithBatch bounds a batch: at most n inputs and maxTokens tokens; 0 keeps the default.
func WithBatch(n, maxTokens int) Option {
	return func(o *options) {
		if n < 0 || maxTokens < 0 {
			o.invalid = fmt.Errorf("a batch of %d inputs and %d tokens: want 0 or more", n, maxTokens)
		}
		if n > 0 {
			o.batch = n
		}
		if maxTokens > 0 {
			o.maxTokens = maxTokens
		}
	}
}

// WithIdle says that no input is waiting, so that a batch which is not full runs
// now: results appear while inputs are still being read.
func WithIdle(idle func() bool) Option { return func(o *options) { o.idle = idle } }

// WithLog gets lines that a user may want to see: the backend, warnings.
func WithLog(log func(line string)) Option { return func(o *options) { o.log = log } }

// Open opens a Hugging Face model folder. Weights are checked strictly against
// the config unless WithLenient is given.
func Open(ctx context.Context, dir string, opts ...Option) (*Model, error) {
	if st, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	} else if !st.IsDir() {
		return nil, fmt.Errorf("open model: %s is a file, want a folder with config.json", dir)
	}
	m, err := OpenFS(ctx, os.DirFS(dir), opts...)
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", dir, err)
	}
	m.name = dir
	if m.dir, err = filepath.Abs(dir); err == nil {
		if to, e := filepath.EvalSymlinks(m.dir); e == nil {
			m.dir = to
		}
	}
	return m, err
}

// OpenFS is Open for any file system, an embedded one too.
func OpenFS(ctx context.Context, fsys fs.FS, opts ...Option) (*Model, error) {
	o := defaults(opts)
	if o.invalid != nil {
		return nil, o.invalid
	}
	fo, err := readFolder(fsys)
	if err != nil {
		return nil, err
	}
	m := &Model{name: fo.model.Config().ModelType, folder: fo, opt: o, backend: o.shared}
	if m.backend == nil {
		if m.backend, err = OpenBackend(ctx, o.backend); err != nil {
			return nil, err
		}
		m.owned = true
	}
	if err := m.load(ctx); err != nil {
		m.closeBackend()
		return nil, err
	}
	if m.sentence, err = m.readSentence(ctx); err == nil {
		err = m.loadHeads(ctx)
	}
	if err != nil {
		m.sentence.release()
		m.weights.Release()
		m.closeBackend()
		return nil, err
	}
	m.tokenizer, m.noTok = tokenizers.LoadFS(fsys)
	return m, nil
}

// defaults are the options with what was left unset.
func defaults(opts []Option) options {
	o := options{batch: 32, maxTokens: 4096, log: func(string) {}}
	for _, f := range opts {
		f(&o)
	}
	o.backend.Log = o.log
	return o
}

func (m *Model) closeBackend() error {
	if !m.owned {
		return nil
	}
	return m.backend.Close()
}

// Close waits for the calls under way and releases everything. Twice is fine; within
// the loop over a sequence of results it would wait for itself.
func (m *Model) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	m.mu.Unlock()
	m.users.Wait()
	m.weights.Release()
	if m.headWeights != nil {
		m.headWeights.Release()
	}
	m.sentence.release()
	return m.closeBackend()
}

// use holds the model open; the caller calls done when it is through.
func (m *Model) use() (done func(), err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	m.users.Add(1)
	return m.users.Done, nil
}

// Backend is the name of the backend that runs the model.
func (m *Model) Backend() string { return m.backend.Name() }

// Config is the encoder's config.
func (m *Model) Config() encoders.Config { return m.encoder.Config() }

// Labels are the class names of the head, nil where it has none.
func (m *Model) Labels() []string {
	if m.head == nil {
		return nil
	}
	return m.head.Config().Labels
}

// Tokenizer is the folder's tokenizer, or why there is none.
func (m *Model) Tokenizer() (*tokenizers.Tokenizer, error) { return m.tokenizer, m.noTok }

// Stats are the statistics of the last forward pass that ended: submits, maps,
// allocations, peak bytes.
func (m *Model) Stats() tensor.Stats {
	if p := m.last.Load(); p != nil {
		return *p
	}
	return tensor.Stats{}
}

// forward runs fn on a stream of its own.
func (m *Model) forward(ctx context.Context, fn func(s *tensor.Scope) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := m.backend.Begin()
	if err != nil {
		return err
	}
	err = fn(&tensor.Scope{Stream: s})
	st := s.Stats()
	m.last.Store(&st)
	m.runs.Add(1)
	if e := s.Close(); err == nil {
		err = e
	}
	return err
}
