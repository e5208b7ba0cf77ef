package tokenizers

import "errors"

func (f *folder) loadSentencePiece(data []byte) (*Tokenizer, error) {
	return nil, errors.New("not yet")
}
