// Times Hugging Face's Rust library (npm package tokenizers 0.23.2, one thread) and this module's tokenizers
// package on the same text in one run, offsets included:
//
//   npm install --ignore-scripts tokenizers@0.23.2    (in a folder of its own; NODE_PATH=…/node_modules)
//   node bench/peers/tokenizers.js [FOLDER of tokenizers] [TEXT]
//
// Without arguments the folder is ../shared/data/tokenizers beside the module, the text AG News there. Each is
// timed by turns, five times; the best of each counts. MB/s are of processor time where the clock of a busy
// machine would tell little; --wall takes the clock.
process.env.TOKENIZERS_PARALLELISM = 'false'
process.env.RAYON_NUM_THREADS = '1'
const fs = require('fs'), os = require('os'), path = require('path')
const { execFileSync } = require('child_process')
const { Tokenizer } = require('tokenizers')

const root = path.join(__dirname, '..', '..')
const args = process.argv.slice(2).filter(a => !a.startsWith('--'))
const wall = process.argv.includes('--wall')
const folder = args[0] || path.join(root, '..', 'shared', 'data', 'tokenizers')
const text = args[1] || path.join(root, '..', 'shared', 'data', 'ag_news', 'train.tsv')
const lines = fs.readFileSync(text, 'utf8').trim().split('\n')
const size = lines.reduce((n, l) => n + Buffer.byteLength(l), 0)

// Qwen3's tokenizer.json is put together from its old files.
function qwen(dir) {
  const read = f => fs.readFileSync(path.join(dir, f), 'utf8')
  const config = JSON.parse(read('tokenizer_config.json'))
  const re = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false }
  return JSON.stringify({
    version: '1.0', truncation: null, padding: null,
    added_tokens: Object.entries(config.added_tokens_decoder).map(([id, t]) => ({ id: +id, ...t })),
    normalizer: { type: 'NFC' },
    pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'Split', pattern: { Regex: re }, behavior: 'Isolated', invert: false }, byteLevel] },
    post_processor: byteLevel, decoder: byteLevel,
    model: {
      type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: '', end_of_word_suffix: '', fuse_unk: false,
      byte_fallback: false, vocab: JSON.parse(read('vocab.json')), merges: read('merges.txt').split('\n').filter(l => l && !l.startsWith('#version')),
    },
  })
}

async function rust(tokenizer) {
  const cpu = process.cpuUsage(), start = performance.now()
  await tokenizer.encodeBatch(lines)
  const used = process.cpuUsage(cpu)
  return size / 1e6 / (wall ? (performance.now() - start) / 1e3 : (used.user + used.system) / 1e6)
}

function go(binary, dir) {
  const out = execFileSync(binary, ['-test.run', 'none', '-test.bench', 'EncodeFolder', '-test.cpu', '1', '-test.benchtime', '1s'],
    { cwd: path.join(root, 'tokenizers'), encoding: 'utf8', env: { ...process.env, TOKENIZER_FOLDER: dir, TOKENIZER_TEXT: path.resolve(text) } })
  const m = (wall ? /([\d.]+) MB\/s/ : /([\d.]+) MB\/cpu-s/).exec(out)
  if (!m) throw new Error('no figure in: ' + out)
  return +m[1]
}

;(async () => {
  const binary = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'tokenizers-')), 'bench.test')
  execFileSync('go', ['test', '-c', '-o', binary, './tokenizers'], { cwd: root, stdio: 'inherit' })
  console.log(`${os.cpus()[0].model}; ${lines.length} lines, ${(size / 1e6).toFixed(2)} MB; MB per second of ${wall ? 'the clock' : 'processor time'}`)
  console.log('tokenizer                  Rust       Go    ratio')
  for (const name of fs.readdirSync(folder).sort()) {
    const dir = path.join(folder, name)
    if (!fs.statSync(dir).isDirectory()) continue
    const file = path.join(dir, 'tokenizer.json')
    const tokenizer = fs.existsSync(file) ? Tokenizer.fromFile(file) : Tokenizer.fromString(qwen(dir))
    await tokenizer.encodeBatch(lines.slice(0, 200))
    let r = 0, g = 0
    for (let i = 0; i < 5; i++) {
      r = Math.max(r, await rust(tokenizer))
      g = Math.max(g, go(binary, path.resolve(dir)))
    }
    console.log(name.padEnd(22) + r.toFixed(2).padStart(9) + g.toFixed(2).padStart(9) + (g / r).toFixed(1).padStart(9))
  }
})()
