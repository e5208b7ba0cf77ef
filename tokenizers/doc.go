// Package tokenizers turns text into the token ids of a Hugging Face model and back, exactly as Hugging
// Face's own library does. It imports nothing else of this module.
//
// [Load] opens a model folder, [Tokenizer.Encode] gives ids, tokens, type ids and offsets, [Tokenizer.Decode]
// the text of ids, [Tokenizer.NewStream] the text of ids as they come. A tokenizer is a chain of parts with
// the names that tokenizer.json gives them, one file each here: added tokens are cut out, a normalizer
// rewrites what lies between them, a pre-tokenizer splits it into words, a model (WordPiece, WordLevel, BPE,
// Unigram) splits words into tokens, a post-processor adds the template's special tokens, a decoder goes the
// other way. A part of a type that is not known here is an error that names it.
//
// Formats: tokenizer.json; vocab.txt; vocab.json with merges.txt; spiece.model (SentencePiece's Unigram); each with what tokenizer_config.json, special_tokens_map.json and added_tokens.json say.
//
// What tokenizer.json says of padding and truncation is left aside, as transformers leaves it: [Options] say
// how long an encoding may be, and nothing is padded.
//
// Offsets are byte ranges of the text as it was given: text[s.Start:s.End]. [CodePoints] and [UTF16] turn
// them into code points, which Hugging Face gives, and UTF-16 units, which browsers count.
//
// The Unicode tables are the package's own, taken from what Hugging Face's library does with every code point
// (internal/unigen), so that another Go version does not change ids.
package tokenizers
