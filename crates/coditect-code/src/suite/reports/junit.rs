//! JUnit's XML: there is no standard, so what all dialects have in common is read (`testsuite`, `testcase`, `failure`,
//! `error`, `skipped`), and everything else is passed over.
//!
//! Reads the few pieces of XML that reports are made of. No document type is read and no entity but the five of XML is
//! known, so a report can neither name a file nor grow while it is read.

use coditect_types::TestStatus;

use super::{Case, Reported, Unread, named};

/// Elements within each other at most.
const DEEPEST: usize = 64;
/// Bytes kept of what is said of a test.
const MESSAGE_BYTES: usize = 8 << 10;

/// A piece of XML.
#[derive(Debug)]
enum Piece<'a> {
    Open { name: &'a str, attributes: &'a str, empty: bool },
    Close { name: &'a str },
    Text(String),
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

#[derive(Debug)]
struct Reader<'a> {
    of: &'a str,
    open: Vec<&'a str>,
    suites: Vec<String>,
    case: Option<Case>,
    /// What stands in a `failure` or `error`.
    said: Option<String>,
}

/// Reads one file of a report.
pub(super) fn parse(text: &str, of: &str, reported: &mut Reported) -> Result<(), Unread> {
    let text = text.trim_start_matches('\u{feff}');
    let mut scanner = Scanner { text, at: 0 };
    let mut reader = Reader { of, open: Vec::new(), suites: Vec::new(), case: None, said: None };
    if text.trim().is_empty() {
        return Err(Unread::Missing(format!(
            "{of} is empty: the command was cut off before it wrote its report"
        )));
    }
    let mut any = false;
    loop {
        let at = scanner.at;
        let cut = |what: &str| {
            let line = text[..at].matches('\n').count() + 1;
            Unread::Missing(format!("{of} is broken off at line {line}: {what}"))
        };
        match scanner.next().map_err(cut)? {
            None if !any => return Err(wrong(of, "it has no element")),
            None => break,
            Some(Piece::Open { name, attributes, empty }) => {
                if !any && !matches!(name, "testsuites" | "testsuite" | "testrun") {
                    return Err(wrong(
                        of,
                        &format!("its first element is `{name}`, not `testsuites` or `testsuite`"),
                    ));
                }
                any = true;
                reader.open(name, attributes, reported)?;
                if empty {
                    reader.close(name, reported).map_err(|what| cut(&what))?;
                }
            }
            Some(Piece::Close { name }) => reader.close(name, reported).map_err(|what| cut(&what))?,
            Some(Piece::Text(text)) => {
                if !any && !text.trim().is_empty() {
                    return Err(wrong(of, "it does not begin with an element"));
                }
                reader.text(&text);
            }
        }
    }
    match reader.open.last() {
        Some(name) => {
            let why = format!("{of} is broken off: its element `{name}` has no end");
            Err(Unread::Missing(why))
        }
        None => Ok(()),
    }
}

fn wrong(of: &str, what: &str) -> Unread {
    Unread::Wrong(format!(
        "{of} is no JUnit report: {what}; `test_report` and `report_path` say what is read"
    ))
}

impl<'a> Reader<'a> {
    fn open(&mut self, name: &'a str, attributes: &str, reported: &mut Reported) -> Result<(), Unread> {
        if self.open.len() >= DEEPEST {
            return Err(wrong(self.of, &format!("its elements are more than {DEEPEST} deep")));
        }
        let value = |wanted: &str| attribute(attributes, wanted);
        let inside = self.case.is_some();
        match name {
            "testsuite" | "testsuites" | "testrun" => self.suites.push(value("name").unwrap_or_default()),
            "testcase" => self.case = Some(self.case_of(&value)),
            "failure" | "error" if self.said.is_none() => {
                let message = value("message").unwrap_or_default();
                if let Some(case) = &mut self.case {
                    let status = if name == "failure" { TestStatus::Failed } else { TestStatus::Errored };
                    // The first one counts: what comes then is the clearing up.
                    if !case.status.is_red() {
                        case.status = status;
                        case.error_type = value("type").unwrap_or_default();
                    }
                    self.said = Some(message);
                } else {
                    let suite = self.suites.last().map_or("", String::as_str);
                    reported.problems.push(format!("{} says of `{suite}`: {}", self.of, message.trim()));
                }
            }
            "skipped" | "skip" | "disabled" if inside => {
                if let Some(case) = self.case.as_mut().filter(|case| !case.status.is_red()) {
                    case.status = TestStatus::Skipped;
                    case.message = value("message").unwrap_or_default();
                }
            }
            _ => {}
        }
        self.open.push(name);
        Ok(())
    }

