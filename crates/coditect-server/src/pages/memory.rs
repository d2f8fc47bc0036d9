//! What missions that ended are remembered by.

use askama::Template;
use coditect_runtime::said::{count, moment};
use coditect_types::MissionId;

use crate::house::{Recalled, Recollection, Told};
use crate::text::brief;

/// Episodes on a page.
pub(crate) const MOST: usize = 50;
/// Characters of a request and of what was wrong.
const WIDTH: usize = 160;

#[derive(Debug)]
struct Row {
    id: String,
    request: String,
    status: String,
    explanation: String,
    language: String,
    workspace: String,
    ended: String,
    score: Option<String>,
}

impl From<&Recalled> for Row {
    fn from(of: &Recalled) -> Self {
        Self {
            id: of.id.clone(),
            request: brief(&of.request, WIDTH),
            status: of.status.clone(),
            explanation: brief(&of.explanation, WIDTH),
            language: of.language.clone(),
            workspace: of.workspace.clone(),
            ended: moment(of.ended_at_ms),
            score: of.score.map(|score| format!("{score:.2}")),
        }
    }
}

#[derive(Template)]
#[template(path = "memory.html")]
struct MemoryPage<'a> {
    q: &'a str,
    says: String,
    findings: &'a [String],
    found: Vec<Row>,
}

/// The list.
pub(crate) fn list(of: &Recollection, words: &str) -> Result<String, askama::Error> {
    let all = count(of.episodes, "episode");
    let says = match (of.found.len(), words.trim().is_empty()) {
        (0, true) => "Memory has nothing yet; missions that have ended are what it has.".to_owned(),
        (0, false) => format!("{all}; nothing fits these words."),
        (_, true) => format!("{all}; the newest."),
        (_, false) => format!("{all}; those that fit best."),
    };
    MemoryPage { q: words, says, findings: &of.findings, found: of.found.iter().map(Row::from).collect() }
        .render()
}

#[derive(Template)]
#[template(path = "episode.html")]
struct EpisodePage<'a> {
    id: &'a str,
    entries: &'a [(String, String)],
    mission: Option<&'a MissionId>,
    diff: &'a str,
}

/// One episode.
pub(crate) fn one(told: &Told) -> Result<String, askama::Error> {
    let Told { id, mission, entries, diff } = told;
    EpisodePage { id, entries, mission: mission.as_ref(), diff }.render()
}
