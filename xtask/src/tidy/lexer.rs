//! Rust source with its comments and literals blanked, so that a check of words sees code only.

/// The same text, line for line and byte for byte, with blanks in place of comments, texts and characters.
pub(super) fn code_only(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = literal_end(bytes, at);
        if end > at {
            blank(&mut out[at..end]);
            at = end;
        } else {
            at += word_end(bytes, at);
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

/// Length of what starts at `at` and is code: a whole word, so that the `r` of `for"` starts no raw text.
fn word_end(bytes: &[u8], at: usize) -> usize {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    bytes[at..].iter().take_while(|byte| is_word(byte)).count().max(1)
}

/// Where the comment or literal that starts at `at` ends; `at` if none starts there.
fn literal_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    if rest.starts_with(b"//") {
        return at + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }
    if rest.starts_with(b"/*") {
        return block_comment_end(bytes, at);
    }
    // `b"`, `c"`, `br#"`, `cr#"`, `r#"`: at most two letters before the quote or the hashes.
    let prefix = rest.iter().take(2).take_while(|byte| matches!(byte, b'b' | b'c' | b'r')).count();
    let quote = at + prefix;
    let raw = prefix > 0 && bytes[quote - 1] == b'r';
    if raw {
        let hashes = bytes[quote..].iter().take_while(|byte| **byte == b'#').count();
        return match bytes.get(quote + hashes) {
            Some(b'"') => raw_end(bytes, quote + hashes + 1, hashes),
            _ => at,
        };
    }
    match bytes.get(quote) {
        Some(b'"') => escaped_end(bytes, quote + 1, b'"'),
        Some(b'\'') if prefix <= 1 => char_end(bytes, quote, at),
        _ => at,
    }
}

fn block_comment_end(bytes: &[u8], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i < bytes.len() {
        if bytes[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if bytes[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    bytes.len()
}

fn raw_end(bytes: &[u8], start: usize, hashes: usize) -> usize {
    let mut i = start;
    while i < bytes.len() {
        let closing = &bytes[i + 1..];
        if bytes[i] == b'"' && closing.len() >= hashes && closing[..hashes].iter().all(|byte| *byte == b'#') {
            return i + 1 + hashes;
        }
        i += 1;
    }
    bytes.len()
}

fn escaped_end(bytes: &[u8], start: usize, quote: u8) -> usize {
    let mut i = start;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 2,
            byte if byte == quote => return i + 1,
            _ => i += 1,
        }
    }
    bytes.len()
}

/// A character ends with a quote; a lifetime does not, and is code.
fn char_end(bytes: &[u8], quote: usize, at: usize) -> usize {
    match bytes.get(quote + 1) {
        Some(b'\\') => escaped_end(bytes, quote + 1, b'\''),
        Some(first) => {
            let width = match first {
                0..=0x7f => 1,
                0x80..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0.. => 4,
            };
            if bytes.get(quote + 1 + width) == Some(&b'\'') { quote + 2 + width } else { at }
        }
        None => at,
    }
}
