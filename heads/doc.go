// Package heads holds the task heads: model-agnostic ones built from a task
// config and head options, one for each of the 37 tasks, many of them on one encoder
// pass (MultiTask), and the published heads of Hugging Face checkpoints. A head takes
// hidden states of any encoder and gives typed outputs; it imports tensor, nn and
// internal/safetensors, and never an encoder.
//
//	cfg := heads.TaskConfig{Name: "sentiment", TaskType: heads.SentimentAnalysis, NumClasses: 3}
//	head, weights, err := heads.New(ctx, backend, cfg, 768, heads.Options{}, seed)
//	out, err := head.Forward(&tensor.Scope{Stream: s}, heads.Input{Hidden: h, Layout: rows})
//	got, err := out.Read(ctx, s)
//	err = heads.Save(ctx, "sentiment", head.(heads.Module), weights)
package heads
