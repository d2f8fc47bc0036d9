#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use coditect_ports::Journal;

use super::*;
use crate::trial::{HOSTILE, Trial, ending, hostile, id};

/// The value of a row; panics where it is not there once.
#[track_caller]
fn value(text: &str, row: &str) -> String {
    let found: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix(row)?.strip_prefix(' ')).collect();
    assert_eq!(found.len(), 1, "{row} in {text}");
    found[0].to_owned()
}

fn said(metrics: &Metrics, trial: &Trial) -> String {
    metrics.text(trial, 3).unwrap()
}

#[test]
fn metrics_are_what_the_journals_say() {
    let (trial, metrics) = (Trial::default(), Metrics::default());
    let (one, two) = (id("m-1"), id("m-2"));
    trial.append(&one, hostile(&one));
    trial.append(&two, hostile(&two));
    trial.append(&two, ending(MissionStatus::Failed));
    trial.running.lock().unwrap().insert(one.clone());
    let text = said(&metrics, &trial);
    let check = |row: &str, expect: &str| assert_eq!(value(&text, row), expect, "{row}");
    check("coditect_missions{status=\"running\"}", "1");
    check("coditect_missions{status=\"failed\"}", "1");
    check("coditect_missions{status=\"verified\"}", "0");
    check("coditect_tasks{state=\"waiting\"}", "2");
    check("coditect_approvals_open", "1");
    check("coditect_tasks_settled_total{end=\"failed\"}", "1");
    check("coditect_attempts_started_total", "4");
    check("coditect_violations_total{kind=\"test_expectation\"}", "2");
    check("coditect_diagnoses_total{cause=\"flaky\"}", "2");
    check("coditect_candidates_total{rung=\"reflex\"}", "14");
    check("coditect_sandbox_runs_total{tier=\"unknown\",end=\"unknown\"}", "36");
    check("coditect_model_calls_total", "2");
    check("coditect_model_cost_usd_total", "1.500000");
    check("coditect_ui_watchers", "3");
    check("coditect_missions_submitted_total", "2");
    check("coditect_missions_ended_total{status=\"failed\"}", "1");
    check("coditect_approvals_asked_total", "2");
    check("coditect_mission_duration_seconds_count", "1");
    check("coditect_mission_duration_seconds_bucket{le=\"+Inf\"}", "1");
    check("coditect_assignment_seconds_count", "2");
    check(&format!("coditect_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION")), "1");
    assert!(!text.contains("script") && !text.contains(HOSTILE), "a label is one of ours: {text}");
}

#[test]
fn counters_never_fall_and_what_is_new_is_added() {
    let (trial, metrics) = (Trial::default(), Metrics::default());
    let one = id("m-1");
    trial.append(&one, hostile(&one));
    let attempts = |metrics: &Metrics| value(&said(metrics, &trial), "coditect_attempts_started_total");
    assert_eq!((attempts(&metrics), attempts(&metrics)), ("2".to_owned(), "2".to_owned()));
    // Nobody is at it, so its fold was dropped; it grows all the same.
    trial.append(&one, ending(MissionStatus::Cancelled));
    let text = said(&metrics, &trial);
    assert_eq!(value(&text, "coditect_attempts_started_total"), "2");
    assert_eq!(value(&text, "coditect_missions{status=\"cancelled\"}"), "1");
    trial.journal.forget(&one).unwrap();
    let text = said(&metrics, &trial);
    assert_eq!(value(&text, "coditect_attempts_started_total"), "2");
    assert_eq!(value(&text, "coditect_missions{status=\"cancelled\"}"), "0");
    // One that a listing passed over and that is there again counts once.
    trial.append(&one, hostile(&one));
    assert_eq!(attempts(&metrics), "2");
}

