//! Places of the project that a failure's text names.

use coditect_types::testing::Frame;

/// Places kept.
const MOST: usize = 60;
/// Where the project lies inside the sandbox.
const INSIDE: &str = "/project/";

/// The places, in the order in which the text names them: `file:line`, and Python's `File "file", line N`.
pub(super) fn found(text: &str, is_file: &dyn Fn(&str) -> bool) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    for line in text.lines() {
        let place = python(line).or_else(|| line.split_whitespace().find_map(plain));
        let Some((file, number, function)) = place else { continue };
        let file = file.strip_prefix(INSIDE).unwrap_or(file);
        let file = file.strip_prefix("file:///project/").unwrap_or(file).trim_start_matches("./");
        let outside = file.starts_with(['/', '~']) || file.split('/').any(|part| part == "..");
        if number > 0 && !outside && frames.len() < MOST && is_file(file) {
            frames.push(Frame { file: file.to_owned(), line: number, function: function.to_owned() });
        }
    }
    frames
}

fn python(line: &str) -> Option<(&str, u32, &str)> {
    let rest = line.trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let (number, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len()));
    Some((file, number.parse().ok()?, rest.strip_prefix(", in ").unwrap_or_default().trim()))
}

/// A word such as `(lib/a.js:12:5)` or `a.go:7:`.
fn plain(word: &str) -> Option<(&str, u32, &str)> {
    let word = word.trim_matches(['(', ')', '[', ']', '<', '>', '"', '\'', '`', ',', ';']);
    let colon = word.char_indices().find(|(at, c)| {
        *c == ':' && *at > 0 && word[at + 1..].starts_with(|next: char| next.is_ascii_digit())
    })?;
    let (file, rest) = (&word[..colon.0], &word[colon.0 + 1..]);
    let digits = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
    Some((file, digits.parse().ok()?, ""))
}
