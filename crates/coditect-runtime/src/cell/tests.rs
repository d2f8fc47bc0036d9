#![allow(clippy::unwrap_used, reason = "a failing test panics")]

use coditect_types::{Command, Workers};

use super::*;

#[test]
fn what_a_step_keeps_is_what_it_tells() {
    let mission = MissionId::parse("m-abc").unwrap();
    let mut cell = Cell::new(mission.clone());
    let submit = Input::Command(Command::SubmitNoOps { mission: mission.clone(), steps: 2 });
    let mut told = Vec::new();
    for (now_ms, input) in [(1_000, submit), (3_000, Input::Resume(Workers::Own))] {
        let step = cell.step(now_ms, &input).unwrap();
        let (last, kept) = (step.last_seq(), step.encode());
        let records: Vec<Record> = cell.kept(step).0.collect();
        assert_eq!(kept, records.iter().map(encode).collect::<Vec<_>>());
        assert_eq!(kept.iter().map(|bytes| decode(bytes).unwrap()).collect::<Vec<_>>(), records);
        assert_eq!((last, cell.seq()), (records.last().unwrap().seq, last));
        told.extend(records);
    }
    assert!(told.iter().map(|record| record.seq).eq(1..=cell.seq()));
    let replayed = Cell::replay(mission, &told);
    assert_eq!(format!("{:?}", replayed.state()), format!("{:?}", cell.state()));
}

#[test]
fn a_step_that_changes_nothing_has_no_number() {
    let mission = MissionId::parse("m-abc").unwrap();
    let mut cell = Cell::new(mission.clone());
    let step = cell.step(1, &Input::Command(Command::SubmitNoOps { mission, steps: 1 })).unwrap();
    assert_eq!(cell.kept(step).0.count() as u64, cell.seq());
    let seq = cell.seq();
    let step = cell.step(2, &Input::Tick).unwrap();
    assert!(step.is_empty() && step.encode().is_empty());
    assert_eq!(step.last_seq(), 0);
    assert_eq!(cell.kept(step).0.count(), 0);
    assert_eq!(cell.seq(), seq);
}
