// Asks Hugging Face's tokenizers (npm package, version 0.23.2) what it does with every code point and writes
// the answers as JSON on standard output; main.go turns them into the package's tables:
//
//   npm install --ignore-scripts tokenizers@0.23.2 && node probe.js > probe.json && go run . probe.json
//
// The library's parts carry tables of several Unicode versions, so nothing here is taken from another source.
const { Tokenizer } = require('tokenizers')
const HF = require('tokenizers')

const codes = []
for (let c = 1; c <= 0x10ffff; c++) if (c < 0xd800 || c > 0xdfff) codes.push(c)
const chr = c => String.fromCodePoint(c)
const size = c => (c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4)

// ranges packs a sorted list of code points as [first, last] pairs.
function ranges(list) {
  const out = []
  for (const c of list) {
    const last = out[out.length - 1]
    if (last && last[1] === c - 1) last[1] = c
    else out.push([c, c])
  }
  return out
}

const config = part => JSON.stringify({
  version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null,
  post_processor: null, decoder: null, model: { type: 'WordLevel', vocab: { u: 0 }, unk_token: 'u' }, ...part,
})
const normalizer = n => Tokenizer.fromString(config({ normalizer: n })).getNormalizer()
const pretokenizer = p => Tokenizer.fromString(config({ pre_tokenizer: p })).getPreTokenizer()

// removedBy lists the code points that a pre-tokenizer removes, each tried between two letters it keeps.
function removedBy(p) {
  const pre = pretokenizer(p), hit = []
  for (let i = 0; i < codes.length; i += 4096) {
    const part = codes.slice(i, i + 4096)
    const kept = new Set()
    for (const [s] of pre.preTokenizeString(part.map(chr).join(''))) for (const ch of s) kept.add(ch.codePointAt(0))
    for (const c of part) if (!kept.has(c)) hit.push(c)
  }
  return hit
}
const regex = r => removedBy({ type: 'Split', pattern: { Regex: r }, behavior: 'Removed', invert: false })

// mapped gives [code point, result] where a normalizer changes a single code point.
function mapped(n) {
  const norm = normalizer(n), out = []
  for (const c of codes) {
    const r = norm.normalizeString(chr(c))
    if (r !== chr(c)) out.push([c, r])
  }
  return out
}
const hangul = c => c >= 0xac00 && c <= 0xd7a3
const bert = o => ({ type: 'BertNormalizer', clean_text: false, handle_chinese_chars: false, strip_accents: false, lowercase: false, ...o })
const emptied = list => list.filter(([, r]) => r === '').map(([c]) => c)

const out = {}
out.category = {}
for (const g of 'Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cn'.split(' ')) out.category[g] = ranges(regex(`\\p{${g}}`))
out.posix = {}
for (const g of 'alnum alpha blank cntrl digit graph lower print punct space upper word xdigit'.split(' ')) out.posix[g] = ranges(regex(`[[:${g}:]]`))
out.script_property = {}
for (const g of 'Arabic Armenian Bengali Bopomofo Common Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana Inherited Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Oriya Sinhala Tamil Telugu Thai Tibetan'.split(' ')) out.script_property[g.toLowerCase()] = ranges(regex(`\\p{${g}}`))
out.regex_space = ranges(regex('\\s'))
out.space = ranges(removedBy({ type: 'WhitespaceSplit' }))
out.punctuation = ranges(removedBy({ type: 'Punctuation', behavior: 'Removed' }))

// A number stands alone between letters, a word character joins them.
function between(p, joins) {
  const pre = pretokenizer(p), hit = []
  for (const c of codes) {
    const n = pre.preTokenizeString('a' + chr(c) + 'a').length
    if (joins ? n === 1 : n !== 1) hit.push(c)
  }
  return ranges(hit)
}
out.numeric = between({ type: 'Digits', individual_digits: true }, false)
out.word = between({ type: 'Whitespace' }, true)

const cleaned = mapped(bert({ clean_text: true }))
out.cleaned = ranges(emptied(cleaned).concat([0]).sort((a, b) => a - b))
out.cleaned_to_space = ranges(cleaned.filter(([, r]) => r === ' ').map(([c]) => c))
out.chinese = ranges(mapped(bert({ handle_chinese_chars: true })).map(([c]) => c))
out.lower = mapped({ type: 'Lowercase' })
out.combining_mark = ranges(emptied(mapped({ type: 'StripAccents' })))

