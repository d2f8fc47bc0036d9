//! The list of missions.

use askama::Template;
use coditect_runtime::Entry;
use coditect_runtime::said::{count, count_of, moment, span};
use coditect_types::model::dollars;
use coditect_types::{ErrorKind, MissionId};

use crate::catalogue::Glance;
use crate::house::House;
use crate::names::{STANDINGS, mood, standing};
use crate::pages::Who;
use crate::refusal::Oops;
use crate::routes::Wanted;
use crate::text::{brief, percent};

/// Missions on a page.
pub(crate) const PAGE: usize = 50;
/// Characters of a request, and of what came of it.
const WIDTH: usize = 160;

/// A mission that was asked for, and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    /// The mission.
    pub(crate) entry: Entry,
    /// Where it stands.
    pub(crate) standing: String,
}

#[derive(Debug)]
struct Row {
    mission: MissionId,
    request: String,
    workspace: String,
    standing: String,
    mood: &'static str,
    begun: String,
    took: String,
    cost: String,
    summary: String,
    questions: String,
}

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage<'a> {
    rows: Vec<Row>,
    found: String,
    older: usize,
    findings: Vec<String>,
    statuses: Vec<(&'static str, String, bool)>,
    q: &'a str,
    who: &'a Who<'a>,
    newer_page: Option<String>,
    older_page: Option<String>,
    is_empty: bool,
}

/// The missions that are asked for, in their order.
pub(crate) fn choose(house: &dyn House, entries: Vec<Entry>, wanted: &Wanted) -> Result<Vec<Chosen>, Oops> {
    if !wanted.status.is_empty() && !STANDINGS.contains(&wanted.status.as_str()) {
        let known = STANDINGS.join("`, `");
        return Err(Oops::new(ErrorKind::Invalid, format!("no mission stands at `{}`", wanted.status))
            .hint(format!("it is one of `{known}`, or none for all")));
    }
    let words: Vec<String> = wanted.q.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let has_words = |entry: &Entry| {
        let summary = entry.end.as_ref().map_or("", |end| end.summary.as_str());
        let all =
            format!("{}\n{}\n{}\n{summary}", entry.mission, entry.request, entry.workspace).to_lowercase();
        words.iter().all(|word| all.contains(word.as_str()))
    };
    let found = entries.into_iter().filter(|entry| words.is_empty() || has_words(entry));
    let placed = found.map(|entry| {
        let is_running = entry.end.is_none() && house.is_running(&entry.mission);
        let standing = standing(entry.end.as_ref().map(|end| end.status), is_running);
        Chosen { entry, standing }
    });
    Ok(placed.filter(|one| wanted.status.is_empty() || one.standing == wanted.status).collect())
}

/// The page. `glance` looks into a mission that has not ended.
pub(crate) fn make(
    house: &dyn House,
    glance: &dyn Fn(&Entry) -> Option<Glance>,
    (chosen, all): (Vec<Chosen>, usize),
    wanted: &Wanted,
    who: &Who<'_>,
) -> Result<String, askama::Error> {
    let last = chosen.len().div_ceil(PAGE).max(1);
    let number = wanted.page.unwrap_or(1).clamp(1, last);
    let found = count_of(chosen.len(), "mission");
    let is_narrowed = !wanted.status.is_empty() || !wanted.q.trim().is_empty();
    let shown = chosen.into_iter().skip((number - 1) * PAGE).take(PAGE);
    let rows: Vec<Row> = shown.map(|one| row(one, glance)).collect();
    let statuses = STANDINGS.map(|word| (word, word.replace('_', " "), word == wanted.status));
    let page = |number: usize| address(wanted, number);
    ListPage {
        is_empty: all == 0 && !is_narrowed,
        older: all.saturating_sub(crate::catalogue::MOST),
        // Those of the whole journal are for who reaches all of it.
        findings: if who.sees_all { house.findings() } else { Vec::new() },
        statuses: statuses.into(),
        q: &wanted.q,
        who,
        newer_page: (number > 1).then(|| page(number - 1)),
        older_page: (number < last).then(|| page(number + 1)),
        found,
        rows,
    }
    .render()
}

fn row(one: Chosen, glance: &dyn Fn(&Entry) -> Option<Glance>) -> Row {
    let Chosen { entry, standing } = one;
    let mut questions = 0;
    let (took, cost, summary) = match &entry.end {
        Some(end) => {
            let ledger = &end.ledger;
            let money = match ledger.model_calls {
                0 => "no model".to_owned(),
                n => format!("{}, {}", dollars(ledger.micro_usd), count(n, "model call")),
            };
            let tried = count(ledger.candidates, "candidate");
            (span(end.wall_ms), format!("{money}, {tried}"), end.summary.clone())
        }
        None => match glance(&entry) {
            Some(glance) => {
                questions = glance.questions;
                (span(glance.wall_ms), dollars(glance.micro_usd), glance.summary)
            }
            None => (String::new(), String::new(), "Its journal cannot be read.".to_owned()),
        },
    };
    Row {
        mood: mood(entry.end.as_ref().map(|end| end.status)),
        standing: standing.replace('_', " "),
        request: brief(&entry.request, WIDTH),
        workspace: entry.workspace,
        begun: moment(entry.submitted_at_ms),
        questions: if questions > 0 { count_of(questions, "question") } else { String::new() },
        summary: brief(&summary, WIDTH),
        mission: entry.mission,
        took,
        cost,
    }
}

/// The address of another page of the same list.
fn address(wanted: &Wanted, page: usize) -> String {
    format!("/?status={}&q={}&page={page}", wanted.status, percent(&wanted.q))
}
