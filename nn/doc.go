// Package nn holds the layers that encoders and heads share: linear, embedding,
// norms, attention, feed-forward. It builds them by name, from a file or freshly
// seeded, and keeps the list of named parameters for saving and training. It
// imports tensor and internal/safetensors.
//
// A layer is a plain struct of tensors with a Forward method. Forward gives a
// temporary of the scope's stream and never frees its input; whoever asked for a
// temporary frees it once it is read for the last time, so that a forward pass
// recycles its memory.
//
//	b := nn.NewBuilder(ctx, backend, nn.Options{Source: file})
//	dense := b.At("pooler").Linear("dense", 768, 768, true, nn.Normal(0.02))
//	weights, err := b.Finish(nil)
package nn
