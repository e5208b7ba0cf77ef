package tensor

import "context"

// Limits of a Call.
const (
	MaxDst = 4
	MaxSrc = 8
)

// Call is one operation on its operands. Run does not keep it.
type Call struct {
	Op         Op
	Dst        [MaxDst]Tensor // results, then the Row's auxiliary results, or absent
	Src        [MaxSrc]Tensor
	Rows, Keys *Layout // of Src[0] and Dst[0]; of k and v
	Attr       Attr
	Accum      bool // Dst += result, for the rows that allow it
}

// Tol is the allowed difference of an element: Abs + Rel*|want|.
type Tol struct{ Abs, Rel float64 }

// Row is the one definition of an operation.
type Row struct {
	Name    string                       // its file name in all rooms
	Check   func(*Call) error            // shapes and dtypes; the only such check
	Aux     func(*Call, *[MaxDst]Spec)   // what Grad needs beyond Src and Dst: a spec for each such slot of Dst; nil: nothing
	Reads   uint16                       // what Grad reads: bit i Src[i], bit 8+i Dst[i]
	Grad    func(g Grads, c *Call) error // nil: not differentiable
	Accum   bool                         // allows Call.Accum
	InPlace bool                         // Dst[i] may be a Src: optimizer rows only
	Tol     func(*Call) Tol              // of an f32 backend against the reference
}

// Stats counts what a Stream or a Backend did.
type Stats struct {
	Dispatches int64 // kernels launched (operations run, on the CPU)
	Submits    int64
	Maps       int64 // read-backs
	Allocs     int64 // allocations of backend memory (a recycled one is none)
	Bytes      int64 // backend memory held now
	PeakBytes  int64 // most bytes handed out at one time
}

// Backend runs operations. It is safe for use from many goroutines.
type Backend interface {
	Name() string
	Supports(*Call) error               // asked when a model is built, never inside Run
	Alloc(nbytes int64) (Buffer, error) // long-lived, zeroed: weights, moments, caches
	Release(Buffer)
	Begin() (Stream, error)
	Stats() Stats
	Close() error
}

// Stream is one forward pass or one training step: one goroutine, one submit,
// its own first error, its own temporaries.
type Stream interface {
	Temp(nbytes int64) (Buffer, error) // contents undefined
	Free(Buffer)                       // this stream may reuse it now, others after this stream's submit; ignores what is not a Temp of this stream
	Write(dst Tensor, src []byte) error
	Run(*Call) error                                             // records; may return before the work is done
	Read(ctx context.Context, dst [][]byte, src ...Tensor) error // submits, waits, copies all out, dense
	Stats() Stats
	Close() error // frees every Temp; safe after an error, and twice
}

// Grads is what a gradient rule sees of the tape.
type Grads interface {
	Stream
	// Of is the same view of the gradient of x's buffer, zeroed at first use;
	// want is false where no gradient is asked for (or, for a result, none came).
	Of(x Tensor) (dx Tensor, want bool, err error)
}

// Scope is what layers receive.
type Scope struct {
	Stream
	Train   bool
	Seed, N uint64 // N: dropout calls so far
}

// NextSeed is the seed of the next dropout call.
func (s *Scope) NextSeed() uint64 {
	s.N++
	return MixSeed(s.Seed, s.N)
}

// Segmenter is a Stream that checkpoints: it may keep x and the result alone and
// run fn again in the backward pass.
type Segmenter interface {
	Segment(s *Scope, x Tensor, fn func(*Scope, Tensor) (Tensor, error)) (Tensor, error)
}

// Segment runs fn, through the stream's Segmenter where it has one. Every block
// of an encoder runs inside one.
func (s *Scope) Segment(x Tensor, fn func(*Scope, Tensor) (Tensor, error)) (Tensor, error) {
	if sg, ok := s.Stream.(Segmenter); ok {
		return sg.Segment(s, x, fn)
	}
	return fn(s, x)
}

// FreeAll frees the buffers of temporaries that are no longer needed. Absent
// operands are skipped.
func FreeAll(s Stream, ts ...Tensor) {
	for _, t := range ts {
		if t.Buf != nil {
			s.Free(t.Buf)
		}
	}
}

// NewTemp is a dense temporary of s.
func NewTemp(s Stream, sp Spec) (Tensor, error) {
	buf, err := s.Temp(max(sp.Bytes(), 4))
	if err != nil {
		return Tensor{}, err
	}
	return View(buf, sp), nil
}
