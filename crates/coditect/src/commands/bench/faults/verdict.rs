//! What a mission said, held against what was wrong.

use std::collections::BTreeMap;

use coditect_types::event::{Cause, ViolationKind};
use coditect_types::{Event, MissionStatus, Record};
use serde::Serialize;

use super::kinds::{Fault, Kind};

/// What came of one case.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Case {
    pub(super) kind: &'static str,
    /// Its number; with the seed it gives the same case again.
    pub(super) case: usize,
    pub(super) is_fault: bool,
    /// The fault was noticed.
    pub(super) detected: bool,
    /// Something was noticed that is not so, by its kind.
    pub(super) false_alarms: Vec<ViolationKind>,
    /// The cause that was named for it is the right one.
    pub(super) diagnosed: bool,
    /// The mission ended as it should have, without a person.
    pub(super) recovered: bool,
    /// The mission ended as verified, and what it handed over is wrong.
    pub(super) false_success: bool,
    pub(super) status: Option<MissionStatus>,
    pub(super) seconds: f64,
    /// Runs of tests that were made to find a cause.
    pub(super) experiments: u64,
    pub(super) model_calls: u64,
    /// The mission's own words.
    pub(super) summary: String,
}

/// What a mission noticed: kinds with their causes.
type Noticed = Vec<(ViolationKind, Option<Cause>, u32)>;

fn noticed(records: &[Record]) -> Noticed {
    let found = |record: &Record| {
        let Event::ViolationFound { kind, diagnosis, .. } = &record.event else { return None };
        let (cause, runs) = diagnosis.as_ref().map_or((None, 0), |d| (Some(d.cause), d.runs));
        Some((*kind, cause, runs))
    };
    records.iter().filter_map(found).collect()
}

/// Judges a case by the mission's records. `holds`: whether what it handed over is right, where it handed something over.
pub(super) fn judge(kind: &Kind, case: usize, records: &[Record], holds: Option<bool>) -> Case {
    let noticed = noticed(records);
    let is_it = |fault: &Fault, found: &ViolationKind| fault.violation.contains(found);
    let end = records.iter().rev().find_map(|record| {
        let Event::MissionCompleted { status, summary, ledger, wall_ms, .. } = &record.event else {
            return None;
        };
        Some((*status, summary.clone(), ledger.model_calls, *wall_ms))
    });
    let (status, summary, model_calls, wall_ms) = match end {
        Some((status, summary, calls, wall_ms)) => (Some(status), summary, calls, wall_ms),
        None => (None, "the mission did not end".to_owned(), 0, 0),
    };
    let fault = kind.fault.as_ref();
    let detected = fault.is_some_and(|fault| noticed.iter().any(|(found, ..)| is_it(fault, found)));
    let diagnosed = fault.is_some_and(|fault| {
        noticed.iter().any(|(found, cause, _)| is_it(fault, found) && *cause == Some(fault.cause))
    });
    let false_alarms = noticed
        .iter()
        .map(|(found, ..)| *found)
        .filter(|found| !fault.is_some_and(|fault| is_it(fault, found) || fault.beside.contains(found)))
        .collect();
    let ends: &[MissionStatus] = fault.map_or(&[MissionStatus::Verified], |fault| fault.ends);
    Case {
        kind: kind.name,
        case,
        is_fault: fault.is_some(),
        detected,
        false_alarms,
        diagnosed,
        recovered: status.is_some_and(|status| ends.contains(&status)) && holds != Some(false),
        false_success: status == Some(MissionStatus::Verified) && holds == Some(false),
        status,
        seconds: seconds(wall_ms),
        experiments: noticed.iter().map(|(.., runs)| u64::from(*runs)).sum(),
        model_calls,
        summary,
    }
}

#[allow(clippy::cast_precision_loss, reason = "ms of minutes, which a double holds exactly")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

/// A share of a whole. None: there is nothing of which it could be one.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Share {
    pub(super) value: Option<f64>,
    pub(super) of: usize,
}

