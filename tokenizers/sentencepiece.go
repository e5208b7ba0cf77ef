package tokenizers

import (
	"fmt"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Types of SentencePiece pieces and of its models.
const (
	pieceNormal  = 1
	pieceUnknown = 2
	pieceControl = 3
	pieceUser    = 4
	pieceUnused  = 5
	pieceByte    = 6

	modelUnigram = 1
)

var modelTypes = map[uint64]string{1: "unigram", 2: "bpe", 3: "word", 4: "char"}

// spPiece is one piece of a SentencePiece model.
type spPiece struct {
	text  string
	score float32
	kind  uint64
}

// spModel is what of a SentencePiece model file (the message ModelProto) counts here.
type spModel struct {
	pieces       []spPiece
	modelType    uint64
	byteFallback bool
	asSuffix     bool // treat_whitespace_as_suffix
	charsMap     []byte
	dummyPrefix  bool
	squeeze      bool // remove_extra_whitespaces
	escape       bool // escape_whitespaces
}

// field is one field of a protobuf message.
type field struct {
	number protowire.Number
	value  uint64 // of numbers
	bytes  []byte // of texts and messages
}

// eachField calls f for the fields of a protobuf message.
func eachField(data []byte, f func(field) error) error {
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		x := field{number: number}
		switch kind {
		case protowire.VarintType:
			x.value, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(data)
			x.value = uint64(v)
		case protowire.BytesType:
			x.bytes, n = protowire.ConsumeBytes(data)
		default:
			n = protowire.ConsumeFieldValue(number, kind, data)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		data = data[n:]
		if err := f(x); err != nil {
			return err
		}
	}
	return nil
}

func parseSentencePiece(data []byte) (*spModel, error) {
	m := &spModel{modelType: modelUnigram, dummyPrefix: true, squeeze: true, escape: true}
	err := eachField(data, func(x field) error {
		switch x.number {
		case 1: // pieces
			p := spPiece{kind: pieceNormal}
			err := eachField(x.bytes, func(x field) error {
				switch x.number {
				case 1:
					p.text = string(x.bytes)
				case 2:
					p.score = math.Float32frombits(uint32(x.value))
				case 3:
					p.kind = x.value
				}
				return nil
			})
			m.pieces = append(m.pieces, p)
			return err
		case 2: // trainer_spec
			return eachField(x.bytes, func(x field) error {
				switch x.number {
				case 3:
					m.modelType = x.value
				case 24:
					m.asSuffix = x.value != 0
				case 35:
					m.byteFallback = x.value != 0
				}
				return nil
			})
		case 3: // normalizer_spec
			return eachField(x.bytes, func(x field) error {
				switch x.number {
				case 2:
					m.charsMap = x.bytes
				case 3:
					m.dummyPrefix = x.value != 0
				case 4:
					m.squeeze = x.value != 0
				case 5:
					m.escape = x.value != 0
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(m.pieces) == 0 {
		return nil, fmt.Errorf("a SentencePiece model without pieces")
	}
	if m.modelType != modelUnigram {
		return nil, fmt.Errorf("SentencePiece model of type %q is not supported, want unigram", modelTypes[m.modelType])
	}
	return m, nil
}

// unigram gives the model. Ids are the pieces' numbers, moved by renumber.
func (m *spModel) unigram(renumber func(i int) int32, more int) (*unigram, error) {
	v := newVocabulary(len(m.pieces) + more)
	scores := make([]float64, len(m.pieces)+more)
	least := float32(math.Inf(1))
	most := float32(math.Inf(-1))
	for _, p := range m.pieces {
		if p.kind == pieceNormal {
			least, most = min(least, p.score), max(most, p.score)
		}
	}
	var entries []trieEntry
	unknown := int32(-1)
	for i, p := range m.pieces {
		id := renumber(i)
		if err := v.put(p.text, int64(id)); err != nil {
			return nil, err
		}
		switch p.kind {
		case pieceNormal:
			scores[id] = float64(p.score)
			entries = append(entries, trieEntry{p.text, id})
		case pieceUser: // always the better choice
			scores[id] = float64(len(p.text))*float64(most) - 0.1
			entries = append(entries, trieEntry{p.text, id})
		case pieceUnknown:
			unknown = id
		}
	}
	u, err := newUnigram(v, scores, entries, unknown, m.byteFallback)
	if err != nil {
		return nil, err
	}
	u.native, u.unknownScore = true, float64(least-unknownPenalty)
	return u, nil
}

// spNormalizer is SentencePiece's own normalizer.
type spNormalizer struct {
	*spModel
	chars *charsMap // nil: none
	user  *trie     // user-defined pieces, which stay as they are
}

func newSPNormalizer(m *spModel) (*spNormalizer, error) {
	n := &spNormalizer{spModel: m}
	var user []trieEntry
	for i, p := range m.pieces {
		if p.kind == pieceUser {
			user = append(user, trieEntry{p.text, int32(i)})
		}
	}
	if len(user) > 0 {
		n.user = newTrie(user)
	}
	var err error
	if len(m.charsMap) > 0 {
		n.chars, err = newCharsMap(m.charsMap)
	}
	return n, err
}

// prefix gives what the start of text becomes and how much of it that is.
func (n *spNormalizer) prefix(text string) (string, int) {
	if n.user != nil {
		if _, size := n.user.longest(text); size > 0 {
			return text[:size], size
		}
	}
	if n.chars != nil {
		if s, size := n.chars.longest(text); size > 0 {
			return s, size
		}
	}
	size := runeEnd(text, 0)
	return text[:size], size
}

const spaceSymbol = "\u2581"

func (n *spNormalizer) normalize(p *piece) error {
	var text []byte
	var align []span32
	put := func(s string, from span32) {
		text = append(text, s...)
		for range len(s) {
			align = append(align, from)
		}
	}
	space := " "
	if n.escape {
		space = spaceSymbol
	}
	at := 0
	for n.squeeze && at < len(p.text) {
		s, size := n.prefix(p.text[at:])
		if s != " " {
			break
		}
		at += size
	}
	if at == len(p.text) {
		p.text, p.align = "", []span32{}
		return nil
	}
	start := p.at(at).start
	if n.dummyPrefix && !n.asSuffix {
		put(space, span32{start, start})
	}
	afterSpace := n.squeeze
	for at < len(p.text) {
		s, size := n.prefix(p.text[at:])
		from := p.origin(at, at+size)
		at += size
		for afterSpace && strings.HasPrefix(s, " ") {
			s = s[1:]
		}
		for i := 0; i < len(s); {
			end := runeEnd(s, i)
			if s[i:end] == " " {
				put(space, from)
			} else {
				put(s[i:end], from)
			}
			i = end
		}
		if s != "" {
			afterSpace = n.squeeze && strings.HasSuffix(s, " ")
		}
	}
	for n.squeeze && strings.HasSuffix(string(text[max(0, len(text)-len(space)):]), space) {
		text, align = text[:len(text)-len(space)], align[:len(align)-len(space)]
	}
	if n.dummyPrefix && n.asSuffix {
		end := p.origin(0, len(p.text)).end
		put(space, span32{end, end})
	}
	p.text, p.align = string(text), align
	return nil
}

// loadSentencePiece reads spiece.model and its like: SentencePiece itself, with the special tokens of T5, ALBERT
// or XLM-RoBERTa, or none if the folder does not say which.
func (f *folder) loadSentencePiece(data []byte) (*Tokenizer, error) {
	m, err := parseSentencePiece(data)
	if err != nil {
		return nil, err
	}
	normalize, err := newSPNormalizer(m)
	if err != nil {
		return nil, err
	}
	t := &Tokenizer{
		added:      newAddedVocabulary(),
		normalizer: normalize,
		post:       &postProcessor{single: defaultSingle, pair: defaultPair},
		decoder: decoderSequence{
			replaceDecoder{literal(spaceSymbol), " "}, byteFallbackDecoder{}, fuseDecoder{}, stripDecoder{" ", 1, 0},
		},
	}
	renumber, more := func(i int) int32 { return int32(i) }, 0
	class := f.spClass()
	if class == "XLMRobertaTokenizer" {
		renumber, more = fairseqNumber, 2
	}
	u, err := m.unigram(renumber, more)
	if err != nil {
		return nil, err
	}
	t.model = u
	switch class {
	case "":
	case "T5Tokenizer":
		eos, err := f.named(t, "eos_token", "</s>")
		if err != nil {
			return nil, err
		}
		end := part{-1, eos.id, eos.token, 0}
		t.post.single = []part{{sequence: 0}, end}
		t.post.pair = []part{{sequence: 0}, end, {sequence: 1}, end}
		f.addUsual(t, "</s>", "<unk>", "<pad>")
		for i := range int32(100) {
			text := fmt.Sprintf("<extra_id_%d>", i)
			t.added.add(addedToken{Content: text, Special: true}, int32(len(m.pieces))+99-i, u)
		}
	case "AlbertTokenizer":
		if t.post, err = f.wrapped(t, "[CLS]", "[SEP]", false); err != nil {
			return nil, err
		}
		t.normalizer = append(f.albertNormalizers(), normalize)
		f.addUsual(t, "[CLS]", "[SEP]", "<unk>", "<pad>", "[MASK]")
	case "XLMRobertaTokenizer":
		if err := u.fairseq(len(m.pieces)); err != nil {
			return nil, err
		}
		if t.post, err = f.wrapped(t, "<s>", "</s>", true); err != nil {
			return nil, err
		}
		f.addUsual(t, "<s>", "</s>", "<unk>", "<pad>", "<mask>")
	default:
		return nil, fmt.Errorf("tokenizer class %q is not known with a SentencePiece model, want T5Tokenizer, AlbertTokenizer or XLMRobertaTokenizer", f.config.Class)
	}
	return t, nil
}

// spClass is the tokenizer's class, by the model's type if it is not said.
func (f *folder) spClass() string {
	if class := f.config.class(); class != "" {
		return class
	}
	return map[string]string{"t5": "T5Tokenizer", "albert": "AlbertTokenizer", "xlm-roberta": "XLMRobertaTokenizer"}[f.config.ModelType]
}

// fairseqNumber is the id of piece i in XLM-RoBERTa: <s>, <pad>, </s>, <unk>, then the other pieces.
func fairseqNumber(i int) int32 {
	switch i {
	case 0: // <unk>
		return 3
	case 1: // <s>
		return 0
	case 2: // </s>
		return 2
	}
	return int32(i + 1)
}

// fairseq adds the tokens that XLM-RoBERTa has beside the n pieces.
func (m *unigram) fairseq(n int) error {
	if n < 3 {
		return fmt.Errorf("%d pieces, want <unk>, <s>, </s> and more", n)
	}
	if err := m.put("<pad>", 1); err != nil {
		return err
	}
	return m.put("<mask>", int64(n+1))
}

// albertNormalizers is what ALBERT does before SentencePiece.
func (f *folder) albertNormalizers() normalizerSequence {
	u := unicodeTables()
	s := normalizerSequence{replace{literal("``"), `"`}, replace{literal("''"), `"`}}
	if f.config.KeepAccents == nil || !*f.config.KeepAccents {
		s = append(s, formNormalizer{u, form{compatible: true}}, filter{u, isCombining})
	}
	if f.config.Lowercase == nil || *f.config.Lowercase {
		s = append(s, lowercase{u})
	}
	return s
}
