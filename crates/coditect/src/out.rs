//! What people and programs read: standard output, colours, and text from outside made harmless.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::args::{Color, Global};
use crate::report::Report;

/// Colours, by what they say.
pub(crate) mod paint {
    use super::{AnsiColor, Style};

    /// Good ends, added lines.
    pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
    /// Bad ends, removed lines.
    pub(crate) const BAD: Style = AnsiColor::Red.on_default();
    /// What to look at twice.
    pub(crate) const WARN: Style = AnsiColor::Yellow.on_default();
    /// Names of things, and hunks of a diff.
    pub(crate) const NAME: Style = AnsiColor::Cyan.on_default();
    /// Labels.
    pub(crate) const LABEL: Style = Style::new().bold();
    /// What matters less.
    pub(crate) const DIM: Style = Style::new().dimmed();
}

/// `text` in a style.
pub(crate) fn painted(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// Where text goes.
#[derive(Debug)]
enum Stream {
    Stdout(AutoStream<io::Stdout>),
    /// For commands whose standard output is for a program. Nobody needs to read it, so it cannot fail.
    Stderr(AutoStream<io::Stderr>),
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(stream) => stream.write(bytes),
            Self::Stderr(stream) => Ok(stream.write(bytes).unwrap_or(bytes.len())),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(stream) => stream.flush(),
            Self::Stderr(stream) => {
                stream.flush().ok();
                Ok(())
            }
        }
    }
}

/// Standard output. Styles are taken out where they are not wanted.
#[derive(Debug)]
pub(crate) struct Out {
    stream: Stream,
    /// Print JSON in place of text.
    pub(crate) json: bool,
}

impl Out {
    /// Standard output as the flags want it.
    pub(crate) fn new(global: &Global) -> Self {
        let stdout = io::stdout();
        let choice = choice(global.color, &stdout);
        Self { stream: Stream::Stdout(AutoStream::new(stdout, choice)), json: global.json }
    }

    /// Standard error in its place, for text that goes beside what a program reads.
    pub(crate) fn on_stderr(global: &Global) -> Self {
        let stderr = io::stderr();
        let choice = choice(global.color, &stderr);
        Self { stream: Stream::Stderr(AutoStream::new(stderr, choice)), json: false }
    }

    /// True where a person watches standard output.
    pub(crate) fn is_terminal(&self) -> bool {
        match &self.stream {
            Stream::Stdout(stream) => stream.is_terminal(),
            Stream::Stderr(_) => false,
        }
    }

    /// True where styles reach the reader.
    pub(crate) fn is_coloured(&self) -> bool {
        let choice = match &self.stream {
            Stream::Stdout(stream) => stream.current_choice(),
            Stream::Stderr(stream) => stream.current_choice(),
        };
        choice != ColorChoice::Never
    }

    /// Prints a line.
    pub(crate) fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.stream, "{text}")
    }

    /// Prints text as it is.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())?;
        self.stream.flush()
    }

    /// Prints bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        // What takes out styles reads text, and would break what is none.
        match &mut self.stream {
            Stream::Stdout(stream) => {
                let mut stdout = stream.as_inner().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            Stream::Stderr(_) => self.stream.write_all(bytes),
        }
    }

    /// Prints a value as one line of JSON and flushes it, so that a reader at the other end of a pipe sees it.
    pub(crate) fn object<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        let mut line = serde_json::to_string(value).map_err(io::Error::other)?;
        line.push('\n');
        self.text(&line)
    }
}

fn choice(color: Color, stream: &(impl anstream::stream::RawStream + IsTerminal)) -> ColorChoice {
    match color {
        Color::Auto => AutoStream::choice(stream),
        Color::Always => ColorChoice::AlwaysAnsi,
        Color::Never => ColorChoice::Never,
    }
}

/// Prints a line on standard error. A standard error that is closed is no reason to stop.
pub(crate) fn note(color: Color, text: &str) {
    let stderr = io::stderr();
    let choice = choice(color, &stderr);
    drop(writeln!(AutoStream::new(stderr, choice), "{text}"));
}

/// Prints the report of an error: text for the person on standard error and, with `--json`, an object for the
/// program on standard output.
pub(crate) fn error(global: &Global, report: &Report) {
    #[derive(Serialize)]
    struct Object<'a> {
        r#type: &'static str,
        error: &'a Report,
    }
    let doing = if report.doing.is_empty() { String::new() } else { format!("{}: ", report.doing) };
    let label = painted(paint::BAD.bold(), "error:");
    note(global.color, &format!("{label} {}{}", harmless(&doing), harmless(&report.cause)));
    if let Some(hint) = &report.hint {
        note(global.color, &format!("{} {}", painted(paint::WARN, "hint:"), harmless(hint)));
    }
    if global.json {
        // The exit code tells it too, so a closed standard output loses nothing.
        drop(Out::new(global).object(&Object { r#type: "error", error: report }));
    }
}

/// Text from outside with everything taken out that could steer a terminal: control characters and marks that
/// turn the direction of writing. Line ends and tabs stay.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect())
}

fn steers(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The first line of a harmless text, at most `width` characters, with `…` where something was cut.
pub(crate) fn brief(text: &str, width: usize) -> String {
    let clean = harmless(text);
    let line = clean.trim().lines().next().unwrap_or("");
    let cut = line.chars().count() > width || clean.trim().lines().count() > 1;
    let mut out: String = line.chars().take(width.saturating_sub(usize::from(cut))).collect();
    if cut {
        out.push('…');
    }
    out
}

/// A unified diff in colours.
pub(crate) fn diff(text: &str, indent: &str) -> String {
    let mut out = String::new();
    for line in harmless(text).lines() {
        let style = if line.starts_with("+++") || line.starts_with("---") {
            paint::LABEL
        } else if line.starts_with("@@") {
            paint::NAME
        } else if line.starts_with('+') {
            paint::GOOD
        } else if line.starts_with('-') {
            paint::BAD
        } else {
            Style::new()
        };
        out.push_str(indent);
        out.push_str(&painted(style, line));
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_steer_the_terminal() {
        assert_eq!(harmless("plain\ttext\n"), "plain\ttext\n");
        assert_eq!(harmless("a\u{1b}[2Jb\u{7}\u{202e}c"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}c");
    }

    #[test]
    fn a_brief_text_is_one_line() {
        assert_eq!(brief("  fix it ", 20), "fix it");
        assert_eq!(brief("fix it\nplease", 20), "fix it…");
        assert_eq!(brief("0123456789", 5), "0123…");
        assert_eq!(brief("", 5), "");
    }
}
