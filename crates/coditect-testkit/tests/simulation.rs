//! Whole missions from seeds. `cargo xtask sim --seed N` shows one.

#![allow(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "a test that panics has failed")]

use coditect_runtime::Cell;
use coditect_runtime::fork::begins_behind;
use coditect_testkit::chance::Chance;
use coditect_testkit::invent::Truth;
use coditect_testkit::pieces::Pieces;
use coditect_testkit::sim::{Faults, run, run_fork, run_in, run_watched, run_with};
use coditect_types::event::ViolationKind;
use coditect_types::{Budget, Event, MissionStatus, Policy};

#[test]
fn ten_thousand_seeds_keep_every_rule() {
    let mut by_status = std::collections::BTreeMap::new();
    let (mut crashes, mut divided, mut side_by_side) = (0, 0, 0);
    for seed in 0..10_000 {
        match run(seed) {
            Ok(run) => {
                *by_status.entry(format!("{:?}", run.status)).or_insert(0) += 1;
                crashes += run.crashes;
                divided += u32::from(run.strands > 1);
                side_by_side += u32::from(run.at_once > 2);
            }
            Err(broken) => panic!("seed {}: {}", broken.seed, broken.what),
        }
    }
    // The seeds must reach every end, or they prove little.
    for status in [
        MissionStatus::Verified,
        MissionStatus::PartlyVerified,
        MissionStatus::Failed,
        MissionStatus::Unverified,
        MissionStatus::OverLimit,
        MissionStatus::Cancelled,
    ] {
        let n = by_status.get(&format!("{status:?}")).copied().unwrap_or(0);
        assert!(n > 10, "only {n} of the seeds end {status:?}: {by_status:?}");
    }
    assert!(crashes > 5_000, "only {crashes} crashes");
    assert!(divided > 50 && side_by_side > 30, "{divided} in strands, {side_by_side} with three at once");
}

/// A world in which the same work ends the same way, whenever it is done.
fn steady_world(seed: u64) -> (Truth, Policy) {
    let mut chance = Chance::new(seed ^ 0xF0);
    let mut truth = Truth { failing: 0, flaky: 0, stages: 0, ..Truth::of(&mut chance) };
    truth.pieces.steady = true;
    let mut policy = Policy { agents: 1, ..truth.policy(&mut chance) };
    // Nobody is asked, and time is not what ends it.
    policy.approvals.wait_ms = 0;
    policy.budget = Budget::default();
    (truth, policy)
}

#[test]
fn a_replay_up_to_any_moment_is_the_state_that_was_live_then() {
    let (mut moments, mut crashes) = (0, 0);
    for seed in 0..200 {
        let mut chance = Chance::new(seed ^ 0x71);
        let (truth, faults) = (Truth::of(&mut chance), Faults::of(&mut chance));
        let policy = truth.policy(&mut chance);
        let run = run_watched(seed, faults, &truth, &policy).unwrap_or_else(|broken| panic!("{broken:?}"));
        let mission = run.records[0].mission.clone();
        let mut cell = Cell::new(mission.clone());
        for record in &run.records {
            cell.hear(record);
            let until = run.records.iter().take_while(|other| other.seq <= record.seq);
            let replayed = Cell::replay(mission.clone(), until);
            let live = format!("{:?}", cell.state());
            assert_eq!(format!("{:?}", replayed.state()), live, "seed {seed}, record {}", record.seq);
            for moment in run.moments.iter().filter(|moment| moment.seq == record.seq) {
                assert!(moment.state == live, "seed {seed}, record {}", record.seq);
                moments += 1;
            }
        }
        crashes += run.crashes;
    }
    assert!(moments > 2_000 && crashes > 100, "{moments} moments, {crashes} crashes");
}

#[test]
fn a_fork_with_nothing_changed_ends_as_the_original_did() {
    let (mut forks, mut by_status) = (0, std::collections::BTreeMap::new());
    for seed in 0..200 {
        let (truth, policy) = steady_world(seed);
        let run = run_watched(seed, Faults::default(), &truth, &policy).unwrap();
        let able = run.moments.iter().filter(|of| begins_behind(&run.records, of.seq) == Ok(of.seq));
        let able: Vec<_> = able.collect();
        // What ends in its first step has no moment to fork at.
        if able.is_empty() {
            continue;
        }
        let mut chance = Chance::new(seed);
        let moment = able[chance.below(able.len() as u64) as usize];
        let fork = run_fork(seed + 1_000, &run.records, moment, &policy);
        let fork = fork.unwrap_or_else(|broken| panic!("seed {seed} at {}: {broken:?}", moment.seq));
        assert_eq!(fork.status, run.status, "seed {seed} at {} of {}", moment.seq, run.records.len());
        assert!(matches!(fork.records[0].event, Event::MissionSubmitted { fork: Some(_), .. }));
        *by_status.entry(format!("{:?}", run.status)).or_insert(0) += 1;
        forks += 1;
    }
    assert!(forks > 150 && by_status.len() > 2, "{forks} forks: {by_status:?}");
}

