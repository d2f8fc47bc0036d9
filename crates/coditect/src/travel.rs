//! What is known at a moment of a mission, in words: a label and a text each, so that moments can be told and compared.

use coditect_runtime::view::TaskProgress;
use coditect_runtime::{Beliefs, Fold, MissionView};

use crate::out::{brief, harmless, paint, painted};
use crate::phrase;

/// Red tests and suspicious lines that are named.
const NAMED: usize = 4;
/// Characters of a text.
const WIDTH: usize = 160;

/// One thing that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fact {
    /// What it is about.
    pub(crate) label: &'static str,
    /// What is known of it.
    pub(crate) text: String,
    /// It says where work stands, which nearly every record changes.
    pub(crate) is_progress: bool,
}

/// What is known at a moment. Nothing where there is no mission yet.
pub(crate) fn facts(fold: &Fold) -> Vec<Fact> {
    let Some(view) = fold.view() else { return Vec::new() };
    let beliefs = fold.beliefs();
    let known = |label, text: String| Fact { label, text, is_progress: false };
    let mut all = vec![known("status", status(&view))];
    all.push(Fact { label: "plan", text: plan(&view), is_progress: true });
    all.extend(at_work(&view).map(|text| Fact { label: "at work", text, is_progress: true }));
    all.extend(of_beliefs(&beliefs).into_iter().map(|(label, text)| known(label, text)));
    all.extend(questions(&view).map(|text| known("asks", text)));
    all.push(known("cost", phrase::spent(&view.ledger)));
    all
}

fn status(view: &MissionView) -> String {
    match view.status {
        Some(status) => format!("{}: {}", phrase::status(status), view.summary),
        None => "under way".to_owned(),
    }
}

fn plan(view: &MissionView) -> String {
    let states = [
        (TaskProgress::Done, "done"),
        (TaskProgress::Running, "running"),
        (TaskProgress::Waiting, "waiting"),
        (TaskProgress::Failed, "failed"),
        (TaskProgress::Dropped, "dropped"),
    ];
    let count = |state| view.tasks.iter().filter(|task| task.state == state).count();
    let counts: Vec<String> = states
        .into_iter()
        .map(|(state, word)| (count(state), word))
        .filter(|(n, _)| *n > 0)
        .map(|(n, word)| format!("{n} {word}"))
        .collect();
    let of = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
    format!("{}{of}", phrase::count_of(view.tasks.len(), "task"))
}

fn at_work(view: &MissionView) -> Option<String> {
    let running = view.tasks.iter().filter(|task| task.state == TaskProgress::Running);
    let each: Vec<String> = running
        .map(|task| format!("{} {}: {}", task.id, task.role.name(), task.intent.replace('_', " ")))
        .collect();
    (!each.is_empty()).then(|| each.join("; "))
}

fn of_beliefs(beliefs: &Beliefs) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    if let Some(files) = &beliefs.files {
        let what = if files.changed { "the snapshot with the change" } else { "the snapshot" };
        let tree = files.tree.get(..10).unwrap_or(&files.tree);
        all.push(("files", format!("{what}, tree {tree}")));
    }
    if beliefs.measured {
        all.push(("tests", format!("{} green, {} red", beliefs.green, beliefs.red.len())));
    }
    if !beliefs.red.is_empty() {
        all.push(("red", some(beliefs.red.iter().map(String::as_str))));
    }
    if !beliefs.suspects.is_empty() {
        let lines: Vec<String> = beliefs
            .suspects
            .iter()
            .map(|suspect| format!("{}:{} ({:.2})", suspect.file, suspect.line, suspect.score))
            .collect();
        all.push(("suspects", some(lines.iter().map(String::as_str))));
    }
    all.extend(beliefs.change.iter().map(|change| ("change", change.clone())));
    if beliefs.refused > 0 {
        all.push(("refused", phrase::count(beliefs.refused, "change")));
    }
    all.extend(beliefs.accounts.last().map(|account| ("rungs", account.clone())));
    all.extend(beliefs.findings.last().map(|finding| ("found", finding.clone())));
    all
}

/// The first few, and how many more there are.
fn some<'a>(texts: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = texts.len().saturating_sub(NAMED);
    let named: Vec<&str> = texts.take(NAMED).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

fn questions(view: &MissionView) -> Option<String> {
    let open: Vec<String> = view
        .approvals
        .iter()
        .filter(|asked| asked.is_open(view))
        .map(|asked| format!("question {}: {}", asked.approval, asked.observed))
        .collect();
    (!open.is_empty()).then(|| open.join("; "))
}

/// What is known of one thing at one moment and at another; None: nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    /// What it is about.
    pub(crate) label: &'static str,
    /// What was known first.
    pub(crate) before: Option<String>,
    /// What was known then.
    pub(crate) after: Option<String>,
    /// It says where work stands.
    pub(crate) is_progress: bool,
}

/// What is known otherwise, in the order in which it is told.
pub(crate) fn changed(before: &[Fact], after: &[Fact]) -> Vec<Changed> {
    let find =
        |facts: &[Fact], label| facts.iter().find(|fact| fact.label == label).map(|fact| fact.text.clone());
    let gone = before.iter().filter(|fact| find(after, fact.label).is_none());
    let both = after.iter().chain(gone).map(|fact| Changed {
        label: fact.label,
        before: find(before, fact.label),
        after: find(after, fact.label),
        is_progress: fact.is_progress,
    });
    both.filter(|one| one.before != one.after).collect()
}

/// A labelled line.
pub(crate) fn line(label: &str, text: &str) -> String {
    format!("{} {}", painted(paint::LABEL, &format!("{label:<9}")), brief(&harmless(text), WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_otherwise_is_told_with_both_sides() {
        let fact = |label, text: &str| Fact { label, text: text.to_owned(), is_progress: false };
        let before = [fact("status", "under way"), fact("red", "a, b"), fact("cost", "nothing")];
        let after = [fact("status", "under way"), fact("change", "`<` is `<=`"), fact("cost", "2 runs")];
        let told: Vec<_> = changed(&before, &after)
            .into_iter()
            .map(|one| (one.label, one.before.is_some(), one.after.is_some()))
            .collect();
        assert_eq!(told, [("change", false, true), ("cost", true, true), ("red", true, false)]);
        assert!(changed(&before, &before).is_empty());
        assert_eq!(some(["a", "b", "c", "d", "e"].into_iter()), "a, b, c, d and 1 more");
    }
}
