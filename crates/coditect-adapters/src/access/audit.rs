//! The book of what was asked of a door: lines that are only added, each with a hash of itself and of the one before it, so that a
//! line that is changed, taken out or put in shows.
//!
//! Whoever may write the file may also write all of it anew, or cut lines off its end: a hash that was noted elsewhere shows that.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use coditect_ports::PortError;
use coditect_types::ErrorKind;
use coditect_types::access::Asked;
use serde::{Deserialize, Serialize};

use super::locked;

const FILE: &str = "audit.jsonl";
/// What stands between what a line says and its hash.
const SEAL: &str = ",\"hash\":\"";
/// The hash before the first line.
const NONE: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// Bytes of a line at most, by the bounds of what is in it.
const LINE: usize = 12 << 10;
/// Bytes of a text in a line.
const TEXT: usize = 300;

/// A line of the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its number, from 1.
    pub seq: u64,
    /// When, ms since 1970.
    pub at_ms: u64,
    /// The hash of the line before it.
    pub prev: String,
    /// What was asked.
    #[serde(flatten)]
    pub asked: Asked,
}

/// A book whose lines follow from one another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Lines.
    pub lines: u64,
    /// The hash of the last one.
    pub head: String,
    /// Whether the hash that was asked for is one of a line, where one was.
    pub has_head: Option<bool>,
}

/// The book of a state directory.
#[derive(Clone, Debug)]
pub struct AuditLog {
    dir: PathBuf,
}

impl AuditLog {
    /// The one below `dir`, which need not exist.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Adds a line, and is done once the disk has it.
    pub fn add(&self, asked: &Asked, at_ms: u64) -> Result<(), PortError> {
        let _lock = locked(&self.dir)?;
        let path = self.dir.join(FILE);
        let at = |error: std::io::Error| PortError::from_io(&format!("`{}`", path.display()), &error);
        let is_new = !path.exists();
        let mut file =
            OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path).map_err(at)?;
        let (seq, prev, is_torn) = self.last(&mut file)?;
        let mut asked = bounded(asked);
        // A process was killed while it wrote: nobody was answered by then.
        asked.unwritten += u64::from(is_torn);
        let line = sealed(&Line { seq: seq + 1, at_ms, prev, asked })?;
        file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).map_err(at)?;
        if is_new {
            File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(at)?;
        }
        Ok(())
    }

    /// Number and hash of the last line; a line that has no end is cut off.
    fn last(&self, file: &mut File) -> Result<(u64, String, bool), PortError> {
        let path = self.dir.join(FILE);
        let at = |error: std::io::Error| PortError::from_io(&format!("`{}`", path.display()), &error);
        let length = file.metadata().map_err(at)?.len();
        let from = length.saturating_sub(2 * LINE as u64);
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(from)).and_then(|_| file.read_to_end(&mut tail)).map_err(at)?;
        let end = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if end == 0 && from > 0 {
            let cause = format!("the end of `{}` is none of ours", path.display());
            return Err(PortError::new(ErrorKind::Invalid, cause)
                .with_hint("nothing is done that cannot be written down; look at it with `coditect audit`"));
        }
        let is_torn = end < tail.len();
        if is_torn {
            file.set_len(from + end as u64).map_err(at)?;
        }
        let Some(whole) = tail[..end].strip_suffix(b"\n") else { return Ok((0, NONE.to_owned(), is_torn)) };
        let begin = whole.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let text = String::from_utf8_lossy(&whole[begin..]);
        let (line, hash) = unsealed(&text).ok_or_else(|| {
            PortError::new(
                ErrorKind::Invalid,
                format!("the last line of `{}` is none of ours", path.display()),
            )
            .with_hint("nothing is done that cannot be written down; look at it with `coditect audit`")
        })?;
        Ok((line.seq, hash, is_torn))
    }

    /// Goes through the book. `each` is given every line in order; `head`: a hash that was noted elsewhere.
    ///
    /// # Errors
    /// `NotFound`: there is none. `Conflict`: a line does not follow from the one before it.
    pub fn check(&self, head: Option<&str>, each: &mut dyn FnMut(Line)) -> Result<Checked, PortError> {
        let path = self.dir.join(FILE);
        let at = |error: std::io::Error| PortError::from_io(&format!("`{}`", path.display()), &error);
        let mut lines = BufReader::new(File::open(&path).map_err(at)?);
        let mut checked = Checked { lines: 0, head: NONE.to_owned(), has_head: head.map(|_| false) };
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read = lines.by_ref().take(2 * LINE as u64).read_until(b'\n', &mut bytes);
            let broken = |why: &str| {
                let cause = format!("line {} of `{}` {why}", checked.lines + 1, path.display());
                PortError::new(ErrorKind::Conflict, cause)
                    .with_hint("somebody has changed the book; the lines before it are as they were written")
            };
            match read {
                Ok(0) => return Ok(checked),
                // The process that wrote it is at it, or was killed: nobody was answered yet.
                Ok(_) if !bytes.ends_with(b"\n") && bytes.len() < LINE => return Ok(checked),
                Ok(_) => {}
                Err(error) => return Err(at(error)),
            }
            let text = std::str::from_utf8(&bytes).map_err(|_| broken("is no text"))?;
            let (line, hash) =
                unsealed(text.trim_end_matches('\n')).ok_or_else(|| broken("is not as it was written"))?;
            if line.seq != checked.lines + 1 || line.prev != checked.head {
                return Err(broken("does not follow from the one before it"));
            }
            checked.lines = line.seq;
            if head == Some(hash.as_str()) {
                checked.has_head = Some(true);
            }
            checked.head = hash;
            each(line);
        }
    }
}

