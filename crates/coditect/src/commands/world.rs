//! `coditect world`: what all missions on a directory have shown.

use std::collections::BTreeSet;

use coditect_runtime::history;
use coditect_runtime::known::world_as_json;
use coditect_runtime::world::{TestFacts, TroubleKind, WorldModel};
use coditect_types::ErrorKind;
use serde_json::{Value, json};

use super::Context;
use super::run::utf8;
use crate::args::{WorldArgs, WorldAsk};
use crate::environment::directory;
use crate::missions;
use crate::out::{harmless, paint, painted};
use crate::phrase;
use crate::report::{Done, Report};

/// Missions that are read, the newest.
const NEWEST: usize = 10_000;
/// Lines of a list for people; `--json` has all.
const SHOWN: usize = 50;
/// Runs of a test's history that are shown.
const RUNS: u32 = 32;
const DOING: &str = "asking the world model";

pub(crate) fn perform(cx: &mut Context, args: &WorldArgs) -> Done {
    let path = utf8(&directory(&args.dir)?)?;
    let archive = cx.archive()?;
    let (mut entries, _) = missions::list(archive.journal(), NEWEST)?;
    entries.retain(|entry| entry.workspace == path);
    if entries.is_empty() {
        let cause = format!("no mission has worked on `{path}` yet");
        return Err(Report::new(ErrorKind::NotFound, DOING, cause)
            .hint("begin one with `coditect run \"make the failing tests pass\"`, or name the directory with `-C DIR`").into());
    }
    let mut world = WorldModel::default();
    for entry in entries.iter().rev() {
        match history(archive.journal(), &entry.mission) {
            Ok(records) => records.iter().for_each(|record| world.apply(record)),
            Err(error) => cx.note(&format!("mission {} is left out: {error}", entry.mission)),
        }
    }
    match &args.ask {
        None => summary(cx, &world, entries.len()),
        Some(WorldAsk::Impact { files }) => impact(cx, &world, files),
        Some(WorldAsk::Test { id }) => test(cx, &world, id),
        Some(WorldAsk::Flaky) => {
            tests(cx, world.tests().flaky(), "no test passed and failed on one tree, as far as is known")
        }
        Some(WorldAsk::Red) => tests(cx, world.tests().red(), "no test was red when it ran last"),
        Some(WorldAsk::Troubles) => troubles(cx, &world),
    }
}

fn summary(cx: &mut Context, world: &WorldModel, missions: usize) -> Done {
    let (red, flaky) = (world.tests().red().count(), world.tests().flaky().count());
    if cx.out.json {
        cx.out.object(&world_as_json(world, missions))?;
        return Ok(0);
    }
    let ends: Vec<String> = world
        .ends()
        .iter()
        .map(|(end, n)| format!("{n} {}", phrase::status(*end).replace('_', " ")))
        .collect();
    let ends = if ends.is_empty() { String::new() } else { format!(": {}", ends.join(", ")) };
    cx.out.line(&format!("{}{ends}", phrase::count_of(missions, "mission")))?;
    let facts: Vec<String> =
        world.environment().iter().map(|(name, value)| format!("{name} {value}")).collect();
    cx.out.line(&harmless(&format!(
        "{}, {} ({red} red, {flaky} flaky); {}",
        phrase::count_of(world.files().len(), "file"),
        phrase::count_of(world.tests().len(), "test"),
        facts.join(", ")
    )))?;
    let head = format!("{:<14} {:>9} {:>7} {:>10} {:>9}", "ROLE", "ATTEMPTS", "FAILED", "TIME", "SUCCEEDS");
    cx.out.line(&painted(paint::LABEL, &head))?;
    for (role, agent) in world.agents() {
        let name = format!("{role:?}").to_lowercase();
        cx.out.line(&format!(
            "{name:<14} {:>9} {:>7} {:>10} {:>8.0} %",
            agent.ended,
            agent.failed,
            phrase::span(agent.wall_ms),
            100.0 * world.succeeds(*role)
        ))?;
    }
    let head = format!("{:<14} {:>9} {:>7} {:>10}", "RUNG", "TRIED", "PROPOSED", "TIME");
    cx.out.line(&painted(paint::LABEL, &head))?;
    for (rung, facts) in world.rungs() {
        cx.out.line(&format!(
            "{:<14} {:>9} {:>8} {:>10}",
            phrase::rung(*rung),
            facts.tried,
            facts.proposed,
            phrase::span(facts.wall_ms)
        ))?;
    }
    Ok(0)
}

