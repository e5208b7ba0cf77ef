// attention: which rows of a sequence meet, of the file's bindings rows and keys
// (Start[B] | Len[B] | Pos | Seq of the queries and of the keys), its consts MASK,
// DROPOUT and CHUNK, and the fields of Params that the functions name. Row numbers are
// those of the whole matrices, not of a window.
// MASK is 0: all meet; 1: those whose positions lie in a range, positions ascending
// within a sequence; 2: the same, positions in any order.

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

// keys_of are the first key of the window that a query of sequence b may see and the
// one after the last; rows_of the queries of the window that may see a key. held is
// the number of rows in that window.
fn keys_of(row: u32, b: u32) -> vec2<u32> {
  let start = max(key_start(b), p.first_key);
  let end = max(min(key_start(b) + key_count(b), p.first_key + p.held), start);
  if (MASK != 1u) {
    return vec2<u32>(start, end);
  }
  let range = seen_by(row_pos(row));
  return vec2<u32>(keys_from(start, end, range.x, false), keys_from(start, end, range.y, true));
}
fn rows_of(key: u32, b: u32) -> vec2<u32> {
  let start = max(row_start(b), p.first_row);
  let end = max(min(row_start(b) + row_count(b), p.first_row + p.held), start);
  if (MASK != 1u) {
    return vec2<u32>(start, end);
  }
  let range = seeing(key_pos(key));
  return vec2<u32>(rows_from(start, end, range.x, false), rows_from(start, end, range.y, true));
}

// four_of are rows j .. j+3, the last one before end in place of those past it.
fn four_of(j: u32, end: u32) -> vec4<u32> {
  return min(vec4<u32>(j) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(end - 1u));
}

// in_range says which of four keys a query sees by their positions, where MASK leaves
// that to ask.
fn in_range(row: u32, key: vec4<u32>) -> vec4<bool> {
  if (MASK != 2u) {
    return vec4<bool>(true);
  }
  let range = seen_by(row_pos(row));
  let pos = vec4<i32>(key_pos(key.x), key_pos(key.y), key_pos(key.z), key_pos(key.w));
  return (pos >= vec4<i32>(range.x)) & (pos <= vec4<i32>(range.y));
}

// keys_seen says which of the four keys from j count for a query; rows_seen which of
// four queries count for a key.
fn keys_seen(row: u32, j: u32, key: vec4<u32>, end: u32) -> vec4<bool> {
  return ((vec4<u32>(j) + vec4<u32>(0u, 1u, 2u, 3u)) < vec4<u32>(end)) & in_range(row, key);
}
fn rows_seen(key: u32, j: u32, row: vec4<u32>, end: u32) -> vec4<bool> {
  let there = (vec4<u32>(j) + vec4<u32>(0u, 1u, 2u, 3u)) < vec4<u32>(end);
  if (MASK != 2u) {
    return there;
  }
  let range = seeing(key_pos(key));
  let pos = vec4<i32>(row_pos(row.x), row_pos(row.y), row_pos(row.z), row_pos(row.w));
  return there & ((pos >= vec4<i32>(range.x)) & (pos <= vec4<i32>(range.y)));
}

// seen_only are four rows, one that is seen in place of each that is not, which need not
// hold numbers. Without positions to ask for, that is so already.
fn seen_only(row: vec4<u32>, seen: vec4<bool>) -> vec4<u32> {
  if (MASK != 2u) {
    return row;
  }
  let one = select(select(select(row.w, row.z, seen.z), row.y, seen.y), row.x, seen.x);
  return select(vec4<u32>(one), row, seen);
}

// keeps is 0 where dropout drops the probability of a query row, head and key row,
// else 1/(1-rate). Numbers are those of the whole call.
fn keeps(row: vec4<u32>, head: u32, key: vec4<u32>) -> vec4<f32> {
  if (!DROPOUT) {
    return vec4<f32>(1.0);
  }
  let i = (((row * p.heads) + vec4<u32>(head)) * p.all_keys) + key;
  let bits = vec4<u32>(dropout_bits(i.x), dropout_bits(i.y), dropout_bits(i.z), dropout_bits(i.w));
  return select(vec4<f32>(0.0), vec4<f32>(p.keep_scale), bits >= vec4<u32>(p.threshold));
}

// A head is read four elements at a time: lanes are elements 4i .. 4i+3 of the head
// that begins at at, the last one in place of those past it; real says which are.
fn lanes(at: u32, i: u32) -> vec4<u32> {
  return vec4<u32>(at) + min(vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.dim - 1u));
}
fn real(i: u32) -> vec4<bool> {
  return (vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u)) < vec4<u32>(p.dim);
}

// chunks is how many invocations share a head; part is vec4 i of a chunk, the last of
// the head in place of those past it.
fn chunks() -> u32 { return (p.dim + (4u * CHUNK) - 1u) / (4u * CHUNK); }
fn part(chunk: u32, i: u32) -> u32 { return min((chunk * CHUNK) + i, (p.dim - 1u) / 4u); }

const LOWEST: f32 = -3.4028234e38;
