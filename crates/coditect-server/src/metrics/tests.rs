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
        assert!(text.contains(&format!("# TYPE {} {}\n", family.name, family.kind)), "{}", family.name);
    }
    // Those without labels have a row from the beginning, so that an alert on them has something to look at.
    let empty = metrics_of_nothing();
    for row in [
        "coditect_violations_total{kind=\"stuck\"}",
        "coditect_diagnoses_total{cause=\"infrastructure\"}",
        "coditect_missions_ended_total{status=\"failed\"}",
        "coditect_approvals_given_total{verdict=\"nobody\"}",
        "coditect_attempt_duration_seconds_count{role=\"coder\"}",
    ] {
        assert_eq!(value(&empty, row), "0", "its first event is seen as growth");
    }
    for name in
        ["coditect_attempts_started_total", "coditect_sandbox_runs_total", "coditect_model_cost_usd_total"]
    {
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
    let rows: std::collections::BTreeMap<_, _> = spread.rows("role=\"coder\"").into_iter().collect();
    let bucket = |le: &str| rows[&format!("_bucket{{role=\"coder\",le=\"{le}\"}}")].as_str();
    assert_eq!(
        (bucket("0.005"), bucket("0.01"), bucket("0.5"), bucket("1800"), bucket("+Inf")),
        ("2", "3", "4", "4", "5")
    );
    assert_eq!(
        (rows["_sum{role=\"coder\"}"].as_str(), rows["_count{role=\"coder\"}"].as_str()),
        ("2000.411", "5")
    );
    let mut sum = Spread::default();
    sum.add(&spread);
    sum.add(&spread);
    assert_eq!(sum.rows("").last().unwrap(), &("_count".to_owned(), "10".to_owned()));
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