fn impact(cx: &mut Context, world: &WorldModel, files: &[String]) -> Done {
    let changed: Vec<&str> = files.iter().map(|file| file.strip_prefix("./").unwrap_or(file)).collect();
    let impact = world.impact(&changed);
    let sorted = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    let (files, symbols, tests) =
        (sorted(&mut impact.files()), sorted(&mut impact.symbols()), sorted(&mut impact.tests()));
    let unknown = impact.unknown;
    if files.is_empty() {
        let cause = format!("nothing is known of `{}`", unknown.join("`, `"));
        return Err(Report::new(ErrorKind::NotFound, DOING, cause)
            .hint("name source files below the project's root; files that are new since the newest mission are not known").into());
    }
    if cx.out.json {
        cx.out.object(&json!({ "files": files, "symbols": symbols, "tests": tests, "unknown": unknown }))?;
        return Ok(0);
    }
    for path in &unknown {
        cx.note(&format!("nothing is known of `{path}`: what it reaches cannot be told"));
    }
    for (what, names) in [("file", &files), ("symbol", &symbols), ("test", &tests)] {
        cx.out.line(&painted(paint::LABEL, &phrase::count_of(names.len(), what)))?;
        for name in names.iter().take(SHOWN) {
            cx.out.line(&harmless(&format!("  {name}")))?;
        }
        if names.len() > SHOWN {
            cx.out.line(&format!("  and {} more; `--json` has all", names.len() - SHOWN))?;
        }
    }
    Ok(0)
}

fn test(cx: &mut Context, world: &WorldModel, id: &str) -> Done {
    let found: Vec<&TestFacts> = match world.tests().get(id) {
        Some(test) => vec![test],
        None => world.tests().all().filter(|test| test.id.contains(id)).collect(),
    };
    let test = match found.as_slice() {
        [test] => *test,
        [] => {
            let cause = format!("no test is called `{id}`, as far as is known");
            return Err(Report::new(ErrorKind::NotFound, DOING, cause)
                .hint("`coditect world --json` counts them")
                .into());
        }
        many => {
            let named: Vec<String> = many.iter().take(5).map(|test| format!("`{}`", test.id)).collect();
            let more = if many.len() > 5 { ", ..." } else { "" };
            let cause = format!("`{id}` fits {} tests: {}{more}", many.len(), named.join(", "));
            return Err(Report::new(ErrorKind::Invalid, DOING, cause).hint("type more of its id").into());
        }
    };
    if cx.out.json {
        cx.out.object(&facts(test))?;
        return Ok(0);
    }
    cx.out.line(&harmless(&test.id))?;
    cx.out.line(&format!(
        "  {} last; passed {} of {}; {} ms",
        phrase::test_status(test.last),
        test.passed,
        phrase::count(u64::from(test.runs), "run"),
        test.us / 1_000
    ))?;
    let runs = test.kept.min(RUNS);
    let history: String =
        (0..runs).rev().map(|n| if test.history >> n & 1 == 1 { '+' } else { '-' }).collect();
    cx.out.line(&format!("  {history}  (+ passed, - red, the newest last)"))?;
    if let Some((passed, ran)) = test.unsteady {
        cx.out.line(&format!(
            "  on one tree it passed {passed} of {ran}: flaky, {:.0} % sure",
            100.0 * test.flaky()
        ))?;
    }
    Ok(0)
}

fn facts(test: &TestFacts) -> Value {
    json!({
        "test": test.id, "last": test.last, "runs": test.runs, "passed": test.passed, "rate": test.rate(), "us": test.us,
        "unsteady": test.unsteady, "flaky": test.flaky(), "seen_at_ms": test.seen_ms,
    })
}

fn tests<'w>(cx: &mut Context, tests: impl Iterator<Item = &'w TestFacts>, none: &str) -> Done {
    let tests: Vec<&TestFacts> = tests.collect();
    if cx.out.json {
        let all: Vec<Value> = tests.iter().map(|test| facts(test)).collect();
        cx.out.object(&json!({ "tests": all }))?;
        return Ok(0);
    }
    if tests.is_empty() {
        cx.out.line(none)?;
    }
    for test in tests.iter().take(SHOWN) {
        let rate =
            test.unsteady.map(|(passed, ran)| format!(", on one tree {passed} of {ran}")).unwrap_or_default();
        cx.out.line(&harmless(&format!("{}  passed {} of {}{rate}", test.id, test.passed, test.runs)))?;
    }
    if tests.len() > SHOWN {
        cx.out.line(&format!("and {} more; `--json` has all", tests.len() - SHOWN))?;
    }
    Ok(0)
}

fn troubles(cx: &mut Context, world: &WorldModel) -> Done {
    let name = |what: TroubleKind| match what {
        TroubleKind::Error(kind) => json!(kind),
        TroubleKind::Violation(kind) => json!(kind),
    };
    if cx.out.json {
        let all: Vec<Value> = world
            .troubles()
            .rev()
            .map(|trouble| {
                json!({
                    "at_ms": trouble.at_ms, "mission": trouble.mission, "what": name(trouble.what),
                    "said": trouble.said, "diagnosis": trouble.diagnosis,
                })
            })
            .collect();
        cx.out.object(&json!({ "troubles": all }))?;
        return Ok(0);
    }
    let mut told = BTreeSet::new();
    for trouble in world.troubles().rev() {
        let what = name(trouble.what).as_str().unwrap_or_default().replace('_', " ");
        if told.len() < SHOWN && told.insert((what.clone(), trouble.said.clone())) {
            let why =
                trouble.diagnosis.as_ref().map(|found| format!(" ({})", found.evidence)).unwrap_or_default();
            cx.out.line(&harmless(&format!("{}  {what}: {}{why}", trouble.mission, trouble.said)))?;
        }
    }
    if told.is_empty() {
        cx.out.line("nothing went wrong, as far as is known")?;
    }
    Ok(0)
}
