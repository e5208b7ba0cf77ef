// Package encoders holds the transformer encoders: the BERT family (BERT,
// RoBERTa, XLM-R, DistilBERT), ModernBERT, Qwen3 and GPT-2, with the names, the
// configs and the numbers of their published Hugging Face checkpoints. It imports
// tensor and nn.
//
// A config gives a Model, which a Builder turns into an Encoder, from a file or
// freshly seeded:
//
//	enc, err := encoders.New(ctx, backend, encoders.BERT(encoders.BERTBase), 1)
//	batch, err := encoders.NewBatch(encoders.Padded{IDs: ids, Batch: 2, Cols: 16})
//	out, err := enc.Forward(&tensor.Scope{Stream: s}, batch, encoders.Want{})
package encoders
