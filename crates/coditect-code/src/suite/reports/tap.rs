//! The Test Anything Protocol, versions 12 to 14, subtests included. Lines that are not of it are passed over, as it asks
//! for: the program prints there too.

use coditect_types::TestStatus;

use super::{Case, Reported, Unread, named};

/// Columns that a subtest is indented by.
const INDENT: usize = 4;
/// Subtests within each other at most.
const DEEPEST: usize = 32;
/// Bytes kept of what is said of a test.
const MESSAGE_BYTES: usize = 8 << 10;

/// A level of subtests.
#[derive(Debug, Default)]
struct Level {
    name: String,
    depth: usize,
    points: u64,
    planned: Option<u64>,
    /// A test of it, or below it, is red.
    red: bool,
}

#[derive(Debug)]
struct Reader<'a> {
    of: &'a str,
    levels: Vec<Level>,
    /// Names that a `# Subtest:` gave to what follows, with how far it was indented.
    announced: Vec<(usize, String)>,
    /// A YAML block is open: how far it is indented.
    block: Option<usize>,
    /// What is said next is said of the last test.
    follows: bool,
    bailed: bool,
}

/// Reads a report.
pub(super) fn parse(text: &str, of: &str, reported: &mut Reported) -> Result<(), Unread> {
    let before = reported.cases.len();
    let mut reader = Reader {
        of,
        levels: vec![Level::default()],
        announced: Vec::new(),
        block: None,
        follows: false,
        bailed: false,
    };
    for line in text.lines() {
        reader.line(line.trim_end(), reported);
    }
    reader.close(0, reported);
    let all_skipped = reader.levels[0].planned == Some(0);
    if reported.cases.len() == before && !reader.bailed && !all_skipped {
        let why = format!("no line of TAP is on {of}, such as `ok 1 - adds` or `1..0`");
        return Err(Unread::Missing(why));
    }
    reader.check_plan(0, reported);
    Ok(())
}

impl Reader<'_> {
    fn line(&mut self, line: &str, reported: &mut Reported) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let body = &line[indent..];
        if let Some(open) = self.block {
            if indent >= open && body == "..." {
                self.block = None;
            } else if indent >= open || body.is_empty() {
                self.say(&line[open.min(indent)..], reported);
            } else {
                // It was not closed: what stands here is read as what it is.
                self.block = None;
                self.line(line, reported);
            }
            return;
        }
        if body.starts_with("---") && self.follows {
            self.block = Some(indent);
            return;
        }
        let depth = indent / INDENT;
        if let Some(why) = body.strip_prefix("Bail out!") {
            self.bailed = true;
            reported.problems.push(format!("{} says: bail out: {}", self.of, why.trim()));
        } else if let Some(comment) = body.strip_prefix('#') {
            match comment.trim().strip_prefix("Subtest:") {
                Some(name) => {
                    self.announced.retain(|(at, _)| *at < depth);
                    if depth < DEEPEST {
                        self.announced.push((depth, name.trim().to_owned()));
                    }
                }
                None => self.say(comment.trim(), reported),
            }
        } else if let Some(count) = plan(body) {
            self.open(depth);
            if let Some(level) = self.levels.last_mut() {
                level.planned = Some(count);
            }
            self.follows = false;
        } else if let Some(point) = point(body) {
            self.point(depth, &point, reported);
        }
    }

    /// Brings the levels to this depth; those that are opened take the names that were announced.
    fn open(&mut self, depth: usize) {
        let deepest = self.levels.last().map_or(0, |level| level.depth);
        for depth in deepest + 1..=depth.min(DEEPEST) {
            // Version 14 announces beside the test that the subtests make up, older ones beside the subtests.
            let name_at = |wanted: usize| self.announced.iter().find(|(at, _)| *at == wanted);
            let name = name_at(depth - 1).or_else(|| name_at(depth)).map(|(_, name)| name.clone());
            self.levels.push(Level { name: name.unwrap_or_default(), depth, ..Level::default() });
        }
    }

    /// Ends the levels below this depth. Gives the one that stood right below, if any.
    fn close(&mut self, depth: usize, reported: &mut Reported) -> Option<Level> {
        let mut last = None;
        while self.levels.len() > 1 && self.levels.last().is_some_and(|level| level.depth > depth) {
            self.check_plan(self.levels.len() - 1, reported);
            last = self.levels.pop();
            if let (Some(closed), Some(above)) = (&last, self.levels.last_mut()) {
                above.red |= closed.red;
            }
        }
        last
    }

    fn check_plan(&self, level: usize, reported: &mut Reported) {
        let Some(level) = self.levels.get(level) else { return };
        if let Some(planned) = level.planned
            && planned != level.points
            && !self.bailed
        {
            let within =
                if level.name.is_empty() { String::new() } else { format!(" within `{}`", level.name) };
            let of = self.of;
            let problem = format!("{of} plans {planned} tests{within}, and {} came", level.points);
            reported.problems.push(problem);
        }
    }

    fn point(&mut self, depth: usize, point: &Point<'_>, reported: &mut Reported) {
        self.open(depth);
        let below = self.close(depth, reported);
        self.announced.retain(|(at, _)| *at < depth);
        let names: Vec<&str> =
            self.levels.iter().map(|level| level.name.as_str()).chain([point.name]).collect();
        let id = named(&names);
        let Some(level) = self.levels.last_mut() else { return };
        level.points += 1;
        // A test with subtests is told by them, unless it is red beside them.
        let told =
            below.as_ref().is_some_and(|below| below.points > 0 && (below.red || !point.status.is_red()));
        level.red |= point.status.is_red();
        self.follows = !told;
        if told {
            return;
        }
        let number = reported.cases.len() + 1;
        let id = if point.name.is_empty() { named(&[&id, &format!("test {number}")]) } else { id };
        reported.cases.push(Case {
            id,
            status: point.status,
            us: 0,
            error_type: String::new(),
            message: point.reason.to_owned(),
            frames: Vec::new(),
        });
    }

    /// What a block or a comment says of the test before it.
    fn say(&mut self, text: &str, reported: &mut Reported) {
        let Some(case) = reported.cases.last_mut().filter(|_| self.follows) else { return };
        if let Some(ms) =
            text.trim().strip_prefix("duration_ms:").and_then(|ms| ms.trim().parse::<f64>().ok())
        {
            case.us = (ms.clamp(0.0, 1e12) * 1e3) as u64;
        } else if case.status.is_red() && case.message.len() + text.len() < MESSAGE_BYTES {
            if !case.message.is_empty() {
                case.message.push('\n');
            }
            case.message.push_str(text);
        }
    }
}