/// Every line is one that Prometheus takes: names, labels and values in form, families declared once and before their rows.
#[test]
fn the_text_is_in_form_and_each_family_is_in_the_reference() {
    let (trial, metrics) = (Trial::default(), Metrics::default());
    let one = id("m-1");
    trial.append(&one, hostile(&one));
    let text = said(&metrics, &trial);
    let reference = include_str!("../../../../docs/reference/dashboard.md");
    let mut family = "";
    for line in text.lines() {
        if let Some(declared) = line.strip_prefix("# HELP ") {
            family = declared.split(' ').next().unwrap();
            assert!(
                reference.contains(&format!("`{family}`")),
                "{family} is not in docs/reference/dashboard.md"
            );
            continue;
        }
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            let (name, kind) = declared.split_once(' ').unwrap();
            assert_eq!((name, kind == "counter"), (family, family.ends_with("_total")), "{line}");
            continue;
        }
        let (row, value) = line.rsplit_once(' ').unwrap();
        let (name, label) = row.split_once('{').unwrap_or((row, ""));
        let bare = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        assert!(name == family || bare == Some(family), "{line}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
        assert!(value.parse::<f64>().is_ok() && (label.is_empty() || label.ends_with("\"}")), "{line}");
    }
    for family in &FAMILIES {
        let typed = text.split(&format!("# TYPE {} ", family.name)).nth(1).unwrap_or_default();
        assert!(typed.lines().nth(1).is_some_and(|row| row.starts_with(family.name)), "{}", family.name);
    }
    // Those without labels have a row from the beginning, so that an alert on them has something to look at.
    let empty = metrics_of_nothing();
    for row in [
        "coditect_violations_total{kind=\"stuck\"}",
        "coditect_diagnoses_total{cause=\"infrastructure\"}",
        "coditect_missions_ended_total{status=\"failed\"}",
        "coditect_approvals_given_total{verdict=\"nobody\"}",
        "coditect_attempt_duration_seconds_count{role=\"coder\"}",
        "coditect_sandbox_runs_total{tier=\"wasm\",end=\"out_of_memory\"}",
        "coditect_sandbox_runs_total{tier=\"unknown\",end=\"unknown\"}",
    ] {
        assert_eq!(value(&empty, row), "0", "its first event is seen as growth");
    }
    for name in ["coditect_attempts_started_total", "coditect_model_cost_usd_total"] {
        assert!(empty.lines().any(|line| line.starts_with(&format!("{name} "))), "{name}");
    }
}

fn metrics_of_nothing() -> String {
    said(&Metrics::default(), &Trial::default())
}

#[test]
fn buckets_of_times_hold_all_that_is_below_their_end() {
    let mut spread = Spread::default();
    for ms in [0, 5, 6, 400, 2_000_000] {
        spread.see(ms);
    }
    let of = |spread: &Spread| {
        let family = Family::histogram("took_seconds", "s", "How long it took.");
        text(&[Figure { family, points: vec![spread_of(vec![("role", "coder".to_owned())], spread)] }])
    };
    let text = of(&spread);
    let bucket = |le: &str| value(&text, &format!("took_seconds_bucket{{role=\"coder\",le=\"{le}\"}}"));
    assert_eq!(["0.005", "0.01", "0.5", "1800", "+Inf"].map(bucket).join(" "), "2 3 4 4 5");
    assert_eq!(value(&text, "took_seconds_sum{role=\"coder\"}"), "2000.411");
    let mut sum = Spread::default();
    sum.add(&spread);
    sum.add(&spread);
    assert_eq!(value(&of(&sum), "took_seconds_count{role=\"coder\"}"), "10");
}

/// What a family comes to, each under its labels; of a histogram, how many.
fn amounts(figures: &[Figure], family: &str) -> Vec<(String, u64)> {
    let figure = figures.iter().find(|figure| figure.family.name == family).unwrap();
    let row = |point: &Point| {
        let labels: Vec<_> = point.labels.iter().map(|(_, value)| value.as_str()).collect();
        let n = match &point.amount {
            Amount::Count(n) | Amount::Part { n, .. } => *n,
            Amount::Spread(spread) => spread.counts().iter().sum(),
        };
        (labels.join(" "), n)
    };
    figure.points.iter().map(row).filter(|(_, n)| *n > 0).collect()
}

#[test]
fn a_collector_is_told_the_same_and_of_each_model() {
    let (trial, metrics) = (Trial::default(), Metrics::default());
    let one = id("m-1");
    trial.append(&one, crate::trial::asked_a_model(&one, "acme/large"));
    let figures = metrics.figures(&trial).unwrap();
    assert!(FAMILIES.iter().all(|family| figures.iter().any(|figure| figure.family == *family)));
    assert_eq!(
        amounts(&figures, "gen_ai.client.token.usage"),
        [("chat acme acme/large input".to_owned(), 1), ("chat acme acme/large output".to_owned(), 1)]
    );
    assert_eq!(
        amounts(&figures, "gen_ai.client.operation.duration"),
        [("chat acme acme/large".to_owned(), 1), ("chat acme acme/large unavailable".to_owned(), 1)]
    );
    assert!(!said(&metrics, &trial).contains("acme"), "what is scraped has no names of models");
}

#[test]
fn names_of_models_are_bounded() {
    let mut models = models::Models::default();
    let failed = coditect_types::Outcome::Failed {
        failure: coditect_types::Failure::new(ErrorKind::Unavailable, "away"),
        spent: Default::default(),
    };
    for n in 0..200 {
        models::take(&mut models, &format!("acme/{n}"), &failed);
    }
    models::take(&mut models, &"x".repeat(1_000), &failed);
    assert_eq!(models.len(), 33);
    assert_eq!(amounts(&models::figures(&models), "gen_ai.client.operation.duration").len(), 33);
}