#[allow(clippy::cast_precision_loss, reason = "counts of cases, which a double holds exactly")]
fn share(part: usize, of: usize) -> Share {
    Share { value: (of > 0).then(|| part as f64 / of as f64), of }
}

/// All cases of a kind, or of all kinds.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Tally {
    pub(super) cases: usize,
    pub(super) detected: usize,
    pub(super) diagnosed: usize,
    pub(super) recovered: usize,
    pub(super) false_alarms: usize,
    pub(super) false_success: usize,
    /// The median.
    pub(super) seconds: f64,
    pub(super) experiments: u64,
    pub(super) model_calls: u64,
}

impl Tally {
    pub(super) fn of<'c>(cases: impl Iterator<Item = &'c Case> + Clone) -> Self {
        let count = |is: fn(&Case) -> bool| cases.clone().filter(|case| is(case)).count();
        let mut seconds: Vec<f64> = cases.clone().map(|case| case.seconds).collect();
        seconds.sort_by(f64::total_cmp);
        Self {
            cases: seconds.len(),
            detected: count(|case| case.detected),
            diagnosed: count(|case| case.diagnosed),
            recovered: count(|case| case.recovered),
            false_alarms: count(|case| !case.false_alarms.is_empty()),
            false_success: count(|case| case.false_success),
            seconds: seconds.get(seconds.len() / 2).copied().unwrap_or_default(),
            experiments: cases.clone().map(|case| case.experiments).sum(),
            model_calls: cases.map(|case| case.model_calls).sum(),
        }
    }
}

/// The whole corpus.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Corpus {
    pub(super) bench: &'static str,
    pub(super) seed: u64,
    /// Cases in which what was noticed is what is wrong, of all in which something was noticed.
    pub(super) precision: Share,
    /// Faults that were noticed, of all.
    pub(super) recall: Share,
    /// Faults whose cause was named, of all.
    pub(super) diagnosis_right: Share,
    /// Faults after which the mission ended as it should have, without a person, of all.
    pub(super) recovered: Share,
    /// Cases without a fault that ended as verified, of all of them.
    pub(super) benign_verified: Share,
    pub(super) false_success: usize,
    pub(super) kinds: BTreeMap<&'static str, Tally>,
    pub(super) wall_s: f64,
    /// Cases that did not go as they should, for whoever looks into them.
    pub(super) missed: Vec<Case>,
}

impl Corpus {
    pub(super) fn of(seed: u64, cases: &[Case], wall_s: f64) -> Self {
        let faults = || cases.iter().filter(|case| case.is_fault);
        let benign = || cases.iter().filter(|case| !case.is_fault);
        let right = faults().filter(|case| case.detected).count();
        let alarms = cases.iter().filter(|case| !case.false_alarms.is_empty()).count();
        let of_faults = |is: fn(&&Case) -> bool| share(faults().filter(is).count(), faults().count());
        let mut kinds = BTreeMap::new();
        for case in cases {
            let of_kind = cases.iter().filter(|other| other.kind == case.kind);
            kinds.entry(case.kind).or_insert_with(|| Tally::of(of_kind));
        }
        let is_missed = |case: &&Case| {
            let as_it_should = case.recovered && (!case.is_fault || (case.detected && case.diagnosed));
            !as_it_should || !case.false_alarms.is_empty() || case.false_success
        };
        Self {
            bench: "faults",
            seed,
            precision: share(right, right + alarms),
            recall: of_faults(|case| case.detected),
            diagnosis_right: of_faults(|case| case.diagnosed),
            recovered: of_faults(|case| case.recovered),
            benign_verified: share(benign().filter(|case| case.recovered).count(), benign().count()),
            false_success: cases.iter().filter(|case| case.false_success).count(),
            kinds,
            wall_s,
            missed: cases.iter().filter(is_missed).cloned().collect(),
        }
    }
}
