//! `coditect compare`: two missions side by side.

use coditect_runtime::MissionView;
use coditect_runtime::fork::cost_since;
use coditect_types::{Event, Ledger, MissionId, Record};
use serde_json::{Value, json};

use crate::args::CompareArgs;
use crate::commands::Context;
use crate::log::Teller;
use crate::missions;
use crate::out::{brief, harmless, paint, painted};
use crate::phrase;
use crate::report::{Done, Report};
use crate::wiring::Archive;

/// Characters of a column.
const WIDTH: usize = 44;

/// One of the two.
pub(crate) struct Side {
    mission: MissionId,
    records: Vec<Record>,
    view: MissionView,
}

/// A row of the table: what both say of one thing.
pub(crate) struct Row {
    /// What it is.
    pub(crate) label: &'static str,
    /// What they say.
    pub(crate) texts: [String; 2],
}

pub(crate) fn perform(cx: &mut Context, args: &CompareArgs) -> Done {
    let first = open(cx, &args.of.mission)?;
    let second = open(cx, &args.other)?;
    let parted = part(&first, &second);
    if cx.out.json {
        let same = same_files(&first, &second);
        cx.out.object(&json!({
            "parted_behind": parted,
            "same_files": same,
            "missions": [object(&first, parted), object(&second, parted)],
        }))?;
        return Ok(0);
    }
    let column = |text: &str| format!("{:<WIDTH$}", brief(&harmless(text), WIDTH));
    let head = format!("{:<12} {} {}", "", column(first.mission.as_str()), column(second.mission.as_str()));
    cx.out.line(painted(paint::LABEL, &head).trim_end())?;
    for row in rows(&first, &second, parted) {
        let [one, other] = &row.texts;
        let label = painted(paint::LABEL, &format!("{:<12}", row.label));
        cx.out.line(format!("{label} {} {}", column(one), column(other)).trim_end())?;
    }
    let behind = match parted {
        0 => String::new(),
        seq => format!(" behind record {seq}, up to which they are one"),
    };
    for side in [&first, &second] {
        cx.out.line("")?;
        cx.out.line(&painted(paint::NAME, &format!("the path of {}{behind}", side.mission)))?;
        for step in path(side, parted) {
            cx.out.line(&step)?;
        }
    }
    Ok(0)
}

/// Both, in words.
pub(crate) struct Sides {
    /// What they say of the same things.
    pub(crate) rows: Vec<Row>,
    /// The last record that both have.
    pub(crate) parted: u64,
    /// The way of each behind that, a line a step.
    pub(crate) paths: [Vec<String>; 2],
}

/// The same for the dashboard: the rows, where the two part, and the paths of both.
pub(crate) fn compared(
    archive: &Archive,
    (first, second): (&MissionId, &MissionId),
) -> Result<Sides, Report> {
    let (first, second) = (load(archive, first.clone())?, load(archive, second.clone())?);
    let parted = part(&first, &second);
    let paths = [path(&first, parted), path(&second, parted)];
    Ok(Sides { rows: rows(&first, &second, parted), parted, paths })
}

/// The way that a mission took behind where the two part, a line a step.
fn path(side: &Side, parted: u64) -> Vec<String> {
    let (mut teller, mut steps) = (Teller::default(), Vec::new());
    for record in &side.records {
        if record.seq > parted && is_of_path(&record.event) {
            steps.push(teller.line_of(record, side.view.submitted_at_ms));
        } else {
            teller.hear(record);
        }
    }
    steps
}

fn open(cx: &Context, name: &str) -> Result<Side, Report> {
    let (archive, mission) = cx.opened(name)?;
    load(&archive, mission)
}

fn load(archive: &Archive, mission: MissionId) -> Result<Side, Report> {
    let (records, view) = missions::load(archive.journal(), &mission)?;
    Ok(Side { mission, records, view })
}

/// The number of the last record that both have; 0: they never were one.
fn part(first: &Side, second: &Side) -> u64 {
    if first.view.forked_from.is_none() && second.view.forked_from.is_none() {
        return 0;
    }
    // The first record says whose it is; every other one that they share is the same.
    let same = first.records.iter().zip(&second.records).skip(1);
    let same = same.take_while(|(one, other)| one.at_ms == other.at_ms && one.event == other.event);
    match same.count() as u64 {
        // They have nothing but a beginning, which is like any other.
        0 => 0,
        n => 1 + n,
    }
}