/// A process that takes up a mission tells what it does itself, and not again what another one did.
#[test]
fn a_process_counts_what_it_decided_itself() {
    let one = id("m-1");
    let trial = Trial::default();
    trial.append(&one, hostile(&one));
    trial.append(&one, ending(MissionStatus::Failed));
    let mut records = Vec::new();
    each(trial.journal(), &one, (1, u64::MAX), |record| records.push(record.clone())).unwrap();
    let told = |from: usize| {
        let (mut counts, mut mission) = (Own::default(), OwnMission::default());
        let mut known = Table::default();
        for (at, record) in records.iter().enumerate() {
            match at < from {
                true => mission.recall(record, &known),
                false => counts.take(&mut mission, record, &known),
            }
            known.hear(record);
        }
        counts.add_spent(&mission.spent());
        counts.figures()
    };
    let all = told(0);
    assert_eq!(amounts(&all, "coditect_attempts_started_total"), [(String::new(), 2)]);
    assert_eq!(amounts(&all, "coditect_model_calls_total"), [(String::new(), 2)]);
    assert_eq!(amounts(&all, "coditect_missions_ended_total"), [("failed".to_owned(), 1)]);
    assert!(all.iter().all(|figure| figure.family.name != "coditect_missions"), "it knows of one mission");
    let (last, none) = (told(records.len() - 1), told(records.len()));
    assert_eq!(amounts(&last, "coditect_attempts_started_total"), []);
    assert_eq!(amounts(&last, "coditect_missions_ended_total"), [("failed".to_owned(), 1)]);
    assert_eq!(amounts(&none, "coditect_attempts_started_total"), []);
    assert_eq!(amounts(&none, "coditect_model_calls_total"), []);
}

/// Attempts of this build, which tell how their runs ended, and of older ones, which only counted them.
#[test]
fn runs_add_up_whoever_tells_of_them() {
    use coditect_types::outcome::Spent;
    use coditect_types::words::every;
    use coditect_types::{AttemptId, Failure, Outcome, Record, Run, Runs, TaskId};
    let (tiers, ends): (Vec<Tier>, Vec<RunEnd>) = (every().collect(), every().collect());
    let mut chance = 7_usize;
    let mut draw = |below: usize| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % below
    };
    let (mut own, mut sums) = ([Own::default(), Own::default()], BTreeMap::<String, u64>::new());
    let mut mission = OwnMission::default();
    for seq in 1..=200_u64 {
        let (mut runs, n) = (Runs::default(), draw(90) as u64);
        for _ in 0..if draw(3) > 0 { n } else { 0 } {
            let (tier, end) = (tiers[draw(tiers.len())], ends[draw(ends.len())]);
            runs.note(Run { tier, end, after_us: draw(1_000) as u64, took_us: draw(1_000) as u64 });
            *sums.entry(format!("{} {}", tier.word(), end.word())).or_default() += 1;
        }
        if runs.is_empty() {
            *sums.entry("unknown unknown".to_owned()).or_default() += n;
        }
        let spent = Spent { sandbox_runs: n, runs: runs.in_order(), ..Spent::default() };
        let outcome = Outcome::Failed { failure: Failure::new(ErrorKind::Unavailable, "away"), spent };
        let event = Event::AttemptEnded { task: TaskId(1), attempt: AttemptId(seq as u32), outcome };
        own[draw(2)].take(
            &mut mission,
            &Record { mission: id("m-1"), seq, at_ms: seq, event },
            &Table::default(),
        );
    }
    let [mut one, other] = own;
    one.add(&other);
    let told: BTreeMap<String, u64> =
        amounts(&one.figures(), "coditect_sandbox_runs_total").into_iter().collect();
    assert_eq!(told, sums);
}

#[test]
fn what_a_fork_shares_is_counted_where_it_happened() {
    let (trial, metrics) = (Trial::default(), Metrics::default());
    let (one, two) = (id("m-1"), id("m-2"));
    trial.append(&one, hostile(&one));
    let before = said(&metrics, &trial);
    let shared = hostile(&two).len() as u64;
    let fork = coditect_types::Fork {
        from: one,
        at_seq: shared,
        at_ms: 5,
        policy: coditect_types::Policy::default(),
    };
    let mut records = hostile(&two);
    if let Some(Event::MissionSubmitted { fork: of, .. }) = records.first_mut() {
        *of = Some(Box::new(fork.clone()));
    }
    trial.append(&two, records);
    trial.append(&two, vec![Event::MissionForked { fork: Box::new(fork) }]);
    let after = said(&metrics, &trial);
    for row in
        ["coditect_attempts_started_total", "coditect_model_calls_total", "coditect_missions_submitted_total"]
    {
        assert_eq!(value(&before, row), value(&after, row), "{row}");
    }
    assert_eq!(value(&after, "coditect_missions_forked_total"), "1");
}
