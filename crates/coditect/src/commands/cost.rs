//! `coditect cost`: what missions cost, by rung and by model; of one mission, by task too.

use coditect_runtime::fork::{own_cost, own_tasks};
use coditect_runtime::view::TaskView;
use coditect_types::Ledger;
use coditect_types::model::dollars;
use coditect_types::receipt::ModelCost;
use serde_json::{Value, json};

use super::Context;
use crate::args::CostArgs;
use crate::missions;
use crate::out::{harmless, paint, painted};
use crate::phrase;
use crate::report::Done;

/// Missions that are summed up where none is named.
const NEWEST: usize = 10_000;

pub(crate) fn perform(cx: &mut Context, args: &CostArgs) -> Done {
    let mut ledgers: Vec<(String, Ledger)> = Vec::new();
    let mut tasks = None;
    if let Some(name) = &args.mission {
        let (archive, mission) = cx.opened(name)?;
        let (records, view) = missions::load(archive.journal(), &mission)?;
        ledgers.push((mission.to_string(), own_cost(&records, &view.ledger)));
        tasks = Some(own_tasks(&records, &view));
    } else {
        let archive = cx.archive()?;
        let (entries, _) = missions::list(archive.journal(), NEWEST)?;
        for entry in entries.iter().filter(|entry| entry.end.is_some()) {
            let (records, view) = missions::load(archive.journal(), &entry.mission)?;
            ledgers.push((entry.mission.to_string(), own_cost(&records, &view.ledger)));
        }
    }
    let mut sum = Ledger::default();
    ledgers.iter().for_each(|(_, ledger)| sum += ledger);
    if cx.out.json {
        let each: Vec<_> =
            ledgers.iter().map(|(mission, ledger)| json!({ "mission": mission, "ledger": ledger })).collect();
        let mut told = json!({ "missions": each, "sum": sum });
        if let Some(tasks) = &tasks {
            told["tasks"] = tasks.iter().map(task).collect();
        }
        cx.out.object(&told)?;
        return Ok(0);
    }
    if let Some(tasks) = &tasks {
        tell_tasks(cx, tasks)?;
    }
    tell(cx, ledgers.len(), &sum)
}

/// A task with what it cost, for programs.
fn task(of: &TaskView) -> Value {
    json!({
        "id": of.id, "role": of.role, "intent": of.intent, "strand": of.strand, "wall_ms": of.wall_ms, "ledger": of.ledger,
    })
}

/// The tasks of a mission that were begun, a line each.
fn tell_tasks(cx: &mut Context, tasks: &[TaskView]) -> std::io::Result<()> {
    let head = format!(
        "{:<6} {:<36} {:<7} {:>5} {:>10} {:>10} {:>10} {:>5} {:>10}",
        "TASK", "WHAT", "STRAND", "CALLS", "TOKENS", "MONEY", "CANDIDATES", "RUNS", "TIME"
    );
    cx.out.line(&painted(paint::LABEL, &head))?;
    for task in tasks.iter().filter(|task| task.attempts > 0) {
        let (of, ledger) = (format!("{}: {}", task.role.name(), task.intent.replace('_', " ")), &task.ledger);
        let strand = task.strand.map_or_else(|| "-".to_owned(), |strand| strand.to_string());
        cx.out.line(&format!(
            "{:<6} {of:<36} {strand:<7} {:>5} {:>10} {:>10} {:>10} {:>5} {:>10}",
            task.id.to_string(),
            ledger.model_calls,
            phrase::grouped(ledger.tokens_in + ledger.tokens_out),
            dollars(ledger.micro_usd),
            phrase::grouped(ledger.candidates),
            phrase::grouped(ledger.sandbox_runs),
            phrase::span(task.wall_ms)
        ))?;
    }
    cx.out.line("")
}

fn tell(cx: &mut Context, missions: usize, sum: &Ledger) -> Done {
    if missions == 0 {
        cx.out.line("no mission has ended yet")?;
        return Ok(0);
    }
    let head = format!("{:<16} {:>10} {:>12} {:>9}", "RUNG", "TIME", "CANDIDATES", "PROPOSALS");
    cx.out.line(&painted(paint::LABEL, &head))?;
    for (rung, cost) in &sum.rungs {
        cx.out.line(&format!(
            "{:<16} {:>10} {:>12} {:>9}",
            phrase::rung(*rung),
            phrase::span(cost.wall_ms),
            phrase::grouped(cost.candidates),
            cost.proposals
        ))?;
    }
    cx.out.line("")?;
    if sum.models.is_empty() {
        cx.out.line("no model was asked")?;
    } else {
        let head = format!(
            "{:<28} {:>6} {:>12} {:>12} {:>10} {:>10}",
            "MODEL", "CALLS", "TOKENS IN", "TOKENS OUT", "TIME", "MONEY"
        );
        cx.out.line(&painted(paint::LABEL, &head))?;
    }
    for (name, cost) in &sum.models {
        cx.out.line(&harmless(&format!(
            "{name:<28} {:>6} {:>12} {:>12} {:>10} {:>10}{}",
            cost.calls,
            phrase::grouped(cost.tokens_in),
            phrase::grouped(cost.tokens_out),
            phrase::span(cost.wall_ms),
            dollars(cost.micro_usd),
            beside(cost)
        )))?;
    }
    let all = phrase::count_of(missions, "mission");
    cx.out.line("")?;
    cx.out.line(&format!(
        "{all}: {}, {} tokens, {}, {}",
        dollars(sum.micro_usd),
        phrase::grouped(sum.tokens_in + sum.tokens_out),
        phrase::count(sum.model_calls, "model call"),
        phrase::count(sum.candidates, "candidate")
    ))?;
    Ok(0)
}

/// What is not in the columns.
fn beside(cost: &ModelCost) -> String {
    let part = |n: u64, what: &str| (n > 0).then(|| format!("{n} {what}"));
    let parts = [part(cost.failed, "failed"), part(cost.lost, "lost"), part(cost.kept, "kept")];
    let told: Vec<String> = parts.into_iter().flatten().collect();
    if told.is_empty() { String::new() } else { format!("  ({})", told.join(", ")) }
}
