//! Whole missions from seeds. `cargo xtask sim --seed N` shows one.

use coditect_testkit::sim::{Faults, run, run_with};
use coditect_types::MissionStatus;

#[test]
fn ten_thousand_seeds_keep_every_rule() {
    let mut by_status = std::collections::BTreeMap::new();
    let mut crashes = 0;
    for seed in 0..10_000 {
        match run(seed) {
            Ok(run) => {
                *by_status.entry(format!("{:?}", run.status)).or_insert(0) += 1;
                crashes += run.crashes;
            }
            Err(broken) => panic!("seed {}: {}", broken.seed, broken.what),
        }
    }
    // The seeds must reach every end, or they prove little.
    for status in [
        MissionStatus::Verified,
        MissionStatus::Failed,
        MissionStatus::Unverified,
        MissionStatus::OverLimit,
        MissionStatus::Cancelled,
    ] {
        let n = by_status.get(&format!("{status:?}")).copied().unwrap_or(0);
        assert!(n > 10, "only {n} of the seeds end {status:?}: {by_status:?}");
    }
    assert!(crashes > 5_000, "only {crashes} crashes");
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    for seed in [1, 77, 4_242] {
        let (a, b) = (run(seed).unwrap(), run(seed).unwrap());
        assert_eq!(a.records, b.records);
    }
}

#[test]
fn the_canary_is_caught() {
    let faults = Faults { crash: 10, canary: 20, ..Faults::default() };
    let caught = (0..200).filter(|seed| run_with(*seed, faults).is_err()).count();
    assert!(caught > 100, "a journal that lies was caught in only {caught} of 200 runs");
}
