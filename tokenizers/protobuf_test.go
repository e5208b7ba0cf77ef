package tokenizers

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// appendMessage adds a field that holds a message.
func appendMessage(b []byte, number protowire.Number, message []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), message)
}

// sentencePiece is a piece of a SentencePiece model.
func sentencePiece(text string, score float32, kind uint64) []byte {
	b := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), text)
	b = protowire.AppendFixed32(protowire.AppendTag(b, 2, protowire.Fixed32Type), math.Float32bits(score))
	return protowire.AppendVarint(protowire.AppendTag(b, 3, protowire.VarintType), kind)
}
