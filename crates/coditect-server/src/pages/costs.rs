//! What missions cost, day by day, by model and by rung.

use std::collections::BTreeMap;

use askama::Template;
use coditect_runtime::Entry;
use coditect_runtime::said::{grouped, span};
use coditect_types::model::dollars;
use coditect_types::receipt::{ModelCost, RungCost};
use coditect_types::{Ledger, MissionStatus, Rung};
use serde_json::{Value, json};

use crate::names::words;

const DAY_MS: u64 = 86_400_000;
/// Days that are told where nobody says how many, and at most.
pub(crate) const FEW: u64 = 30;
pub(crate) const MANY: u64 = 366;
/// The picture's height, and what one day has of its width.
const HEIGHT: u64 = 120;
const WIDTH: u64 = 14;

/// What the missions that ended on one day cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    missions: u64,
    verified: u64,
    wall_ms: u64,
    calls: u64,
    tokens_in: u64,
    tokens_out: u64,
    micro_usd: u64,
    candidates: u64,
    sandbox_runs: u64,
}

impl Sum {
    fn add(&mut self, ledger: &Ledger, is_verified: bool, wall_ms: u64) {
        self.missions += 1;
        self.verified += u64::from(is_verified);
        self.wall_ms += wall_ms;
        self.calls += ledger.model_calls;
        self.tokens_in += ledger.tokens_in;
        self.tokens_out += ledger.tokens_out;
        self.micro_usd += ledger.micro_usd;
        self.candidates += ledger.candidates;
        self.sandbox_runs += ledger.sandbox_runs;
    }
}

/// What the newest days cost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Costs {
    /// By day, UTC, the oldest first; days on which nothing ended too.
    days: Vec<(String, Sum)>,
    all: Sum,
    models: BTreeMap<String, ModelCost>,
    rungs: BTreeMap<Rung, (RungCost, u64)>,
}

/// The costs of missions that ended within the newest `days`, up to now.
pub(crate) fn of(entries: &[Entry], days: u64, now_ms: u64) -> Costs {
    let days = days.clamp(1, MANY);
    let today = now_ms / DAY_MS;
    let first = today.saturating_sub(days - 1);
    let mut sums = vec![Sum::default(); usize::try_from(today - first + 1).unwrap_or(1)];
    let mut costs = Costs::default();
    for end in entries.iter().filter_map(|entry| entry.end.as_ref()) {
        // A clock that went back puts an end into the future: that is today's.
        let day = (end.at_ms / DAY_MS).min(today);
        let Some(at) = day.checked_sub(first).and_then(|at| usize::try_from(at).ok()) else { continue };
        let is_verified = end.status == MissionStatus::Verified;
        sums[at].add(&end.ledger, is_verified, end.wall_ms);
        costs.all.add(&end.ledger, is_verified, end.wall_ms);
        for (model, cost) in &end.ledger.models {
            let sum = costs.models.entry(model.clone()).or_default();
            sum.calls += cost.calls;
            sum.failed += cost.failed;
            sum.lost += cost.lost;
            sum.tokens_in += cost.tokens_in;
            sum.tokens_out += cost.tokens_out;
            sum.micro_usd += cost.micro_usd;
            sum.wall_ms += cost.wall_ms;
        }
        for (rung, cost) in &end.ledger.rungs {
            let (sum, solved) = costs.rungs.entry(*rung).or_default();
            sum.candidates += cost.candidates;
            sum.proposals += cost.proposals;
            sum.wall_ms += cost.wall_ms;
            *solved += u64::from(end.ledger.solved_by == Some(*rung));
        }
    }
    costs.days = sums.into_iter().zip(first..).map(|(sum, day)| (date(day), sum)).collect();
    costs
}

/// A day since 1970, as `2026-11-29`.
fn date(day: u64) -> String {
    coditect_runtime::said::moment(day * DAY_MS).split(' ').next().unwrap_or_default().to_owned()
}

/// The same for programs.
pub(crate) fn json(costs: &Costs) -> Value {
    let sum = |of: &Sum| {
        json!({
            "missions": of.missions, "verified": of.verified, "wall_ms": of.wall_ms, "model_calls": of.calls,
            "tokens_in": of.tokens_in, "tokens_out": of.tokens_out, "micro_usd": of.micro_usd,
            "candidates": of.candidates, "sandbox_runs": of.sandbox_runs,
        })
    };
    let days: Vec<Value> = costs
        .days
        .iter()
        .map(|(day, of)| {
            let mut value = sum(of);
            value["day"] = json!(day);
            value
        })
        .collect();
    let rungs: BTreeMap<_, _> = costs
        .rungs
        .iter()
        .map(|(rung, (cost, solved))| {
            let mut value = serde_json::to_value(cost).unwrap_or_default();
            value["solved"] = json!(solved);
            (words(rung), value)
        })
        .collect();
    json!({ "days": days, "all": sum(&costs.all), "models": costs.models, "rungs": rungs })
}

#[derive(Debug)]
struct DayRow {
    day: String,
    missions: String,
    took: String,
    tried: String,
    models: String,
    money: String,
}

#[derive(Debug)]
struct Bar {
    x: u64,
    y: u64,
    height: u64,
    label: String,
}

#[derive(Debug)]
struct ModelRow {
    model: String,
    calls: String,
    tokens: String,
    took: String,
    money: String,
}

#[derive(Debug)]
struct RungRow {
    rung: String,
    solved: u64,
    candidates: String,
    took: String,
}

