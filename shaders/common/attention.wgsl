// attention: which rows of a sequence meet, of the file's bindings rows and keys
// (Start[B] | Len[B] | Pos | Seq of the queries and of the keys), its const MASK and
// the fields of Params that the functions name. Row numbers are those of the whole
// matrices, not of a window.
// MASK: 0 all meet; 1 those whose positions lie in a range, positions ascending
// within a sequence; 2 the same, positions in any order.

const LAST_POSITION: i32 = 2147483647;
const FIRST_POSITION: i32 = -2147483647;

fn row_start(b: u32) -> u32 { return u32(rows[p.rows.x + b]); }
fn row_count(b: u32) -> u32 { return u32(rows[p.rows.x + p.batch + b]); }
fn row_pos(r: u32) -> i32 { return rows[p.rows.x + (2u * p.batch) + r]; }
fn row_seq(r: u32) -> i32 { return rows[p.rows.x + (2u * p.batch) + p.all_rows + r]; }
fn key_start(b: u32) -> u32 { return u32(keys[p.keys.x + b]); }
fn key_count(b: u32) -> u32 { return u32(keys[p.keys.x + p.batch + b]); }
fn key_pos(r: u32) -> i32 { return keys[p.keys.x + (2u * p.batch) + r]; }
fn key_seq(r: u32) -> i32 { return keys[p.keys.x + (2u * p.batch) + p.all_keys + r]; }

fn minus(a: i32, b: i32) -> i32 { return select(a - b, FIRST_POSITION, b < 0); }
fn plus(a: i32, b: i32) -> i32 { return select(a + b, LAST_POSITION, (b < 0) || (b > LAST_POSITION - a)); }

// seen_by is the first and the last position of the keys that a query sees.
fn seen_by(query: i32) -> vec2<i32> {
  return vec2<i32>(minus(query, p.left), min(select(LAST_POSITION, query, p.causal == 1u), plus(query, p.right)));
}

// seeing is the first and the last position of the queries that see a key.
fn seeing(key: i32) -> vec2<i32> {
  return vec2<i32>(max(select(FIRST_POSITION, key, p.causal == 1u), minus(key, p.right)), plus(key, p.left));
}

// within says whether a row's position lies in a range.
fn within(pos: i32, range: vec2<i32>) -> bool {
  return (MASK != 2u) || ((pos >= range.x) && (pos <= range.y));
}

// keys_from is the first key of start .. to-1 at position pos or later; with past,
// later. to where there is none.
fn keys_from(start: u32, to: u32, pos: i32, past: bool) -> u32 {
  var lo = start;
  var hi = to;
  while (lo < hi) {
    let mid = lo + ((hi - lo) / 2u);
    let at = key_pos(mid);
    if ((at < pos) || (past && (at == pos))) {
      lo = mid + 1u;
    } else {
      hi = mid;
    }
  }
  return lo;
}

// rows_from is the same of queries.
fn rows_from(start: u32, to: u32, pos: i32, past: bool) -> u32 {
  var lo = start;
  var hi = to;
  while (lo < hi) {
    let mid = lo + ((hi - lo) / 2u);
    let at = row_pos(mid);
    if ((at < pos) || (past && (at == pos))) {
      lo = mid + 1u;
    } else {
      hi = mid;
    }
  }
  return lo;
}

// kept is 0 where dropout drops the probability of a query row, head and key row,
// else 1/(1-rate). Numbers are those of the whole call.
fn kept(row: u32, head: u32, key: u32) -> f32 {
  if (!DROPOUT) {
    return 1.0;
  }
  let i = (((row * p.all_heads) + p.first_head + head) * p.all_keys) + key;
  return select(0.0, p.keep_scale, dropout_bits(i) >= p.threshold);
}