#[test]
fn models_that_go_in_a_circle_are_left_alone_and_whoever_waits_is_not() {
    let (mut stuck, mut calls, mut verified) = (0, 0, 0);
    for seed in 0..600 {
        let mut chance = Chance::new(seed ^ 0xC1);
        let truth = Truth {
            red: 2,
            green: 1,
            models: 2,
            in_circles: true,
            // Some get out of it in time.
            model_right_at: if chance.percent(30) { 1 + chance.below(2) as u32 } else { 0 },
            // What fails and comes back is no circle.
            failing: if chance.percent(50) { 20 } else { 0 },
            ..Truth::default()
        };
        let mut policy = truth.policy(&mut chance);
        policy.budget = Budget::default();
        let faults = Faults::of(&mut chance);
        let run = run_in(seed, faults, &truth, &policy)
            .unwrap_or_else(|broken| panic!("seed {seed}: {}", broken.what));
        let is_stuck = |event: &Event| {
            matches!(event, Event::ViolationFound { kind: ViolationKind::Stuck, task: _, .. })
        };
        stuck += u32::from(run.records.iter().any(|record| is_stuck(&record.event)));
        verified += u32::from(run.status == MissionStatus::Verified);
        if let Some(Event::MissionCompleted { ledger, .. }) = run.records.last().map(|record| &record.event) {
            calls = calls.max(ledger.model_calls);
        }
    }
    assert!(stuck > 150 && verified > 50, "{stuck} in circles, {verified} verified");
    assert!(calls < 20, "{calls} calls in one of them");
}

/// A world whose work falls into pieces, in which what is used depends on nothing but what is asked.
fn in_pieces(world: u64) -> (Truth, Policy) {
    let mut chance = Chance::new(world);
    let mut pieces = Pieces::of(&mut chance);
    pieces.steady = true;
    let truth = Truth {
        red: pieces.count + chance.below(3) as u32,
        green: 2,
        flaky: u32::from(chance.percent(20)),
        models: 1 + chance.below(2) as u32,
        pieces,
        ..Truth::default()
    };
    let mut policy = truth.policy(&mut chance);
    // What a person answers is no part of the world.
    (policy.thresholds, policy.approvals) = Default::default();
    // Some worlds can ask as often as they like, and others cannot.
    if chance.percent(50) {
        policy.budget = Budget::default();
    }
    (truth, policy)
}

#[test]
fn strands_keep_every_rule_whatever_strikes() {
    let (mut by_status, mut divided) = (std::collections::BTreeMap::new(), 0);
    for seed in 0..600 {
        let (mut truth, policy) = in_pieces(seed);
        let mut chance = Chance::new(seed ^ 0xFA);
        truth.pieces.steady = chance.percent(20);
        truth.failing = if chance.percent(50) { 10 } else { 0 };
        let faults = Faults::of(&mut chance);
        match run_in(seed, faults, &truth, &policy) {
            Ok(run) => {
                *by_status.entry(format!("{:?}", run.status)).or_insert(0) += 1;
                divided += u32::from(run.strands > 1);
            }
            Err(broken) => panic!("seed {}: {}", broken.seed, broken.what),
        }
    }
    assert!(divided > 200, "{divided} in strands: {by_status:?}");
    for status in ["Verified", "PartlyVerified", "OverLimit"] {
        assert!(by_status.get(status).is_some_and(|n| *n > 10), "{by_status:?}");
    }
}

#[test]
fn strands_lead_to_the_same_tree_whatever_comes_first_and_however_many_agents_there_are() {
    let (mut divided, mut handed, mut left_out) = (0, 0, 0);
    for world in 0..300 {
        let (truth, policy) = in_pieces(world);
        let mut first = None;
        for (seed, agents) in [(1, 1), (2, 2), (3, 3), (4, 8), (5, 64), (6, 8)] {
            // A journal that keeps nothing loses an outcome here, and with it time.
            let faults = match seed % 3 {
                0 => Faults { repeated: 30, clock: 20, ..Faults::default() },
                _ => Faults::default(),
            };
            let policy = Policy { agents, ..policy.clone() };
            let run = run_in(world * 100 + seed, faults, &truth, &policy)
                .unwrap_or_else(|broken| panic!("world {world}, seed {seed}: {}", broken.what));
            assert!(run.at_once <= agents as usize, "{} at once of {agents}", run.at_once);
            let Some(Event::MissionCompleted { status, commit, ledger, caveats, .. }) =
                run.records.last().map(|record| record.event.clone())
            else {
                panic!("world {world} does not end")
            };
            divided += u32::from(run.strands > 1);
            handed += u32::from(commit.is_some());
            left_out += u32::from(caveats.iter().any(|line| line.contains("was left out")));
            let used = (
                ledger.model_calls,
                ledger.tokens_in,
                ledger.tokens_out,
                ledger.micro_usd,
                ledger.candidates,
            );
            let end = (status, commit, used, caveats);
            assert_eq!(*first.get_or_insert(end.clone()), end, "world {world}, seed {seed}, {agents} agents");
        }
    }
    assert!(divided > 900 && handed > 600 && left_out > 60, "{divided} {handed} {left_out}");
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