/// A line as it stands in the file.
fn sealed(line: &Line) -> Result<String, PortError> {
    let text = serde_json::to_string(line)
        .map_err(|error| PortError::new(ErrorKind::Bug, format!("a line cannot be written: {error}")))?;
    let body = text.strip_suffix('}').unwrap_or(&text);
    Ok(format!("{body}{SEAL}{}\"}}\n", blake3::hash(text.as_bytes()).to_hex()))
}

/// A line and its hash; None: the hash is not that of the line.
fn unsealed(text: &str) -> Option<(Line, String)> {
    let (body, rest) = text.rsplit_once(SEAL)?;
    let hash = rest.strip_suffix("\"}")?;
    let whole = format!("{body}}}");
    if blake3::hash(whole.as_bytes()).to_hex().as_str() != hash {
        return None;
    }
    Some((serde_json::from_str(&whole).ok()?, hash.to_owned()))
}

/// Strangers write into it, as much as they like.
fn bounded(asked: &Asked) -> Asked {
    let cut = |text: &String| text.chars().take(TEXT).collect::<String>();
    Asked {
        token: asked.token.as_ref().map(cut),
        from: cut(&asked.from),
        call: cut(&asked.call),
        about: asked.about.as_ref().map(cut),
        why: cut(&asked.why),
        ..asked.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn asked(call: &str) -> Asked {
        Asked {
            user: None,
            token: None,
            from: "local".to_owned(),
            call: call.to_owned(),
            about: None,
            allowed: false,
            why: "no".to_owned(),
            unwritten: 0,
        }
    }

    fn book(lines: usize) -> (tempfile::TempDir, AuditLog) {
        let dir = tempfile::tempdir().unwrap();
        let log = AuditLog::new(dir.path());
        (0..lines).for_each(|n| log.add(&asked(&format!("GET /{n}")), n as u64).unwrap());
        (dir, log)
    }

    fn check(log: &AuditLog) -> Result<Checked, PortError> {
        log.check(None, &mut |_| {})
    }

    #[test]
    fn a_line_that_was_changed_taken_out_or_put_in_is_found() {
        let (dir, log) = book(5);
        let path = dir.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(check(&log).unwrap().lines, 5);
        let lines: Vec<&str> = text.lines().collect();
        let with = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let out = [&lines[..2], &lines[3..]].concat();
        let twice = [&lines[..3], &lines[2..]].concat();
        let turned = [lines[1], lines[0], lines[2]];
        let changed = text.replacen("GET /2", "GET /3", 1);
        for bad in [with(&out), with(&twice), with(&turned), changed, text.replacen("\"no\"", "\"nO\"", 1)] {
            fs::write(&path, &bad).unwrap();
            assert_eq!(check(&log).unwrap_err().kind, ErrorKind::Conflict, "{bad}");
        }
        // Every single byte counts.
        for at in (0..text.len()).step_by(7) {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            fs::write(&path, &bytes).unwrap();
            let found = check(&log).map(|checked| checked.lines);
            assert!(found.as_ref().is_err() || found.as_ref().is_ok_and(|lines| *lines < 5), "byte {at}");
        }
    }

    #[test]
    fn lines_that_were_cut_off_are_found_by_a_hash_that_was_noted() {
        let (dir, log) = book(4);
        let head = check(&log).unwrap().head;
        assert_eq!(log.check(Some(&head), &mut |_| {}).unwrap().has_head, Some(true));
        let path = dir.path().join(FILE);
        let text = fs::read_to_string(&path).unwrap();
        let shorter: String = text.lines().take(3).map(|line| format!("{line}\n")).collect();
        fs::write(&path, shorter).unwrap();
        assert_eq!(log.check(Some(&head), &mut |_| {}).unwrap().has_head, Some(false));
    }

    #[test]
    fn a_line_that_was_begun_is_cut_off_and_counted() {
        let (dir, log) = book(2);
        let path = dir.path().join(FILE);
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("{\"seq\":3,\"at");
        fs::write(&path, text).unwrap();
        assert_eq!(check(&log).unwrap().lines, 2);
        log.add(&asked("GET /3"), 9).unwrap();
        let mut last = None;
        log.check(None, &mut |line| last = Some(line)).unwrap();
        let last = last.unwrap();
        assert_eq!((last.seq, last.asked.unwritten), (3, 1));
    }

    #[test]
    fn what_strangers_write_has_a_bound_and_breaks_no_line() {
        let (_dir, log) = book(0);
        let hostile = format!("GET /{}\n{}\",\"hash\":\"0\"}}", "é".repeat(5_000), SEAL);
        log.add(&asked(&hostile), 1).unwrap();
        log.add(&Asked { call: format!("{SEAL}\n\u{0}"), ..asked("") }, 2).unwrap();
        let mut calls = Vec::new();
        assert_eq!(log.check(None, &mut |line| calls.push(line.asked.call)).unwrap().lines, 2);
        assert!(calls[0].chars().count() == TEXT && calls[1].starts_with(SEAL));
    }

    #[test]
    fn those_who_write_at_once_make_one_chain() {
        let (dir, log) = book(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let log = AuditLog::new(dir.path());
                scope.spawn(move || (0..10).for_each(|n| log.add(&asked("GET /"), n).unwrap()));
            }
        });
        assert_eq!(check(&log).unwrap().lines, 40);
    }
}
