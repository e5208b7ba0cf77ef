// Writes parts.json.gz: small tokenizers, one for each part of tokenizer.json and for what parts do together,
// with what Hugging Face's library (npm package tokenizers 0.23.2) makes of texts written to be hard:
//
//   npm install --ignore-scripts tokenizers@0.23.2 && node parts.js [cases for each] [seed]
//
// Most have the model "bytes": BPE without merges that spells everything in bytes, so that each byte of the
// normalized text and its offsets are seen.
const { Tokenizer, precompiled } = require('tokenizers')
const fs = require('fs'), path = require('path'), zlib = require('zlib')
const [count, seed, to] = [+process.argv[2] || 24, +process.argv[3] || 1, process.argv[4] || path.join(__dirname, 'parts.json.gz')]

let state = seed
function random(n) { // mulberry32
  state = (state + 0x6d2b79f5) | 0
  let t = Math.imul(state ^ (state >>> 15), 1 | state)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) % n
}
const pick = list => list[random(list.length)]
const words = ["the", "Hello", "world", "unaffable", "naïve", "Zürich", "café", "ﬁn", "don't", "we'll", "I'M", "it's", "''ve", " 're", "GPT-4", "3.14", "１２", "x²", "½", "Ⅷ", "東京", "你好", "こんにちは", "カタカナ", "가각", "שלום", "हिन्दी", "ไทย", "ΑΣ", "İstanbul", "ǅ", "ß", "ﬃ", "A\u030a", "e\u0301", "o\u0323\u0302", "o\u0302\u0323", "\u1100\u1161\u11a8", "👋🏽", "👨‍👩‍👧", "🇩🇪", "1️⃣", "[MASK]", "<s>", "</s>", "<mask>", "<pad>", "<unk>", "▁", "▁a", "Ġ", "aaaaaaaaaaaa", "http://a.b/c?d=e", "foo_bar", "CamelCase", "<0x41>", "ſ", "'ſ", "K", "ｶﾞ", "㍿", "①", "\u0344", "\u0f73", "\u2126", "ADDED", "Added", "new tok", "  ADDED  "]
const gaps = ["", " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " \n", "\u00a0", "\u3000", "\u2028", "\u0085", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u0001", "\u007f", "-", "--", ".", ",", "!", "?", "...", "\"", "“", "’", "(", ")", "[", "]", "/", "\\", "|", "$", "+", "_", "<", ">", "·", "。", "\ufffd", "\u0301", "\u200e", "\u061c", "\u0605"]
function anyRune() {
  for (;;) {
    const c = random([0x80, 0x250, 0x3000, 0x10000, 0x110000][random(5)])
    if (c > 0 && (c < 0xd800 || c > 0xdfff)) return String.fromCodePoint(c)
  }
}
function text() {
  const mode = random(4)
  let t = ''
  for (let n = random(9); n > 0; n--) {
    if (mode === 0) t += anyRune()
    else if (mode === 1) t += random(10) < 8 ? pick(words) + ' ' : pick(gaps)
    else t += random(10) < 5 ? pick(words) : random(10) < 8 ? pick(gaps) : anyRune()
  }
  return t
}

