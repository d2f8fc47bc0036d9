//! What a Go program says when it breaks: `panic: ...` or `fatal error: ...`, then a trace of each goroutine, the one
//! that broke first.

use coditect_types::testing::Frame;

use super::frame;
use crate::suite::native::Autopsy;

/// Lines of the message, and of one goroutine's trace, that are looked at.
const MOST_LINES: usize = 40;
const MOST_TRACE: usize = 400;

/// Reads standard error. `below` makes a path one below the project's root.
pub(super) fn read(text: &str, below: &dyn Fn(&str) -> Option<String>) -> Option<Autopsy> {
    let signs = [("panic: ", "panic"), ("fatal error: ", "fatal error")];
    let starts = |line: &str| signs.iter().find(|(sign, _)| line.starts_with(sign)).map(|(_, kind)| *kind);
    let mut lines = text.lines().skip_while(|line| starts(line).is_none()).peekable();
    let kind = starts(lines.peek()?)?;
    let message: Vec<&str> = lines
        .by_ref()
        .take_while(|line| !line.starts_with("goroutine ") && !line.starts_with("[signal "))
        .take(MOST_LINES)
        // A panic on the way of a panic is said twice: by whoever recovered it, and again.
        .filter(|line| !line.starts_with("\tpanic: "))
        .collect();
    let message = message.join("\n").replace(" [recovered]", "");
    Some(Autopsy {
        error_type: kind.to_owned(),
        message: message.trim().to_owned(),
        frames: frames(lines, below),
    })
}

/// The places of the first goroutine that has any in the project, innermost last.
fn frames<'a>(lines: impl Iterator<Item = &'a str>, below: &dyn Fn(&str) -> Option<String>) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut function = "";
    for line in lines.take(MOST_TRACE) {
        if line.is_empty() && !frames.is_empty() {
            break;
        }
        let Some(place) = line.strip_prefix('\t') else {
            function = line;
            continue;
        };
        let place = place.split(" +0x").next().unwrap_or(place);
        let Some((path, number)) = place.rsplit_once(':') else { continue };
        let is_ours = path.starts_with('/') && path.ends_with(".go");
        if let (true, Some(file), Ok(number)) = (is_ours, below(path), number.trim().parse()) {
            frames.push(frame(file, number, name_of(function)));
        }
    }
    frames.reverse();
    frames
}

/// `Parse` of `example.com/a/b.(*T).Parse({0x1, 0x2})`.
fn name_of(function: &str) -> &str {
    let name = function.strip_prefix("created by ").unwrap_or(function);
    let name = name.rsplit('/').next().unwrap_or(name);
    let name = match name.rfind('(') {
        Some(at) if name.ends_with(')') || name.ends_with("...") => &name[..at],
        _ => name,
    };
    name.split_once('.')
        .map_or(name, |(_, name)| name)
        .trim_start_matches("(*")
        .rsplit(").")
        .next()
        .unwrap_or(name)
}
