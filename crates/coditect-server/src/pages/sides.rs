//! What is held against something else: two moments of a mission, two missions.

use askama::Template;
use coditect_types::MissionId;

use super::change::{Diff, diff};
use crate::house::{Between, Both, Compared};

/// What both say of one thing, as it is shown.
#[derive(Debug)]
struct Row {
    label: String,
    first: String,
    second: String,
}

fn row(both: &Both) -> Row {
    let text = |n: usize| both.texts[n].clone().unwrap_or_else(|| "nothing".to_owned());
    Row { label: both.label.clone(), first: text(0), second: text(1) }
}

#[derive(Template)]
#[template(path = "between.html")]
struct BetweenPage<'a> {
    mission: &'a MissionId,
    from: u64,
    to: u64,
    rows: Vec<Row>,
    is_here: bool,
    diff: Option<Diff>,
}

/// What is otherwise at one moment than at another.
pub(crate) fn between(
    mission: &MissionId,
    (from, to): (u64, u64),
    found: &Between,
) -> Result<String, askama::Error> {
    let text = found.diff.as_deref().filter(|diff| !diff.is_empty());
    BetweenPage {
        mission,
        from,
        to,
        rows: found.known.iter().map(row).collect(),
        is_here: found.diff.is_some(),
        diff: text.map(|text| diff("The files", String::new(), text)),
    }
    .render()
}

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage<'a> {
    first: &'a MissionId,
    second: &'a MissionId,
    parted: u64,
    rows: Vec<Row>,
    paths: [(&'a MissionId, &'a [String]); 2],
}

/// Two missions side by side.
pub(crate) fn compared(
    first: &MissionId,
    second: &MissionId,
    found: &Compared,
) -> Result<String, askama::Error> {
    let [one, other] = &found.paths;
    ComparePage {
        first,
        second,
        parted: found.parted,
        rows: found.rows.iter().map(row).collect(),
        paths: [(first, one), (second, other)],
    }
    .render()
}