// Models.
const special = ['<pad>', '<unk>', '<s>', '</s>', '<mask>']
const vocabBytes = Object.fromEntries(special.map((t, i) => [t, i]))
for (let b = 0; b < 256; b++) vocabBytes[`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`] = b + 5
const bpe = o => ({ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false, ...o })
const bytes = bpe({ unk_token: '<unk>', fuse_unk: true, byte_fallback: true, vocab: vocabBytes, merges: [] })
// pairs makes up merges of tokens like those it has.
function pairs(tokens, n, join, longest, fits = () => true) {
  const vocab = Object.fromEntries(tokens.map((t, i) => [t, i])), merges = [], all = tokens.filter(t => !special.includes(t))
  while (merges.length < n) {
    const a = pick(all), b = pick(all), whole = join(a, b)
    if (!fits(a, b) || whole.length > longest || merges.some(m => m[0] === a && m[1] === b)) continue
    merges.push([a, b])
    if (!(whole in vocab)) { vocab[whole] = Object.keys(vocab).length; all.push(whole) }
  }
  return { vocab, merges }
}
const letters = [...'abcdefghijklmnopqrstuvwxyzé東']
const alphabet = []
for (let b = 0, next = 256; b < 256; b++) alphabet.push(String.fromCodePoint((b >= 33 && b <= 126) || (b >= 0xa1 && b <= 0xac) || b >= 0xae ? b : next++))
const common = alphabet.filter(c => /[a-zĠÃ©]/.test(c))
const level = pairs([...alphabet, ...special], 1, (a, b) => a + b, 6)
Object.assign(level, (() => {
  const v = { ...level.vocab }, merges = []
  const all = [...common]
  while (merges.length < 400) {
    const a = pick(all), b = pick(all)
    if ((a + b).length > 6 || merges.some(m => m[0] === a && m[1] === b)) continue
    merges.push([a, b])
    if (!((a + b) in v)) { v[a + b] = Object.keys(v).length; all.push(a + b) }
  }
  return { vocab: v, merges }
})())
const levelBPE = bpe(level)
const cut = o => { // a byte alphabet with holes
  const vocab = {}
  for (const [t, i] of Object.entries(level.vocab)) if (!/[bxéĉğ¬Ä]/.test(t)) vocab[t] = Object.keys(vocab).length
  return bpe({ vocab, merges: level.merges.filter(([a, b]) => a in vocab && b in vocab && a + b in vocab).map(m => m.join(' ')), ...o })
}
const pieces = [['<unk>', 0], ['<s>', 0], ['</s>', 0], ...['▁the', '▁', '▁hello', 'he', 'llo', 'll', 'o', 'a', 'aa', 'aaa', 'e', 'n', 'an', 'w', 'or', 'ld', 'world', '▁w', 'un', 'aff', 'able', 'é', '東', '京', '東京', '.', '..', 't', 'h', 'i', 's', '▁is', 'İ'].map((p, i) => [p, -1 - (i * 7919 % 31) / 3])]
const byteTokens = Array.from({ length: 256 }, (_, b) => [`<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`, -20])
const unigram = o => ({ type: 'Unigram', unk_id: 0, byte_fallback: false, vocab: pieces, ...o })
const wordpiece = { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 8, vocab: Object.fromEntries(['[UNK]', '[MASK]', ...letters, ...letters.map(l => '##' + l), ...'ADEGHIKTZ.,!?\'-"()1234', 'hello', 'un', '##aff', '##able', 'the', '##ich', '你', '好'].map((t, i) => [t, i])) }

// Parts.
const added = (content, o) => ({ id: 0, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...o })
const usual = special.map(t => added(t, { lstrip: t === '<mask>' }))
const seq = (kind, list) => ({ type: 'Sequence', [kind]: list })
const replace = (pattern, content) => ({ type: 'Replace', pattern, content })
const byteLevel = o => ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true, ...o })
const metaspace = (prepend_scheme, split) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme, split })
const split = (pattern, behavior, invert = false) => ({ type: 'Split', pattern, behavior, invert })
const regex = r => split({ Regex: r }, 'Isolated')
const llama = seq('decoders', [replace({ String: '▁' }, ' '), { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }])
const place = (id, type_id = 0) => id.length === 1 ? { Sequence: { id, type_id } } : { SpecialToken: { id, type_id } }
const template = (single, pair) => ({ type: 'TemplateProcessing', single, pair, special_tokens: { '<s>': { id: '<s>', ids: [2], tokens: ['<s>'] }, '</s>': { id: '</s>', ids: [3], tokens: ['</s>'] }, both: { id: 'both', ids: [2, 3], tokens: ['<s>', '</s>'] } } })
const cl100k = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

// charsMap is a precompiled_charsmap: a double array in Darts' layout and the replacements.
function charsMap(entries) {
  const keys = Object.keys(entries).map(k => [Buffer.from(k), entries[k]]).sort((a, b) => Buffer.compare(a[0], b[0]))
  let texts = ''
  const units = [0], used = new Set([0])
  const node = (list, depth, at) => {
    const labels = [...new Set(list.filter(([k]) => k.length > depth).map(([k]) => k[depth]))]
    const leaf = list.find(([k]) => k.length === depth)
    const all = leaf ? [0, ...labels] : labels
    let base = 1
    while (all.some(l => used.has((at ^ base) ^ l)) || used.has(at ^ base)) base++
    for (const l of all) used.add((at ^ base) ^ l)
    used.add(at ^ base)
    units[at] = ((units[at] || 0) | (base << 10) | (leaf ? 1 << 8 : 0)) >>> 0
    if (leaf) {
      units[at ^ base] = (0x80000000 | Buffer.byteLength(texts)) >>> 0
      texts += leaf[1] + '\0'
    }
    for (const l of labels) {
      units[(at ^ base) ^ l] = l
      node(list.filter(([k]) => k[depth] === l), depth + 1, (at ^ base) ^ l)
    }
  }
  node(keys, 0, 0)
  while (units.length % 256 !== 0 || units.length < 1024) units.push(0) // lookups past the end must find nothing
  const head = Buffer.alloc(4), body = Buffer.alloc(4 * units.length)
  head.writeUInt32LE(body.length)
  for (let i = 0; i < units.length; i++) body.writeUInt32LE((units[i] || 0) >>> 0, 4 * i)
  return Buffer.concat([head, body, Buffer.from(texts)]).toString('base64')
}
const map = charsMap({ 'ﬁ': 'fi', '１': '1', '２': '2', '½': '1⁄2', '①': '1', '㍿': '株式会社', '\u0001': '', '\u007f': '', '\u00ad': '', '\t': ' ', '\n': ' ', '\u3000': ' ', '\u00a0': ' ', 'e\u0301': 'é', 'A\u030a': 'Å', 'ｶﾞ': 'ガ', '\u200b': ' ', 'K': 'K', 'ß': 'ss', '\r': '' })

