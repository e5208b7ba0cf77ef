package cephalo

import "context"

// greedy continues greedy.prompt_ids; causal language models alone have one.
func (v *verifier) greedy(context.Context) error { return nil }
