//! Whole fleets from seeds. `cargo xtask sim --fleet --seed N` shows one.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::collections::BTreeMap;

use coditect_testkit::fleet::{Canary, Counts, Faults, run, run_with};

#[test]
fn whatever_breaks_every_mission_comes_to_one_truthful_end() {
    let mut by_status = BTreeMap::new();
    let mut sum = Counts::default();
    for seed in 0..1_000 {
        let run = run(seed).unwrap_or_else(|broken| panic!("seed {}: {}", broken.seed, broken.what));
        for end in run.ends {
            *by_status.entry(format!("{end:?}")).or_insert(0) += 1;
        }
        let of = run.counts;
        sum.killed_missions += of.killed_missions;
        sum.killed_doors += of.killed_doors;
        sum.killed_workers += of.killed_workers;
        sum.paused += of.paused;
        sum.cut += of.cut;
        sum.landed += of.landed;
        sum.taken_up += of.taken_up;
        sum.kept_on += of.kept_on;
        sum.stepped_down += of.stepped_down;
        sum.redelivered += of.redelivered;
        sum.refused += of.refused;
    }
    // The seeds must reach what is to be survived, or they prove little.
    for status in ["Verified", "Failed", "Cancelled", "OverLimit"] {
        assert!(by_status.get(status) > Some(&10), "{by_status:?}");
    }
    let enough = [
        (sum.killed_missions, 500),
        (sum.killed_doors, 500),
        (sum.killed_workers, 500),
        (sum.paused, 1_000),
        (sum.cut, 1_000),
        (sum.landed, 20),
        (sum.taken_up, 300),
        (sum.kept_on, 50),
        (sum.stepped_down, 50),
        (sum.redelivered, 300),
        (sum.refused, 20),
    ];
    assert!(enough.iter().all(|(n, least)| n >= least), "{sum:?}");
}

#[test]
fn without_faults_nothing_is_done_twice() {
    for seed in 0..200 {
        let run = run_with(seed, Faults::default()).unwrap_or_else(|broken| panic!("{broken:?}"));
        let Counts { taken_up, stepped_down, redelivered, refused, by_hand, .. } = run.counts;
        assert_eq!((taken_up, stepped_down, redelivered, refused, by_hand), (0, 0, 0, 0, 0), "seed {seed}");
    }
}

/// The rules see it where a promise is broken on which all of it stands; where none is, the same seeds keep all of them.
#[test]
fn a_broken_promise_is_seen() {
    let with = |seed: u64, canary| {
        let some = Faults::of(&mut coditect_testkit::chance::Chance::new(seed));
        run_with(seed, Faults { pause: 30, odd: 100, canary, ..some })
    };
    let caught = |canary, by: &str| {
        let seen = (0..150).filter_map(|seed| with(seed, Some(canary)).err());
        seen.filter(|broken| broken.what.contains(by)).count()
    };
    let mut given_up = 0;
    for seed in 0..150 {
        given_up += with(seed, None).unwrap_or_else(|broken| panic!("{broken:?}")).counts.given_up;
    }
    assert!(given_up > 0, "nothing was given up that nobody can read");
    let unfenced = caught(Canary::Unfenced, "stands at place");
    let credulous = caught(Canary::Credulous, "nobody came to");
    let trusting = caught(Canary::Trusting, "nobody came to");
    assert!(
        unfenced > 5 && credulous > 5 && trusting > 5,
        "caught {unfenced}, {credulous} and {trusting} times"
    );
}

#[test]
fn a_seed_is_one_run() {
    for seed in [3, 17, 99] {
        let (once, again) = (run(seed).unwrap(), run(seed).unwrap());
        assert_eq!((once.ends, once.counts), (again.ends, again.counts));
    }
}
