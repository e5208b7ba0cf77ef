package tokenizers_test

import (
	"fmt"
	"log"

	"github.com/cephalo-ml/cephalo/tokenizers"
)

func Example() {
	tok, err := tokenizers.Load("testdata/bert-base-uncased")
	if err != nil {
		log.Fatal(err)
	}
	text := "A naïve sentence."
	e, err := tok.Encode(text, tokenizers.Options{MaxLength: 512})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.IDs)
	fmt.Println(e.Tokens)
	fmt.Println(text[e.Offsets[2].Start:e.Offsets[2].End], tokenizers.CodePoints(text, e.Offsets)[2])
	decoded, err := tok.Decode(e.IDs, true)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(decoded)
	// Output:
	// [101 1037 15743 6251 1012 102]
	// [[CLS] a naive sentence . [SEP]]
	// naïve {2 7}
	// a naive sentence.
}
