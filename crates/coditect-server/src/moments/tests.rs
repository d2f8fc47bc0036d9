#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use coditect_runtime::view;
use coditect_testkit::sim;
use coditect_types::MissionStatus;

use super::*;
use crate::house::House;
use crate::trial::{Trial, ending, hostile, id};

fn said(view: &MissionView) -> String {
    serde_json::to_string(view).unwrap()
}

#[test]
fn a_moment_is_what_it_was_when_it_was_live() {
    let (trial, moments) = (Trial::default(), Moments::default());
    for seed in 0..200 {
        let mut records = sim::run(seed).unwrap().records;
        let mission = id(&format!("m-{seed}"));
        records.iter_mut().for_each(|record| record.mission = mission.clone());
        // Somebody watches while it goes on.
        let (mut live, mut seen) = (Folded::new(mission.clone()), Vec::new());
        for record in &records {
            live.take(record);
            trial.keep(&mission, std::slice::from_ref(record));
            if record.seq % 5 == seed % 5 {
                let now = moments.now(trial.journal(), &mission).unwrap();
                assert_eq!((now.newest_seq, now.is_past()), (record.seq, false));
                assert_eq!(
                    said(&now.view),
                    said(&live.view().unwrap()),
                    "seed {seed}, record {}",
                    record.seq
                );
            }
            seen.push(said(&live.view().unwrap()));
        }
        // And somebody goes back, in steps that meet each number in one seed or another.
        for (seq, live) in (1_u64..).zip(&seen).filter(|(seq, _)| seed < 10 || seq % 7 == seed % 7) {
            let then = moments.at(trial.journal(), &mission, seq).unwrap();
            assert_eq!(said(&then.view), *live, "seed {seed}, record {seq}");
        }
        let whole = view(&records).unwrap();
        assert_eq!(said(&whole), *seen.last().unwrap(), "seed {seed}: the end has its ledger");
    }
}

#[test]
fn a_mission_that_was_removed_is_gone() {
    let (trial, moments) = (Trial::default(), Moments::default());
    let mission = id("m-1");
    let now = || moments.now(trial.journal(), &mission).map(|moment| moment.newest_seq);
    assert!(matches!(now(), Err(ShellError::NoSuchMission(_))));
    trial.append(&mission, hostile(&mission));
    assert_eq!(now().unwrap(), 8);
    trial.append(&mission, ending(MissionStatus::Failed));
    assert_eq!((now().unwrap(), now().unwrap()), (11, 11));
    trial.journal.forget(&mission).unwrap();
    assert!(matches!(now(), Err(ShellError::NoSuchMission(_))));
}

#[test]
fn a_running_mission_tells_what_it_cost_so_far() {
    let (trial, moments) = (Trial::default(), Moments::default());
    let mission = id("m-1");
    trial.append(&mission, hostile(&mission));
    let moment = moments.now(trial.journal(), &mission).unwrap();
    assert_eq!((moment.view.ledger.candidates, moment.view.ledger.sandbox_runs), (7, 18));
    assert_eq!(moments.at(trial.journal(), &mission, 3).unwrap().view.ledger.candidates, 0);
    let evidence = moment.evidence;
    assert_eq!((evidence.attempts.len(), evidence.violations.len(), evidence.receipts.len()), (2, 1, 1));
    assert_eq!(evidence.said.len(), 1);
}

#[test]
fn only_the_newest_folds_are_kept() {
    let (trial, moments) = (Trial::default(), Moments::default());
    for n in 0..50 {
        let mission = id(&format!("m-{n}"));
        trial.append(&mission, hostile(&mission));
        moments.now(trial.journal(), &mission).unwrap();
    }
    assert_eq!(moments.kept.lock().unwrap().len(), KEPT);
}
