// Package heads holds the task heads: model-agnostic ones built from a task
// config and head options, and the published heads of Hugging Face checkpoints,
// both behind one interface. A head takes hidden states of any encoder and gives
// typed outputs; it imports tensor and nn, and never an encoder.
//
//	cfg := heads.TaskConfig{Name: "sentiment", TaskType: heads.SentimentAnalysis, NumClasses: 3}
//	head, weights, err := heads.New(ctx, backend, cfg, 768, heads.Options{}, seed)
//	out, err := head.Forward(&tensor.Scope{Stream: s}, heads.Input{Hidden: h, Layout: rows})
package heads
