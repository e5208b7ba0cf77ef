package tokenizers

import (
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"
)

// EncodeBatch encodes texts side by side on all processors; the results are in the
// order of the texts. The first error, which names its text, ends the call.
func (t *Tokenizer) EncodeBatch(texts []string, opt Options) ([]*Encoding, error) {
	out := make([]*Encoding, len(texts))
	var g errgroup.Group
	workers := min(runtime.GOMAXPROCS(0), len(texts))
	for w := range workers {
		g.Go(func() error {
			for i := w; i < len(texts); i += workers {
				e, err := t.Encode(texts[i], opt)
				if err != nil {
					return fmt.Errorf("text %d: %w", i, err)
				}
				out[i] = e
			}
			return nil
		})
	}
	return out, g.Wait()
}