const nfd = mapped({ type: 'NFD' }).filter(([c]) => !hangul(c))
const nfkd = mapped({ type: 'NFKD' }).filter(([c]) => !hangul(c))
const nfc = normalizer({ type: 'NFC' })
out.nfd = nfd
const canonical = new Map(nfd)
out.nfkd = nfkd.filter(([c, r]) => canonical.get(c) !== r)
out.nonspacing_mark = ranges(emptied(mapped(bert({ strip_accents: true }))).filter(c => !canonical.has(c)))
out.compose = []
for (const [c, r] of nfd) {
  const d = [...r]
  if (d.length < 2 || nfc.normalizeString(chr(c)) !== chr(c)) continue
  const a = nfc.normalizeString(d.slice(0, -1).join('')), b = d[d.length - 1]
  if ([...a].length === 1 && nfc.normalizeString(a + b) === chr(c)) out.compose.push([a.codePointAt(0), b.codePointAt(0), c])
}

// Combining classes: only their order counts. A mark is reordered before another one of a higher class.
const d = normalizer({ type: 'NFD' })
const swaps = (x, y) => d.normalizeString('a' + chr(x) + chr(y)) === 'a' + chr(y) + chr(x)
const classes = [] // sorted by class, each a list of code points
const marks = codes.filter(c => !canonical.has(c) && (swaps(c, 0x334) || swaps(0x345, c) || c === 0x334 || c === 0x345))
for (const c of marks) {
  let lo = 0, hi = classes.length, same = false
  while (lo < hi && !same) {
    const mid = (lo + hi) >> 1, rep = classes[mid][0]
    if (swaps(rep, c)) hi = mid
    else if (swaps(c, rep)) lo = mid + 1
    else { classes[mid].push(c); same = true }
  }
  if (!same) classes.splice(lo, 0, [c])
}
out.combining_class = classes.map(ranges)

// Grapheme clusters, through a Precompiled map that turns whatever begins with any byte into "b", the whole
// cluster at once if it is shorter than six bytes.
function charsmap() {
  // A double array: root at 0, its children at offset 0x100 ^ byte, each with a leaf whose value is 0.
  const units = new Uint32Array(0x400)
  units[0] = (0x100 << 10) >>> 0
  for (let b = 1; b < 256; b++) {
    units[0x100 ^ b] = ((0x200 << 10) | (1 << 8) | b) >>> 0 // has a leaf, child base = position ^ 0x200
    units[(0x100 ^ b) ^ 0x200] = 0x80000000 // value 0
  }
  const head = Buffer.alloc(4)
  head.writeUInt32LE(units.byteLength)
  return Buffer.concat([head, Buffer.from(units.buffer), Buffer.from('b\0')])
}
const pre = HF.precompiled([...charsmap()])
const whole = s => pre.normalizeString(s)
if (whole('e\u0301') !== 'b' || whole('ae') !== 'bb') throw new Error('charsmap: ' + whole('e\u0301') + ' ' + whole('ae'))
out.grapheme_extend = ranges(codes.filter(c => c !== 0x0a && whole('a' + chr(c)) === 'b'))
out.grapheme_prepend = ranges(codes.filter(c => size(c) < 5 && whole(chr(c) + 'a') === 'b'))
out.grapheme_control = ranges(codes.filter(c => size(c) < 4 && whole(chr(c) + '\u0301') === 'bb'))
out.pictographic = ranges(codes.filter(c => whole('\u00a9\u200d' + chr(c)) === 'bbb'))

// Scripts of UnicodeScripts: code points of one script are not split; only which are alike counts.
const scripts = pretokenizer({ type: 'UnicodeScripts' })
const parts = s => scripts.preTokenizeString(s)
const any = codes.filter(c => parts('a' + chr(c) + 'a').length === 1 && parts('\u0431' + chr(c) + '\u0431').length === 1)
const isAny = new Set(any)
const rest = codes.filter(c => !isAny.has(c))
const runs = []
for (let i = 0; i < rest.length; i += 4096) {
  const text = rest.slice(i, i + 4096).map(chr).join('')
  for (const [s] of parts(text)) {
    const cs = [...s].map(x => x.codePointAt(0))
    runs.push(cs)
  }
}
const groups = []
for (const cs of runs) {
  const x = chr(cs[0])
  let found = groups.find(g => parts(chr(g[0]) + x).length === 1)
  if (found) found.push(...cs)
  else groups.push(cs)
}
out.script_any = ranges(any)
out.scripts = groups.map(g => ranges(g.sort((a, b) => a - b)))

process.stdout.write(JSON.stringify(out))
