// Package safetensors reads and writes Hugging Face's safetensors files, single
// or split into shards, and puts files and folders in place atomically. It
// imports nothing of this module but tensor.
//
// A file is eight bytes (the length of the header, little-endian), a JSON header
// and the data. Nothing of it is believed before it is checked: opening reads
// the header alone, which may have 100 MB and never more than the file has, and
// every size and offset in it is held against the length of the file, so that a
// header that lies costs neither memory nor a read past its data.
//
//	src, err := safetensors.OpenFolder(os.DirFS(dir))
//	defer src.Close()
//	for _, name := range src.Names() {
//		err = src.ReadFloat32(name, func(off int64, v []float32) error { … })
//	}
//
// Format: https://huggingface.co/docs/safetensors/index#format
package safetensors
