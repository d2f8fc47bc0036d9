#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use coditect_code::suite::{Picked, SuiteReport};
use coditect_ports::Exit;
use coditect_types::{Enforced, TestReport, Tier};

use super::Picks;

fn report() -> SuiteReport {
    SuiteReport {
        report: TestReport::default(),
        lines: BTreeMap::new(),
        import_lines: BTreeMap::new(),
        errors: Vec::new(),
        exit: Exit::Code(0),
        enforced: Enforced::default(),
        tier: Tier::Os,
        missing_module: None,
        unsupported: None,
        slow: false,
        notes: Vec::new(),
        runs: 1,
        output_hash: String::new(),
        wall: Duration::ZERO,
        build: Duration::ZERO,
    }
}

#[test]
fn a_batch_is_shared_out_and_what_was_not_reached_is_tried_again() {
    let picks = Picks::default();
    picks.begin((0..40).collect(), 2);
    let asked = Mutex::new(Vec::new());
    // Every process ends after three candidates.
    let run = |mine: &[u32]| {
        asked.lock().unwrap().push(mine.to_vec());
        let reports = mine.iter().take(3).map(|number| (*number, report())).collect();
        Ok(Some(Picked { reports, runs: 1 }))
    };
    let ids = ["t".to_owned()];
    std::thread::scope(|scope| {
        for from in [0, 20] {
            let (picks, ids) = (&picks, &ids);
            scope.spawn(move || {
                for number in from..from + 20 {
                    assert!(picks.report(number, ids, run).unwrap().is_some(), "{number}");
                }
            });
        }
    });
    // For other tests, a candidate is run by itself.
    assert!(picks.report(2, &["other".to_owned()], run).unwrap().is_none());
    let asked = asked.into_inner().unwrap();
    assert!(asked.iter().all(|mine| mine.len() <= 20));
    assert!(asked.len() >= 14, "{asked:?}");
    assert!(picks.known(1).is_some());
}

#[test]
fn none_is_lost_where_another_takes_what_was_not_reached() {
    for _ in 0..300 {
        let picks = Picks::default();
        picks.begin((0..24).collect(), 3);
        let run = |mine: &[u32]| {
            let reports = mine.iter().take(1).map(|number| (*number, report())).collect();
            Ok(Some(Picked { reports, runs: 1 }))
        };
        std::thread::scope(|scope| {
            for from in [0, 8, 16] {
                let (picks, ids) = (&picks, ["t".to_owned()]);
                scope.spawn(move || {
                    for number in from..from + 8 {
                        assert!(picks.report(number, &ids, run).unwrap().is_some(), "{number}");
                    }
                });
            }
        });
    }
}

#[test]
fn one_that_is_never_reached_is_left_to_be_run_alone() {
    let picks = Picks::default();
    picks.begin([7].into(), 1);
    let run = |_: &[u32]| Ok(Some(Picked::default()));
    assert!(picks.report(7, &["t".to_owned()], run).unwrap().is_none());
}
