package cephalo

import (
	"io/fs"

	"github.com/cephalo-ml/cephalo/gpu"
	"github.com/cephalo-ml/cephalo/heads"
	"github.com/cephalo-ml/cephalo/tokenizers"
)

// The types of other packages that a program over the façade meets.
type (
	// Tokenizer turns text into token ids and back.
	Tokenizer = tokenizers.Tokenizer
	// TokenizeOptions are the choices of a tokenization.
	TokenizeOptions = tokenizers.Options
	// Encoding is a tokenized text.
	Encoding = tokenizers.Encoding
	// Span is a range of bytes, or of what CodePoints and UTF16 count.
	Span = tokenizers.Span
	// HeadKind is the type of a head.
	HeadKind = heads.Kind
	// AdapterInfo describes a WebGPU adapter.
	AdapterInfo = gpu.AdapterInfo
)

// The kinds of heads.
const (
	TextClassification   = heads.KindTextClassification
	TokenClassification  = heads.KindTokenClassification
	QuestionAnswering    = heads.KindQuestionAnswering
	TextSimilarity       = heads.KindTextSimilarity
	TextGeneration       = heads.KindTextGeneration
	MultipleChoice       = heads.KindMultipleChoice
	DependencyParsing    = heads.KindDependencyParsing
	PredicateTagging     = heads.KindPredicateTagging
	TargetClassification = heads.KindTargetClassification
	RelationExtraction   = heads.KindRelationExtraction
	Coreference          = heads.KindCoreference
	Ranking              = heads.KindRanking
	TextMatching         = heads.KindTextMatching
)

// ErrNoDevice says that there is no WebGPU adapter that may be taken.
var ErrNoDevice = gpu.ErrNoDevice

// Adapters lists the WebGPU adapters; ErrNoDevice where there is none.
func Adapters() ([]AdapterInfo, error) { return gpu.Adapters() }

// LoadTokenizer reads the tokenizer of a folder, without its weights.
func LoadTokenizer(dir string) (*Tokenizer, error) { return tokenizers.Load(dir) }

// LoadTokenizerFS is LoadTokenizer for any file system.
func LoadTokenizerFS(fsys fs.FS) (*Tokenizer, error) { return tokenizers.LoadFS(fsys) }

// CodePoints converts byte spans of a text to spans of Unicode code points.
func CodePoints(text string, spans []Span) []Span { return tokenizers.CodePoints(text, spans) }

// UTF16 converts byte spans of a text to spans of UTF-16 units.
func UTF16(text string, spans []Span) []Span { return tokenizers.UTF16(text, spans) }
