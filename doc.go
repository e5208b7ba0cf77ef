// Package cephalo runs transformer encoders and NLP task heads: text in; labels,
// entities, answers, embeddings and scores out. It opens a Hugging Face model
// folder, chooses the backend (WebGPU where a GPU is found, else pure-Go CPU) and
// batches texts through tokenizer, encoder and head. It may import every other
// package of the module.
//
//	m, err := cephalo.Open(ctx, "path/to/folder")
//	defer m.Close()
//	results, err := m.Classify(ctx, []cephalo.Text{{Text: "a moving, wonderful film"}})
//	fmt.Println(results[0][0].Label, results[0][0].Score)
package cephalo