struct Point<'a> {
    name: &'a str,
    status: TestStatus,
    reason: &'a str,
}

/// `1..5`
fn plan(body: &str) -> Option<u64> {
    let rest = body.strip_prefix("1..")?;
    let digits = &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())];
    let after = rest[digits.len()..].trim_start();
    (after.is_empty() || after.starts_with('#')).then(|| digits.parse().ok()).flatten()
}

/// `not ok 3 - name # SKIP reason`
fn point(body: &str) -> Option<Point<'_>> {
    let (ok, rest) = match body.strip_prefix("not ok") {
        Some(rest) => (false, rest),
        None => (true, body.strip_prefix("ok")?),
    };
    if !(rest.is_empty() || rest.starts_with(' ')) {
        return None;
    }
    let rest = rest.trim_start();
    let rest = rest[rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())..].trim_start();
    let rest = rest.strip_prefix("- ").unwrap_or_else(|| rest.strip_prefix('-').unwrap_or(rest));
    // TAP 14 opens a subtest with a brace at the end.
    let rest = rest.strip_suffix(" {").unwrap_or(rest).trim();
    let (name, directive) = directive(rest);
    let (word, reason) = directive.split_once(char::is_whitespace).unwrap_or((directive, ""));
    let status = match (ok, word.to_ascii_lowercase()) {
        (_, word) if word.starts_with("skip") => TestStatus::Skipped,
        (true, _) => TestStatus::Passed,
        // It is known to fail, and nobody asks for more.
        (false, word) if word == "todo" => TestStatus::Skipped,
        (false, _) => TestStatus::Failed,
    };
    Some(Point { name, status, reason })
}

/// A name and the directive behind a `#` that is not escaped.
fn directive(text: &str) -> (&str, &str) {
    let marks = text.match_indices('#').filter(|(at, _)| *at == 0 || !text[..*at].ends_with('\\'));
    for (at, _) in marks {
        let directive = text[at + 1..].trim_start();
        let lower = directive.to_ascii_lowercase();
        if lower.starts_with("skip") || lower.starts_with("todo") || lower.starts_with("time=") {
            return (text[..at].trim_end(), directive);
        }
    }
    (text, "")
}
