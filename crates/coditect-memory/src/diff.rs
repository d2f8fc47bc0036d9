//! Reading unified diffs: the one place that knows how they are written.
//!
//! A diff comes from a person, from git or from an episode, and is data: numbers in it may be anything, and what is no diff gives
//! nothing.

use std::borrow::Cow;

/// A part of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part<'d> {
    /// The file before; None: there was none.
    Before(Option<Cow<'d, str>>),
    /// The file after; None: it is no more.
    After(Option<Cow<'d, str>>),
    /// The name that the file had, where git says that it has another one now.
    From(Cow<'d, str>),
    /// The name that it has now, or that a copy has.
    To(Cow<'d, str>),
    /// Git says that the file is no more; of one that was empty, or is no text, nothing else does.
    Deleted(Cow<'d, str>),
    /// A hunk begins, at this line of the file after.
    Hunk(u32),
    /// A line that both files have.
    Same(&'d str),
    /// A line that is gone.
    Gone(&'d str),
    /// A line that is new.
    New(&'d str),
    /// A hunk is not as its head says, or has no head that can be read.
    Broken,
}

/// The parts of a diff, in their order.
#[derive(Clone, Debug)]
pub(crate) struct Parts<'d> {
    lines: std::str::Lines<'d>,
    /// Lines that the hunk still has, before and after.
    left: (u32, u32),
    /// What git said of the file that comes, where only lines of git have come since.
    git: Option<&'d str>,
}

/// Reads a diff.
pub(crate) fn parts(diff: &str) -> Parts<'_> {
    Parts { lines: diff.lines(), left: (0, 0), git: None }
}

impl<'d> Iterator for Parts<'d> {
    type Item = Part<'d>;

    fn next(&mut self) -> Option<Part<'d>> {
        loop {
            let Some(line) = self.lines.next() else {
                let is_cut = std::mem::take(&mut self.left) != (0, 0);
                return is_cut.then_some(Part::Broken);
            };
            let part = if self.left == (0, 0) { self.head(line) } else { self.within(line) };
            if part.is_some() {
                return part;
            }
        }
    }
}

impl<'d> Parts<'d> {
    /// A line between hunks. None: it says nothing of what changes.
    fn head(&mut self, line: &'d str) -> Option<Part<'d>> {
        if let Some(names) = line.strip_prefix("diff --git ") {
            self.git = Some(names);
            return None;
        }
        if let Some(names) = self.git {
            let said = said_by_git(names, line);
            if said.is_some() {
                return said;
            }
        }
        if let Some(path) = line.strip_prefix("--- ") {
            return Some(Part::Before(path_of(path)));
        }
        if let Some(path) = line.strip_prefix("+++ ") {
            return Some(Part::After(path_of(path)));
        }
        let ranges = line.strip_prefix("@@ -")?;
        self.git = None;
        let numbers = ranges.split_once(" +").and_then(|(old, new)| {
            let (_, old) = range(old)?;
            let (line, new) = range(new.split(' ').next()?)?;
            Some((line, old, new))
        });
        let Some((line, old, new)) = numbers else { return Some(Part::Broken) };
        self.left = (old, new);
        Some(Part::Hunk(line))
    }

    /// A line of a hunk. None: it says how a file ends.
    fn within(&mut self, line: &'d str) -> Option<Part<'d>> {
        let text = line.get(1..).unwrap_or_default();
        let (part, old, new) = match line.as_bytes().first() {
            // Mail programs cut the blank at the end of an empty line off.
            Some(b' ') | None => (Part::Same(text), 1, 1),
            Some(b'-') => (Part::Gone(text), 1, 0),
            Some(b'+') => (Part::New(text), 0, 1),
            Some(b'\\') => return None,
            Some(_) => {
                self.left = (0, 0);
                return Some(Part::Broken);
            }
        };
        match (self.left.0.checked_sub(old), self.left.1.checked_sub(new)) {
            (Some(before), Some(after)) => {
                self.left = (before, after);
                Some(part)
            }
            _ => {
                self.left = (0, 0);
                Some(Part::Broken)
            }
        }
    }
}

/// What a line between git's head of a file and its hunks says of the file's name.
fn said_by_git<'d>(names: &'d str, line: &'d str) -> Option<Part<'d>> {
    if let Some(name) = line.strip_prefix("rename from ") {
        return Some(Part::From(name_of(name)));
    }
    if let Some(name) = line.strip_prefix("rename to ").or_else(|| line.strip_prefix("copy to ")) {
        return Some(Part::To(name_of(name)));
    }
    line.strip_prefix("deleted file mode ").and_then(|_| twice(names)).map(Part::Deleted)
}

/// A name that stands there with nothing before it.
fn name_of(text: &str) -> Cow<'_, str> {
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    quoted.map_or(Cow::Borrowed(text), |text| Cow::Owned(unquoted(text)))
}

/// The path of `a/PATH b/PATH`. None: they are two, or it cannot be told where the first one ends.
fn twice(names: &str) -> Option<Cow<'_, str>> {
    let at = names.len() / 2;
    let (one, other) = (names.get(..at)?, names.get(at..)?.strip_prefix(' ')?);
    path_of(one).filter(|path| path_of(other).as_ref() == Some(path))
}

/// `3,13` has 13 lines from line 3 on; where no count is said, it is 1.
fn range(text: &str) -> Option<(u32, u32)> {
    let (from, count) = text.split_once(',').unwrap_or((text, "1"));
    Some((from.parse().ok()?, count.parse().ok()?))
}

/// The path that the head of a file names.
fn path_of(text: &str) -> Option<Cow<'_, str>> {
    let own = |path: &str| path.strip_prefix("a/").or_else(|| path.strip_prefix("b/")).map(str::len);
    if let Some(path) = text.strip_prefix('"').and_then(|rest| rest.rsplit_once('"')).map(|(path, _)| path) {
        let path = unquoted(path);
        let skip = path.len() - own(&path).unwrap_or(path.len());
        return Some(Cow::Owned(path.get(skip..).unwrap_or_default().to_owned()));
    }
    let path = text.split('\t').next().unwrap_or(text).trim();
    let skip = path.len() - own(path).unwrap_or(path.len());
    (path != "/dev/null").then(|| Cow::Borrowed(path.get(skip..).unwrap_or_default()))
}

/// A name as git writes one that is not plain: `\"`, `\\`, `\t`, bytes in octal.
fn unquoted(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        match rest {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] => {
                bytes.push((a - b'0') * 64 + (b - b'0') * 8 + (c - b'0'));
                rest = after;
            }
            [letter, after @ ..] => {
                bytes.push(match letter {
                    b't' => b'\t',
                    b'n' => b'\n',
                    b'r' => b'\r',
                    other => *other,
                });
                rest = after;
            }
            [] => {}
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(diff: &str) -> Vec<String> {
        parts(diff).map(|part| format!("{part:?}")).collect()
    }

    #[test]
    fn a_diff_is_told_part_by_part() {
        let diff = "diff --git a/m.py b/m.py\n--- a/m.py\t2026\n+++ b/m.py\n@@ -1,2 +3 @@ def f\n x\n-y\n\\ No newline at end of file\n\
                    --- /dev/null\n+++ \"b/\\303\\244 \\\"q\\\".py\"\n@@ -0,0 +1 @@\n+--- a/x\n";
        assert_eq!(
            told(diff),
            [
                "Before(Some(\"m.py\"))",
                "After(Some(\"m.py\"))",
                "Hunk(3)",
                "Same(\"x\")",
                "Gone(\"y\")",
                "Before(None)",
                "After(Some(\"ä \\\"q\\\".py\"))",
                "Hunk(1)",
                "New(\"--- a/x\")",
            ]
        );
    }

    #[test]
    fn what_git_says_of_names_is_told() {
        let diff = "rename from no/such\ndiff --git a/a/m.py b/n.py\nsimilarity index 100%\nrename from a/m.py\nrename to n.py\n\
                    diff --git a/x y.py b/x y.py\ndeleted file mode 100644\nindex e69de29..0000000\n\
                    diff --git \"a/\\303\\244.py\" \"b/\\303\\244.py\"\ndeleted file mode 100644\n\
                    diff --git a/c.py b/d.py\ncopy from c.py\ncopy to d.py\n@@ -1 +1 @@\n-rename to x\n+y\n";
        assert_eq!(
            told(diff),
            [
                "From(\"a/m.py\")",
                "To(\"n.py\")",
                "Deleted(\"x y.py\")",
                "Deleted(\"ä.py\")",
                "To(\"d.py\")",
                "Hunk(1)",
                "Gone(\"rename to x\")",
                "New(\"y\")",
            ]
        );
    }

    #[test]
    fn what_is_no_diff_is_told_and_ends() {
        assert_eq!(told("no diff\n@@ broken\n+x\n"), Vec::<String>::new());
        assert_eq!(told("@@ -1,2 +1,2 @@\n x\n"), ["Hunk(1)", "Same(\"x\")", "Broken"]);
        assert_eq!(told("@@ -1 +1 @@\nodd\n+x\n"), ["Hunk(1)", "Broken"]);
        assert_eq!(told("@@ -1 +1,0 @@\n+x\n"), ["Hunk(1)", "Broken"]);
        assert_eq!(told("@@ -99999999999 +1 @@\n x\n"), ["Broken"]);
    }
}
