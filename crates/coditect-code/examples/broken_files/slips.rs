//! Slips that keep a file from being parsed, drawn by a seed.

use super::tools::Tool;

/// Numbers from a seed.
pub(crate) struct Draw(blake3::OutputReader);

impl Draw {
    pub(crate) fn new(seed: u64, language: &str, number: u64) -> Self {
        let mut hash = blake3::Hasher::new();
        hash.update(format!("{seed} {language} {number}").as_bytes());
        Self(hash.finalize_xof())
    }

    /// A number below `most`; 0 where there is none.
    pub(crate) fn below(&mut self, most: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % (most.max(1) as u64)).unwrap_or(0)
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.below(of.len())).copied()
    }
}

/// A file before and after.
pub(crate) struct Broken {
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) what: String,
}

/// Bytes of a large file.
const LARGE: usize = 200_000;

/// One slip or two, in one of several kinds of file; a tenth are large.
pub(crate) fn break_it(tool: &Tool, program: usize, number: u64, draw: &mut Draw) -> Broken {
    let mut old = tool.programs[program].0.to_owned();
    let mut what = String::new();
    if number % 10 == 9 && !tool.filler.is_empty() {
        let mut n = 0;
        while old.len() < LARGE {
            n += 1;
            old.push_str(&tool.filler.replace("_0", &format!("_{n}")));
        }
        what.push_str("large ");
    }
    if number % 5 == 3 && tool.name != "go" {
        let lines = old.split_inclusive('\n').map(|line| {
            let bare = line.trim_start_matches(' ');
            let deep = (line.len() - bare.len())
                / if tool.file.ends_with('s') && tool.name != "rust" { 2 } else { 4 };
            format!("{}{bare}", "\t".repeat(deep))
        });
        old = lines.collect();
        what.push_str("tabs ");
    }
    if number % 4 == 2 {
        old = old.replace('\n', "\r\n");
        what.push_str("CRLF ");
    }
    let mut new = old.clone();
    for _ in 0..1 + usize::from(number % 4 == 1) {
        if let Some((text, kind)) = slip(&new, tool, draw) {
            new = text;
            what.push_str(&kind);
            what.push(' ');
        }
    }
    Broken { old, new, what: what.trim_end().to_owned() }
}

fn slip(text: &str, tool: &Tool, draw: &mut Draw) -> Option<(String, String)> {
    let is_python = tool.name == "python";
    match draw.below(10) {
        0 | 1 => lose(text, "()[]{}", "bracket lost", draw),
        2 => change(text, "()[]{}", &["(", ")", "[", "]", "{", "}"], "bracket changed", draw),
        3 => double(text, "()[]{},.=", "sign doubled", draw),
        4 => lose(text, if is_python { ":" } else { ";:," }, "sign lost", draw),
        5 => lose(text, "\"'`,", "quote or comma lost", draw),
        6 if is_python => indent(text, draw),
        6 => lose(text, "(){};", "sign lost", draw),
        7 | 8 => misspell(text, tool.words, draw),
        _ => stray(text, draw),
    }
}

/// Where these signs stand, out of comments as far as a line tells.
fn places(text: &str, signs: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start();
        if !["#!", "# ", "//", "/*", "\"\"\""].iter().any(|sign| bare.starts_with(sign)) {
            found.extend(line.char_indices().filter(|(_, c)| signs.contains(*c)).map(|(n, _)| at + n));
        }
        at += line.len();
    }
    found
}

fn told(text: &str, at: usize, what: &str) -> String {
    let sign = text[at..].chars().next().unwrap_or(' ');
    format!("{what} `{sign}` in line {}", text[..at].matches('\n').count() + 1)
}

fn lose(text: &str, signs: &str, what: &str, draw: &mut Draw) -> Option<(String, String)> {
    let at = draw.one(&places(text, signs))?;
    Some((format!("{}{}", &text[..at], &text[at + 1..]), told(text, at, what)))
}

fn change(text: &str, signs: &str, to: &[&str], what: &str, draw: &mut Draw) -> Option<(String, String)> {
    let at = draw.one(&places(text, signs))?;
    let new = draw.one(to)?;
    Some((format!("{}{new}{}", &text[..at], &text[at + 1..]), told(text, at, what)))
}

fn double(text: &str, signs: &str, what: &str, draw: &mut Draw) -> Option<(String, String)> {
    let at = draw.one(&places(text, signs))?;
    Some((format!("{}{}", &text[..=at], &text[at..]), told(text, at, what)))
}

fn stray(text: &str, draw: &mut Draw) -> Option<(String, String)> {
    let at = draw.one(&places(text, " ,()=."))?;
    let sign = draw.one(&["$", "?", "@", "\\", "`", "!", "%", "\u{a0}", "\u{201c}", "~", "x ", "]", ";"])?;
    Some((
        format!("{}{sign}{}", &text[..at], &text[at..]),
        format!("{} {sign:?} strayed", told(text, at, "at")),
    ))
}

/// Letters of a keyword swapped, lost, doubled or in the wrong case.
fn misspell(text: &str, words: &[&str], draw: &mut Draw) -> Option<(String, String)> {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let mut found = Vec::new();
    for word in words {
        for (at, _) in text.match_indices(word) {
            let end = at + word.len();
            if !is_word(text[..at].chars().next_back()) && !is_word(text[end..].chars().next()) {
                found.push((at, *word));
            }
        }
    }
    found.sort_unstable();
    let (at, word) = draw.one(&found)?;
    let mut letters: Vec<char> = word.chars().collect();
    let n = draw.below(letters.len() - 1);
    match draw.below(4) {
        0 => letters.swap(n, n + 1),
        1 => drop(letters.remove(n + 1)),
        2 => letters.insert(n, letters[n]),
        _ => letters[0] = letters[0].to_ascii_uppercase(),
    }
    let new: String = letters.into_iter().collect();
    let line = text[..at].matches('\n').count() + 1;
    Some((
        format!("{}{new}{}", &text[..at], &text[at + word.len()..]),
        format!("{word} misspelt {new} in line {line}"),
    ))
}

/// A line, or all from it to the block's end, further in or out.
fn indent(text: &str, draw: &mut Draw) -> Option<(String, String)> {
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let full: Vec<usize> = (0..lines.len()).filter(|n| !lines[*n].trim().is_empty()).collect();
    let n = draw.one(&full)?;
    let bare = lines[n].trim_start().to_owned();
    let depth = lines[n].len() - bare.len();
    lines[n] = match draw.below(4) {
        0 if depth > 0 => bare,
        1 if depth > 0 => lines[n][1..].to_owned(),
        2 => format!("    {}", lines[n]),
        _ => format!(" {}", lines[n]),
    };
    Some((lines.concat(), format!("indentation of line {}", n + 1)))
}

/// Lines that differ, for a person.
pub(crate) fn difference(old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(1).to_string().chars().take(1_500).collect()
}