#[derive(Template)]
#[template(path = "costs.html")]
struct CostsPage {
    span: u64,
    sum: String,
    size: (u64, u64),
    what: &'static str,
    bars: Vec<Bar>,
    days: Vec<DayRow>,
    models: Vec<ModelRow>,
    rungs: Vec<RungRow>,
}

/// The page.
pub(crate) fn make(costs: &Costs) -> Result<String, askama::Error> {
    // Money where there was any: what costs nothing is told by what was tried.
    let has_money = costs.all.micro_usd > 0;
    let value = |of: &Sum| if has_money { of.micro_usd } else { of.candidates };
    let most = costs.days.iter().map(|(_, of)| value(of)).max().unwrap_or(0).max(1);
    let bar = |(at, (day, of)): (u64, &(String, Sum))| {
        let height = value(of).saturating_mul(HEIGHT) / most;
        let height = height.max(u64::from(value(of) > 0));
        let said =
            if has_money { dollars(of.micro_usd) } else { format!("{} candidates", grouped(of.candidates)) };
        Bar { x: at * WIDTH + 1, y: HEIGHT - height, height, label: format!("{day}: {said}") }
    };
    let day = |(day, of): &(String, Sum)| DayRow {
        day: day.clone(),
        missions: format!("{} ({} verified)", of.missions, of.verified),
        took: span(of.wall_ms),
        tried: format!("{} candidates, {} runs", grouped(of.candidates), grouped(of.sandbox_runs)),
        models: format!("{} calls, {} tokens", grouped(of.calls), grouped(of.tokens_in + of.tokens_out)),
        money: dollars(of.micro_usd),
    };
    let all = &costs.all;
    CostsPage {
        span: costs.days.len() as u64,
        sum: format!(
            "{} missions, {} of them verified: {}, {} model calls, {} tokens in and {} out, {} candidates, {} sandbox runs, {} at work",
            grouped(all.missions),
            grouped(all.verified),
            dollars(all.micro_usd),
            grouped(all.calls),
            grouped(all.tokens_in),
            grouped(all.tokens_out),
            grouped(all.candidates),
            grouped(all.sandbox_runs),
            span(all.wall_ms),
        ),
        size: (costs.days.len() as u64 * WIDTH, HEIGHT),
        what: if has_money { "money" } else { "candidates" },
        bars: (0..).zip(&costs.days).map(bar).collect(),
        days: costs.days.iter().rev().filter(|(_, of)| of.missions > 0).map(day).collect(),
        models: costs
            .models
            .iter()
            .map(|(model, of)| ModelRow {
                model: model.clone(),
                calls: match of.failed + of.lost {
                    0 => grouped(of.calls),
                    not => format!("{} ({} without an answer)", grouped(of.calls), grouped(not)),
                },
                tokens: format!("{} in, {} out", grouped(of.tokens_in), grouped(of.tokens_out)),
                took: span(of.wall_ms),
                money: dollars(of.micro_usd),
            })
            .collect(),
        rungs: costs
            .rungs
            .iter()
            .map(|(rung, (of, solved))| RungRow {
                rung: words(rung),
                solved: *solved,
                candidates: grouped(of.candidates),
                took: span(of.wall_ms),
            })
            .collect(),
    }
    .render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{HOSTILE, id};
    use coditect_runtime::entry::End;

    fn ended(at_ms: u64, micro_usd: u64, model: &str) -> Entry {
        let mut ledger =
            Ledger { candidates: 5, model_calls: 1, tokens_in: 10, micro_usd, ..Ledger::default() };
        ledger.models.insert(model.to_owned(), ModelCost { calls: 1, micro_usd, ..ModelCost::default() });
        ledger.rungs.insert(Rung::Reflex, RungCost { candidates: 5, ..RungCost::default() });
        ledger.solved_by = Some(Rung::Reflex);
        let end =
            End { status: MissionStatus::Verified, at_ms, summary: String::new(), wall_ms: 1_000, ledger };
        Entry {
            mission: id("m-1"),
            request: String::new(),
            workspace: String::new(),
            owner: None,
            forked_from: None,
            submitted_at_ms: 0,
            last_seq: 9,
            end: Some(end),
        }
    }

    #[test]
    fn each_day_has_what_ended_on_it_and_the_sum_is_theirs() {
        let now = 40 * DAY_MS + 5;
        let entries = [
            ended(now, 7, "a"),
            ended(39 * DAY_MS, 3, HOSTILE),
            ended(DAY_MS, 100, "old"),
            ended(now * 2, 1, "a"),
        ];
        let costs = of(&entries, 3, now);
        assert_eq!(costs.days.len(), 3);
        let money: Vec<u64> = costs.days.iter().map(|(_, sum)| sum.micro_usd).collect();
        assert_eq!((money.as_slice(), costs.all.micro_usd), ([0, 3, 8].as_slice(), 11));
        assert_eq!(costs.days[2].0, "1970-02-10");
        assert_eq!((costs.models["a"].micro_usd, costs.rungs[&Rung::Reflex].1), (8, 3));
        assert!(!costs.models.contains_key("old"));
        let page = make(&costs).unwrap();
        assert!(!page.contains("<script>alert") && page.contains("1970-02-10"), "{page}");
        assert_eq!(json(&costs)["days"][2]["micro_usd"], 8);
        assert_eq!(of(&[], 0, 0).days.len(), 1);
        assert!(make(&of(&[], 9_999, now)).unwrap().contains("0 missions"));
    }
}