fn same_files(first: &Side, second: &Side) -> Option<bool> {
    let tree = |side: &Side| side.view.proposal.as_ref().map(|proposal| proposal.tree.clone());
    Some(tree(first)? == tree(second)?)
}

/// What a mission took behind the moment where the two part.
struct Took {
    ledger: Ledger,
    attempts: usize,
    violations: usize,
}

fn took(side: &Side, parted: u64) -> Took {
    let own = || side.records.iter().filter(|record| record.seq > parted);
    let ledger = match parted {
        0 => side.view.ledger.clone(),
        seq => cost_since(&side.records, seq, &side.view.ledger),
    };
    Took {
        ledger,
        attempts: own().filter(|record| matches!(record.event, Event::AttemptStarted { .. })).count(),
        violations: own().filter(|record| matches!(record.event, Event::ViolationFound { .. })).count(),
    }
}

fn rows(first: &Side, second: &Side, parted: u64) -> Vec<Row> {
    let each = |label, of: &dyn Fn(&Side) -> String| Row { label, texts: [of(first), of(second)] };
    let took = |side: &Side| took(side, parted);
    let models = |side: &Side| match side.view.policy.models.as_slice() {
        [] => "none".to_owned(),
        models => models.iter().map(|model| model.name.as_str()).collect::<Vec<_>>().join(", "),
    };
    vec![
        each("request", &|side| side.view.request.trim().to_owned()),
        each("forked from", &|side| {
            let fork = side.view.forked_from.as_ref();
            fork.map_or_else(|| "-".to_owned(), |fork| format!("{} behind {}", fork.mission, fork.seq))
        }),
        each("models", &models),
        each("status", &|side| side.view.status.map_or("not ended", phrase::status).to_owned()),
        each("result", &|side| side.view.summary.clone()),
        each("tests", &|side| side.view.receipt.as_ref().map_or_else(|| "-".to_owned(), phrase::tests_after)),
        each("change", &|side| change(&side.view)),
        each("files", &|_| {
            match same_files(first, second) {
                Some(true) => "the same in both",
                Some(false) => "not the same",
                None => "-",
            }
            .to_owned()
        }),
        each("time", &|side| phrase::span(side.view.wall_ms)),
        each("tokens", &|side| {
            let ledger = took(side).ledger;
            format!("{} in, {} out", phrase::grouped(ledger.tokens_in), phrase::grouped(ledger.tokens_out))
        }),
        each("cost", &|side| phrase::spent(&took(side).ledger)),
        each("attempts", &|side| took(side).attempts.to_string()),
        each("violations", &|side| took(side).violations.to_string()),
    ]
}

fn change(view: &MissionView) -> String {
    let Some(proposal) = &view.proposal else { return "-".to_owned() };
    let files: Vec<String> = proposal
        .files
        .iter()
        .map(|file| format!("{} +{} -{}", file.path, file.added, file.removed))
        .collect();
    files.join(", ")
}

/// Whether a record says what way was taken.
fn is_of_path(event: &Event) -> bool {
    matches!(
        event,
        Event::AttemptEnded { .. }
            | Event::ViolationFound { .. }
            | Event::ApprovalGiven { .. }
            | Event::StageEnded { .. }
            | Event::MissionForked { .. }
            | Event::MissionCompleted { .. }
    )
}

fn object(side: &Side, parted: u64) -> Value {
    let took = took(side, parted);
    json!({
        "mission": side.mission,
        "forked_from": side.view.forked_from,
        "status": side.view.status,
        "summary": side.view.summary,
        "models": side.view.policy.models.iter().map(|model| &model.name).collect::<Vec<_>>(),
        "files": side.view.proposal.as_ref().map(|proposal| &proposal.files),
        "wall_ms": side.view.wall_ms,
        "ledger": took.ledger,
        "attempts": took.attempts,
        "violations": took.violations,
    })
}