    fn case_of(&self, value: &dyn Fn(&str) -> Option<String>) -> Case {
        let owner = value("classname").filter(|name| !name.trim().is_empty());
        let owner =
            owner.or_else(|| value("file")).or_else(|| self.suites.last().cloned()).unwrap_or_default();
        let name = value("name").unwrap_or_default();
        let seconds = value("time").and_then(|time| time.replace(',', "").trim().parse::<f64>().ok());
        let left_out = value("status").is_some_and(|status| {
            matches!(status.to_ascii_lowercase().as_str(), "notrun" | "disabled" | "skipped" | "ignored")
        });
        Case {
            id: named(&[&owner, if name.trim().is_empty() { "(no name)" } else { &name }]),
            status: if left_out { TestStatus::Skipped } else { TestStatus::Passed },
            us: (seconds.unwrap_or(0.0).clamp(0.0, 1e9) * 1e6) as u64,
            error_type: String::new(),
            message: String::new(),
            frames: Vec::new(),
        }
    }

    fn close(&mut self, name: &str, reported: &mut Reported) -> Result<(), String> {
        match self.open.pop() {
            Some(open) if open == name => {}
            Some(open) => return Err(format!("`{open}` is open, and `{name}` is closed")),
            None => return Err(format!("`{name}` is closed and was not opened")),
        }
        match name {
            "testsuite" | "testsuites" | "testrun" => drop(self.suites.pop()),
            "testcase" => reported.cases.extend(self.case.take()),
            "failure" | "error" => {
                if let (Some(said), Some(case)) = (self.said.take(), &mut self.case)
                    && case.message.len() < MESSAGE_BYTES
                {
                    let gap = if case.message.is_empty() { "" } else { "\n" };
                    case.message = format!("{}{gap}{}", case.message, said.trim());
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) {
        let Some(said) = &mut self.said else { return };
        let text = text.trim_matches('\n');
        if said.len() + text.len() > 4 * MESSAGE_BYTES {
            return;
        }
        // The text often begins with the message.
        if !said.is_empty() && text.trim_start().starts_with(said.trim()) {
            said.clear();
        } else if !said.is_empty() && !text.trim().is_empty() {
            said.push('\n');
        }
        said.push_str(text);
    }
}

impl<'a> Scanner<'a> {
    /// The next piece; None at the end. An error is what is missing.
    fn next(&mut self) -> Result<Option<Piece<'a>>, &'static str> {
        loop {
            let rest = &self.text[self.at..];
            if rest.is_empty() {
                return Ok(None);
            }
            if !rest.starts_with('<') {
                let end = rest.find('<').unwrap_or(rest.len());
                self.at += end;
                return Ok(Some(Piece::Text(unescaped(&rest[..end]))));
            }
            if let Some(data) = rest.strip_prefix("<![CDATA[") {
                let end = data.find("]]>").ok_or("a `<![CDATA[` has no end")?;
                self.at += "<![CDATA[".len() + end + "]]>".len();
                return Ok(Some(Piece::Text(data[..end].to_owned())));
            }
            let passed = [("<!--", "-->", "a comment has no end"), ("<?", "?>", "a `<?` has no end")];
            if let Some((_, end, missing)) = passed.iter().find(|(begin, ..)| rest.starts_with(begin)) {
                self.at += rest.find(end).ok_or(*missing)? + end.len();
                continue;
            }
            if rest.starts_with("<!") {
                let end = rest.find('>').ok_or("a `<!` has no end")?;
                if rest[..end].contains('[') {
                    return Err("it declares a document type of its own");
                }
                self.at += end + 1;
                continue;
            }
            return self.tag(rest).map(Some);
        }
    }

    fn tag(&mut self, rest: &'a str) -> Result<Piece<'a>, &'static str> {
        let end = end_of_tag(rest).ok_or("a tag has no `>`")?;
        self.at += end + 1;
        let inside = &rest[1..end];
        if let Some(name) = inside.strip_prefix('/') {
            return Ok(Piece::Close { name: local(name.trim()) });
        }
        let (inside, empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let stop = inside.find(char::is_whitespace).unwrap_or(inside.len());
        if stop == 0 {
            return Err("a tag has no name");
        }
        Ok(Piece::Open { name: local(&inside[..stop]), attributes: &inside[stop..], empty })
    }
}

/// Where a tag ends: a `>` outside quotes.
fn end_of_tag(rest: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// A name without its namespace.
fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// The value of an attribute.
fn attribute(attributes: &str, wanted: &str) -> Option<String> {
    let mut rest = attributes.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, behind) = after[1..].split_once(quote)?;
        if name.trim() == wanted {
            return Some(unescaped(value));
        }
        rest = behind.trim_start();
    }
    None
}

/// Text with its entities replaced; unknown ones stay as they are.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let known =
            rest.find(';').filter(|end| *end <= 12).and_then(|end| Some((end, entity(&rest[1..end])?)));
        match known {
            Some((end, c)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)
        }
    }
}
