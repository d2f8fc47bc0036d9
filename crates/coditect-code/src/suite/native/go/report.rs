//! What a Go test program prints, line by line: `=== RUN`, `--- PASS` and what tests say in between.
//!
//! Programs of Go 1.20 and later mark their own lines with a byte that tests hardly print; before that a line counts as
//! theirs where it speaks of a test that is under way. Tests run one at a time, but the end of a parallel test may be
//! told after the next one has gone on, so that it may take a change of the test under way to tell it.
//!
//! A test within a test is told as a test of its own, after the one around it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::Unit;
use crate::suite::native::Ear;
use crate::suite::protocol::{End, Line};

/// Stands before lines of the testing package, since Go 1.20 and where it is asked for.
const MARK: char = '\u{16}';
/// Bytes kept of what one test says.
const SAID_BYTES: usize = 4 << 10;
/// Tests within one test that are told one by one; where there are more, none is.
const MOST_NESTED: usize = 2_000;
/// Places kept of one test.
const MOST_PLACES: usize = 20;

/// The end of a test, as a line tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    name: String,
    status: &'static str,
    us: u64,
}

/// A test at the top that has begun.
#[derive(Debug)]
struct Open {
    began: Instant,
    nested: Vec<Told>,
}

/// Listens to one process.
pub(super) struct Report {
    /// The unit's name, the ids of its tests, and the directory of its package.
    unit: Unit,
    /// Only tests with these ids are told.
    only: Option<BTreeSet<String>>,
    marked: bool,
    open: BTreeMap<String, Open>,
    /// The id that was said to be under way.
    under_way: Option<String>,
    /// Whose lines those are that come.
    current: String,
    said: BTreeMap<String, String>,
    /// A test whose end was told, as long as lines may come that belong to it.
    pending: Option<Told>,
}

impl Report {
    pub(super) fn new(unit: &Unit, select: Option<&[String]>) -> Self {
        let only = select.map(|ids| ids.iter().cloned().collect());
        let marked = unit.step.argv.iter().any(|word| word == "-test.v=test2json");
        Self {
            unit: unit.clone(),
            only,
            marked,
            open: BTreeMap::new(),
            under_way: None,
            current: String::new(),
            said: BTreeMap::new(),
            pending: None,
        }
    }