const list = []
const add = (name, o) => list.push({ name, config: { version: '1.0', truncation: null, padding: null, added_tokens: usual, normalizer: null, pre_tokenizer: null, post_processor: null, decoder: llama, model: bytes, ...o } })
for (const type of ['NFC', 'NFD', 'NFKC', 'NFKD', 'Lowercase', 'StripAccents', 'Nmt', 'ByteLevel']) add('normalizer ' + type, { normalizer: { type } })
for (const [clean_text, handle_chinese_chars, strip_accents, lowercase] of [[true, true, null, true], [true, true, null, false], [false, true, true, false], [true, false, false, true]]) add(`normalizer BertNormalizer ${clean_text} ${handle_chinese_chars} ${strip_accents} ${lowercase}`, { normalizer: { type: 'BertNormalizer', clean_text, handle_chinese_chars, strip_accents, lowercase } })
for (const l of [true, false]) for (const r of [true, false]) add(`normalizer Strip ${l} ${r}`, { normalizer: { type: 'Strip', strip_left: l, strip_right: r } })
add('normalizer Prepend', { normalizer: seq('normalizers', [{ type: 'Prepend', prepend: 'ab' }, { type: 'Lowercase' }, { type: 'NFD' }, { type: 'StripAccents' }]) })
add('normalizer Replace string', { normalizer: seq('normalizers', [{ type: 'Prepend', prepend: '▁' }, replace({ String: ' ' }, '▁')]) })
add('normalizer Replace longer', { normalizer: replace({ String: 'a' }, 'ÄÖ') })
add('normalizer Replace regex', { normalizer: seq('normalizers', [{ type: 'NFKC' }, { type: 'Strip', strip_left: true, strip_right: true }, replace({ Regex: '\\s+' }, ' '), replace({ Regex: '[aeiou]+' }, '')]) })
add('normalizer Precompiled', { normalizer: { type: 'Precompiled', precompiled_charsmap: map } })
add('normalizer Precompiled and others', { normalizer: seq('normalizers', [{ type: 'Precompiled', precompiled_charsmap: map }, { type: 'Lowercase' }, replace({ Regex: ' {2,}' }, ' ')]), pre_tokenizer: seq('pretokenizers', [{ type: 'WhitespaceSplit' }, { type: 'Metaspace', replacement: '▁', add_prefix_space: true }]) })
for (const type of ['BertPreTokenizer', 'Whitespace', 'WhitespaceSplit', 'UnicodeScripts']) add('pre-tokenizer ' + type, { pre_tokenizer: { type } })
for (const behavior of ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous']) {
  add('pre-tokenizer Punctuation ' + behavior, { pre_tokenizer: { type: 'Punctuation', behavior } })
  add('pre-tokenizer Split string ' + behavior, { pre_tokenizer: split({ String: ' ' }, behavior) })
  add('pre-tokenizer Split inverted ' + behavior, { pre_tokenizer: split({ Regex: '\\w+|[^\\w\\s]+' }, behavior, true) })
}
for (const b of [true, false]) add('pre-tokenizer Digits ' + b, { pre_tokenizer: { type: 'Digits', individual_digits: b } })
add('pre-tokenizer CharDelimiterSplit', { pre_tokenizer: { type: 'CharDelimiterSplit', delimiter: '-' } })
add('pre-tokenizer FixedLength', { pre_tokenizer: { type: 'FixedLength', length: 3 } })
for (const s of ['always', 'first', 'never']) for (const b of [true, false]) add(`pre-tokenizer Metaspace ${s} ${b}`, { pre_tokenizer: metaspace(s, b), decoder: metaspace(s, b) })
add('pre-tokenizer Sequence', { pre_tokenizer: seq('pretokenizers', [{ type: 'WhitespaceSplit' }, { type: 'Punctuation', behavior: 'Isolated' }, { type: 'Digits', individual_digits: true }]) })
add('pre-tokenizer ByteLevel and Digits', { pre_tokenizer: seq('pretokenizers', [byteLevel({ add_prefix_space: true }), { type: 'Digits', individual_digits: true }]) })
for (const [name, r] of [['GPT-2', gpt2], ['cl100k', cl100k], ['Qwen', cl100k.replace('{1,3}', '')], ['GPT-2 in a group', `(?:${gpt2})`], ['cl100k in a group', `(?:${cl100k})`], ['o200k', "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"], ...['^a|b$', '(?i)the|HELLO', '[[:punct:]]', '[[:alpha:]]+|[[:^space:]]', '\\p{Han}|\\p{Hiragana}+', '\\b\\w', '(?<=a)b|o(?=r)', '\\h+', '[^\\W\\d_]+', 'a*', '\\p{P}+|\\p{S}', '[\\p{L}&&[^a-z]]+', '\\d++|x?+y', '(\\w)\\1', '\\R', '\\p{^L}+', '\\p{Lower}|\\p{Upper}', '[\\s\\S]{3}', '\\x{4f60}|\\u0041', '\\A.|.\\z', '(?m:a.c)|\\W', '(?>a+)b', '[a-c[x-z]]+', '\\Z', '\\p{L}\\p{M}*'].map(r => [r, r])]) add('regex ' + name, { pre_tokenizer: regex(r) })
add('post-processor TemplateProcessing', { post_processor: template([place('<s>'), place('A'), place('</s>')], [place('<s>'), place('B', 3), place('</s>', 2), place('both'), place('A', 1)]) })
add('post-processor BertProcessing', { post_processor: { type: 'BertProcessing', sep: ['</s>', 3], cls: ['<s>', 2] } })
for (const space of [true, false]) for (const trim_offsets of [true, false]) add(`post-processor RobertaProcessing ${space} ${trim_offsets}`, { pre_tokenizer: byteLevel({ add_prefix_space: space }), post_processor: { type: 'RobertaProcessing', sep: ['</s>', 3], cls: ['<s>', 2], trim_offsets, add_prefix_space: space }, decoder: byteLevel(), model: levelBPE, added_tokens: [added('<mask>', { lstrip: true }), added('<s>', { rstrip: true }), added('ADDED', { special: false, normalized: true, single_word: true })] })
add('post-processor Sequence', { pre_tokenizer: byteLevel(), post_processor: seq('processors', [byteLevel({ add_prefix_space: true }), template([place('<s>'), place('A')], [place('<s>'), place('A'), place('<s>', 1), place('B', 1)])]), decoder: byteLevel(), model: levelBPE })
add('model BPE ignore_merges', { pre_tokenizer: seq('pretokenizers', [regex(cl100k), byteLevel({ use_regex: false })]), decoder: byteLevel(), model: { ...levelBPE, ignore_merges: true } })
add('model BPE normalizer ByteLevel', { normalizer: seq('normalizers', [{ type: 'NFC' }, { type: 'ByteLevel' }]), pre_tokenizer: regex('Ġ?\\w+|\\W'), decoder: byteLevel(), model: levelBPE, added_tokens: [added('ADDED', { special: false, normalized: true }), added('café', { special: false, normalized: true })] })
for (const fuse_unk of [true, false]) for (const unk_token of ['<unk>', null]) add(`model BPE holes ${fuse_unk} ${unk_token}`, { pre_tokenizer: byteLevel(), decoder: byteLevel(), model: cut({ fuse_unk, unk_token }), added_tokens: [] })
add('model BPE end_of_word_suffix', { normalizer: { type: 'Lowercase' }, pre_tokenizer: { type: 'BertPreTokenizer' }, decoder: { type: 'BPEDecoder', suffix: '</w>' }, model: bpe({ unk_token: '<unk>', end_of_word_suffix: '</w>', ...pairs(['<unk>', ...letters, ...letters.map(l => l + '</w>')], 300, (a, b) => a + b, 10, a => !a.endsWith('</w>')) }), added_tokens: [] })
add('model BPE continuing_subword_prefix', { normalizer: { type: 'Lowercase' }, pre_tokenizer: { type: 'Whitespace' }, decoder: { type: 'WordPiece', prefix: '##', cleanup: false }, model: bpe({ unk_token: '<unk>', fuse_unk: true, continuing_subword_prefix: '##', ...pairs(['<unk>', ...letters, ...letters.map(l => '##' + l)], 300, (a, b) => a + b.slice(2), 12, (a, b) => b.startsWith('##')) }), added_tokens: [] })
add('model Unigram', { pre_tokenizer: metaspace('always', true), decoder: metaspace('always', true), model: unigram({}), added_tokens: [added('<s>'), added('</s>')] })
add('model Unigram byte_fallback', { normalizer: { type: 'Precompiled', precompiled_charsmap: map }, pre_tokenizer: metaspace('first', false), model: unigram({ byte_fallback: true, vocab: [...pieces, ...byteTokens] }), added_tokens: [added('<mask>', { lstrip: true, rstrip: true })] })
add('model Unigram byte_fallback holes', { pre_tokenizer: metaspace('never', true), model: unigram({ byte_fallback: true, vocab: [...pieces, ...byteTokens.slice(0, 0xe4)] }), added_tokens: [] })
add('model WordPiece', { normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true }, pre_tokenizer: { type: 'BertPreTokenizer' }, decoder: { type: 'WordPiece', prefix: '##', cleanup: true }, model: wordpiece, added_tokens: [added('[MASK]')] })
add('model WordLevel', { normalizer: { type: 'Lowercase' }, pre_tokenizer: { type: 'Whitespace' }, decoder: null, model: { type: 'WordLevel', vocab: { '<unk>': 0, hello: 1, world: 2, the: 3, '.': 4 }, unk_token: '<unk>' }, added_tokens: [added('ADDED', { special: false, normalized: true, single_word: true, lstrip: true, rstrip: true })] })
const many = [added('<s>'), added('<mask>', { lstrip: true }), ...[['ADDED', { normalized: true }], ['new tok', { rstrip: true }], ['the', { normalized: true, single_word: true }], ['Hello', { normalized: true, lstrip: true, rstrip: true, single_word: true }], ['  ', {}], ['unaff', {}], ['unaffable', {}], ["'s", { normalized: true, single_word: true }], ['e\u0301', { normalized: true }], ['-', { lstrip: true, rstrip: true }], ['[', {}], ['[MASK]', {}]].map(([t, o]) => added(t, { special: false, ...o }))]
add('added tokens', { added_tokens: many })
add('added tokens, normalized', { normalizer: { type: 'Lowercase' }, pre_tokenizer: { type: 'WhitespaceSplit' }, added_tokens: many })
add('added tokens, prepended', { normalizer: seq('normalizers', [{ type: 'NFC' }, { type: 'Prepend', prepend: '▁' }]), pre_tokenizer: metaspace('first', true), added_tokens: many })
add('decoder CTC', { pre_tokenizer: split({ String: '' }, 'Isolated'), decoder: { type: 'CTC', pad_token: '<pad>', word_delimiter_token: '|', cleanup: true }, model: { type: 'WordLevel', vocab: Object.fromEntries(['<unk>', '<pad>', ...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))].map((t, i) => [t, i])), unk_token: '<unk>' }, added_tokens: [] })

;(async () => {
  const out = []
  for (const { name, config } of list) {
    const t = Tokenizer.fromString(JSON.stringify(config)), cases = []
    while (cases.length < count) {
      const c = { text: text() }
      if (random(5) === 0) c.pair = text()
      if (random(6) === 0) c.no_special = true
      const e = await t.encode(c.text, c.pair === undefined ? null : c.pair, { addSpecialTokens: !c.no_special })
      const minus = v => (v === null || v === undefined ? -1 : v)
      Object.assign(c, { ids: e.getIds(), tokens: e.getTokens(), type_ids: e.getTypeIds(), offsets: e.getOffsets().flat(), special: e.getSpecialTokensMask(), words: e.getWordIds().map(minus), sequences: e.getSequenceIds().map(minus) })
      c.decoded = await t.decode(c.ids, false)
      c.decoded_skip_special = await t.decode(c.ids, true)
      cases.push(c)
    }
    out.push({ name, config, cases })
  }
  fs.writeFileSync(to, zlib.gzipSync(JSON.stringify(out), { level: 9 }))
  console.log(out.length + ' tokenizers, ' + out.length * count + ' cases')
})()