    /// The program's own part of a line, and what a test printed before it.
    fn split<'a>(&self, line: &'a str) -> (&'a str, Option<&'a str>) {
        if self.marked {
            return line.split_once(MARK).map_or((line, None), |(before, own)| (before, Some(own)));
        }
        let trimmed = line.trim_start_matches(' ');
        if trimmed.starts_with("=== ") || trimmed.starts_with("--- ") || line == "PASS" || line == "FAIL" {
            return ("", Some(line));
        }
        // A test that printed no line break before its end.
        let end = self.open.keys().find_map(|name| {
            ["PASS", "FAIL", "SKIP"].iter().find_map(|word| line.find(&format!("--- {word}: {name} (")))
        });
        end.map_or((line, None), |at| (&line[..at], Some(&line[at..])))
    }

    fn is_told(&self, id: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(id))
    }

    /// Makes `id` the test under way.
    fn switch(&mut self, id: Option<String>, take: &mut dyn FnMut(Line)) {
        if self.under_way == id {
            return;
        }
        if let Some(before) = self.under_way.take() {
            take(Line::Paused { id: before });
        }
        if let Some(id) = id {
            take(Line::Start { id: id.clone() });
            self.under_way = Some(id);
        }
    }

    fn began(&mut self, name: &str, take: &mut dyn FnMut(Line)) {
        name.clone_into(&mut self.current);
        let id = self.unit.id(name);
        if name.contains('/') {
            // Where only tests within a test are asked for, the first of them stands for the time until it ends.
            let top = self.unit.id(top_of(name));
            if !self.is_told(&top) && self.only.as_ref().is_some_and(|only| only.contains(&id)) {
                self.switch(Some(id), take);
            }
            return;
        }
        self.open.insert(name.to_owned(), Open { began: Instant::now(), nested: Vec::new() });
        if self.counts(&id) {
            take(Line::Collected { tests: vec![id.clone()], lines: BTreeMap::new() });
            self.switch(Some(id), take);
        }
    }

    /// Whether a test at the top is told: not where only tests within it are asked for.
    fn counts(&self, id: &str) -> bool {
        let below = format!("{id}/");
        let nested_asked =
            || self.only.as_ref().is_some_and(|only| only.iter().any(|id| id.starts_with(&below)));
        self.is_told(id) || !nested_asked()
    }

    fn paused(&mut self, name: &str, take: &mut dyn FnMut(Line)) {
        if self.under_way.as_deref() == Some(self.unit.id(name).as_str()) {
            self.switch(None, take);
        }
    }

    fn goes_on(&mut self, name: &str, take: &mut dyn FnMut(Line)) {
        name.clone_into(&mut self.current);
        if let Some(open) = self.open.get_mut(name) {
            open.began = Instant::now();
            let id = self.unit.id(name);
            if self.counts(&id) {
                self.switch(Some(id), take);
            }
        }
    }

    fn ended(&mut self, mut told: Told, take: &mut dyn FnMut(Line)) {
        if told.name.contains('/') {
            let top = top_of(&told.name).to_owned();
            if let Some(open) = self.open.get_mut(&top) {
                open.nested.push(told);
            }
            return;
        }
        self.flush(take);
        let Some(open) = self.open.get(&told.name) else { return };
        if told.us == 0 {
            // Go tells hundredths of a second.
            let took = open.began.elapsed().as_micros().min(10_000);
            told.us = u64::try_from(took).unwrap_or(0);
        }
        self.current.clone_from(&told.name);
        self.pending = Some(told);
    }

    /// Tells the end that was held back, and those of the tests within.
    fn flush(&mut self, take: &mut dyn FnMut(Line)) {
        let Some(told) = self.pending.take() else { return };
        let Some(open) = self.open.remove(&told.name) else { return };
        let before = self.under_way.clone();
        let id = self.unit.id(&told.name);
        let mut nested = open.nested;
        if nested.len() > MOST_NESTED {
            nested.clear();
        }
        nested.retain(|nested| !is_unsteady(&nested.name));
        if self.counts(&id) {
            let mut message = self.said.get(&told.name).cloned().unwrap_or_default();
            for red in nested.iter().filter(|nested| nested.status == "failed") {
                let said = self.said.get(&red.name).map_or("", String::as_str);
                if message.len() + said.len() < SAID_BYTES && !said.is_empty() {
                    message.push_str(&format!("{}:\n{said}", red.name));
                }
            }
            self.tell(&id, &told, message, take);
        }
        for nested in nested {
            let id = self.unit.id(&nested.name);
            if self.is_told(&id) || self.is_told(&self.unit.id(&told.name)) {
                take(Line::Collected { tests: vec![id.clone()], lines: BTreeMap::new() });
                let message = self.said.get(&nested.name).cloned().unwrap_or_default();
                self.tell(&id, &nested, message, take);
            }
        }
        let below = format!("{}/", told.name);
        self.said.retain(|name, _| *name != told.name && !name.starts_with(&below));
        // Another one may have gone on meanwhile.
        let still = before.filter(|other| self.open.keys().any(|name| self.unit.id(name) == *other));
        self.switch(still, take);
    }

    fn tell(&mut self, id: &str, told: &Told, message: String, take: &mut dyn FnMut(Line)) {
        self.switch(Some(id.to_owned()), take);
        self.under_way = None;
        let red = told.status == "failed";
        take(Line::End(Box::new(End {
            id: id.to_owned(),
            status: told.status.to_owned(),
            us: told.us,
            frames: if red { self.places(&message) } else { Vec::new() },
            message: (told.status != "passed").then(|| message.trim_end().to_owned()),
            ..End::default()
        })));
    }

    /// The places that a test's own lines name: `    x_test.go:12: ...`.
    fn places(&self, message: &str) -> Vec<(String, u32, String)> {
        let folder = &self.unit.step.directory;
        let place = |line: &str| {
            let line = line.trim_start();
            let (path, rest) = line.split_once(".go:")?;
            let path = format!("{}.go", path.rsplit(char::is_whitespace).next()?);
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let number = rest[..digits].parse().ok()?;
            let path = match super::below(&self.unit.root, &path)? {
                name if name.contains('/') || folder.is_empty() => name,
                name => format!("{folder}/{name}"),
            };
            Some((path, number, String::new()))
        };
        message.lines().filter_map(place).take(MOST_PLACES).collect()
    }

    fn hold(&mut self, text: &str) {
        let said = self.said.entry(self.current.clone()).or_default();
        if said.len() + text.len() < SAID_BYTES {
            said.push_str(text);
            said.push('\n');
        }
    }

    /// A line of the program's own. False: it was none.
    fn own(&mut self, line: &str, take: &mut dyn FnMut(Line)) -> bool {
        if let Some(rest) = line.trim_start_matches(' ').strip_prefix("=== ") {
            let Some((word, name)) = rest.split_once(' ') else { return false };
            let name = name.trim();
            if !matches!(word, "RUN" | "PAUSE" | "CONT" | "NAME") || !self.is_known(name, word) {
                return false;
            }
            self.flush(take);
            match word {
                "RUN" => self.began(name, take),
                "PAUSE" => self.paused(name, take),
                "CONT" => self.goes_on(name, take),
                _ => name.clone_into(&mut self.current),
            }
            return true;
        }
        if let Some(told) = told(line) {
            let known = self.open.contains_key(top_of(&told.name));
            if known {
                self.ended(told, take);
            }
            return known;
        }
        let ends = matches!(line, "PASS" | "FAIL");
        let waiting = self.pending.as_ref().map(|pending| pending.name.as_str());
        if ends && self.open.keys().all(|name| Some(name.as_str()) == waiting) {
            self.flush(take);
            self.switch(None, take);
            take(Line::Done { exit_code: i32::from(line == "FAIL") });
            return true;
        }
        false
    }

    fn is_known(&self, name: &str, word: &str) -> bool {
        match word {
            "RUN" if !name.contains('/') => {
                let name = name.split('#').next().unwrap_or(name);
                self.unit.names.as_ref().is_none_or(|names| names.contains_key(name))
            }
            "NAME" if name.is_empty() => true,
            _ => self.open.contains_key(top_of(name)),
        }
    }
}

impl Ear for Report {
    fn hear(&mut self, line: &str, take: &mut dyn FnMut(Line)) {
        let (before, own) = self.split(line);
        if !before.trim().is_empty() {
            self.hold(before);
        }
        if let Some(own) = own
            && !self.own(own, take)
        {
            self.hold(own);
        }
    }
}

fn top_of(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

/// A name with an address in it is another one each time.
fn is_unsteady(name: &str) -> bool {
    name.contains("0xc0")
}

/// `--- FAIL: TestX/case (0.01s)`.
fn told(line: &str) -> Option<Told> {
    let rest = line.trim_start_matches(' ').strip_prefix("--- ")?;
    let (word, rest) = rest.split_once(": ")?;
    let status = match word {
        "PASS" => "passed",
        "FAIL" => "failed",
        "SKIP" => "skipped",
        _ => return None,
    };
    let (name, seconds) = rest.trim_end().rsplit_once(" (")?;
    let seconds: f64 = seconds.strip_suffix("s)")?.parse().ok()?;
    let took = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    Some(Told { name: name.to_owned(), status, us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX) })
}
