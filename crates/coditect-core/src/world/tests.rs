#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use coditect_types::{Failure, SourceFile, TestStatus};

use super::*;

fn record(seq: u64, event: Event) -> Record {
    Record { mission: MissionId::parse("m-a").unwrap(), seq, at_ms: 1_000 + seq, event }
}

fn ended(outcome: Outcome) -> Event {
    Event::AttemptEnded { task: TaskId(1), attempt: AttemptId(1), outcome }
}

fn source(path: &str, uses: &[u32]) -> SourceFile {
    SourceFile {
        path: path.into(),
        hash: format!("h-{path}"),
        symbols: vec![format!("s_{}", &path[..1])],
        uses: uses.to_vec(),
    }
}

fn surveyed(sources: Vec<SourceFile>) -> Event {
    let json = serde_json::json!({
        "language": "python", "framework": "unittest", "command": [], "root": "", "import_paths": [], "targets": [],
        "tier": "wasm", "tier_reason": "", "interpreter": null
    });
    ended(Outcome::ProjectSurveyed { project: serde_json::from_value(json).unwrap(), sources })
}

fn result(status: TestStatus) -> Ended {
    Ended { status, us: 100, runs: None }
}

fn names<'w>(names: impl Iterator<Item = &'w str>) -> Vec<&'w str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names
}

/// a <- b <- test_b, c <- test_c.
fn model() -> WorldModel {
    let mut world = WorldModel::default();
    let files = vec![
        source("a.py", &[]),
        source("b.py", &[0]),
        source("c.py", &[]),
        source("test_b.py", &[1]),
        source("test_c.py", &[2]),
    ];
    world.apply(&record(1, surveyed(files)));
    let tree = Arc::from("tree");
    for id in ["test_b.py::T::test_1", "test_c.py::T::test_2"] {
        world.tests.ended(id, result(TestStatus::Passed), &tree, 5, &world.files);
    }
    world
}

#[test]
fn a_change_reaches_what_uses_it_and_no_more() {
    let world = model();
    let impact = world.impact(&["a.py"]);
    assert_eq!(names(impact.files()), ["a.py", "b.py", "test_b.py"]);
    assert_eq!(names(impact.tests()), ["test_b.py::T::test_1"]);
    assert_eq!(names(impact.symbols()), ["s_a", "s_b", "s_t"]);
    assert_eq!(names(world.impact(&["c.py"]).tests()), ["test_c.py::T::test_2"]);
    assert_eq!(world.impact(&["z.py"]).unknown, ["z.py"]);
    assert_eq!(world.files().used_by("a.py").collect::<Vec<_>>(), ["b.py"]);
    assert_eq!(world.files().hash("a.py"), Some("h-a.py"));
}

#[test]
fn what_is_surveyed_anew_replaces_what_was_known() {
    let mut world = model();
    // `b` no longer uses `a`, and `c` uses itself through `b`: a ring.
    let files = vec![source("b.py", &[1]), source("c.py", &[0, 99]), source("test_b.py", &[0])];
    world.apply(&record(2, surveyed(files)));
    assert_eq!(names(world.impact(&["a.py"]).tests()), Vec::<&str>::new());
    assert_eq!(world.files().hash("a.py"), None, "it is gone");
    assert_eq!(names(world.impact(&["c.py"]).files()), ["b.py", "c.py", "test_b.py"]);
    // Nothing told is nothing changed.
    world.apply(&record(3, surveyed(Vec::new())));
    assert_eq!(world.impact(&["c.py"]).len(), 3);
}

#[test]
fn a_test_is_flaky_by_its_ends_on_one_tree() {
    let mut world = model();
    let (one, other) = (Arc::from("one"), Arc::from("other"));
    let id = "test_b.py::T::test_1";
    // Red on one tree and green on another is a repair.
    for (status, tree) in [(TestStatus::Failed, &one), (TestStatus::Passed, &other)] {
        world.tests.ended(id, result(status), tree, 9, &world.files);
    }
    assert_eq!(world.tests().flaky().count(), 0);
    for status in [TestStatus::Failed, TestStatus::Passed, TestStatus::Failed] {
        world.tests.ended(id, result(status), &other, 9, &world.files);
    }
    let test = world.tests().flaky().next().unwrap();
    assert_eq!((&*test.id, test.unsteady, test.runs, test.passed), (id, Some((2, 4)), 6, 3));
    assert_eq!(test.history & 0b1111, 0b1010);
    assert!(test.flaky() > 0.9);
    assert_eq!(world.tests().red().count(), 1);
    // It is gone once a whole suite ran without it.
    world.tests.whole_suite_at(10);
    assert_eq!(world.tests().red().count(), 0);
}

#[test]
fn a_test_is_flaky_across_missions_that_change_the_tree_between() {
    let mut world = model();
    let (was, changed): (Arc<str>, Arc<str>) = (Arc::from("was"), Arc::from("changed"));
    let id = "test_c.py::T::test_2";
    for (status, tree) in [
        (TestStatus::Passed, &was),
        (TestStatus::Passed, &changed),
        (TestStatus::Failed, &was),
        (TestStatus::Passed, &changed),
        (TestStatus::Passed, &was),
        (TestStatus::Failed, &was),
    ] {
        world.tests.ended(id, result(status), tree, 9, &world.files);
    }
    assert_eq!(world.tests().flaky().next().unwrap().unsteady, Some((2, 4)));
    assert_eq!((world.tests().get(id).unwrap().kept, world.tests().get(id).unwrap().runs), (7, 7));
}

#[test]
fn agents_rungs_and_troubles_are_counted() {
    let mut world = WorldModel::default();
    let plan = serde_json::json!({
        "type": "plan.made", "reason": "r",
        "tasks": [{"id": 1, "role": "tester", "intent": {"intent": "verify_change"}, "needs": []}]
    });
    let submitted = serde_json::json!({
        "type": "mission.submitted", "id": "m-a", "request": "r", "workspace": {"path": "/p"},
        "policy": coditect_types::Policy::default()
    });
    for (seq, event) in [(1, submitted), (2, plan)] {
        world.apply(&record(seq, serde_json::from_value(event).unwrap()));
    }
    let started = Event::AttemptStarted {
        task: TaskId(1),
        attempt: AttemptId(1),
        action: "verify_change".into(),
        expectations: Vec::new(),
        deadline_ms: 9,
    };
    world.apply(&record(3, started.clone()));
    assert_eq!(world.agents()[&Role::Tester].running, 1);
    let failure = Failure::new(ErrorKind::Unavailable, "gone");
    world.apply(&record(4, ended(Outcome::Failed { failure, spent: Spent::default() })));
    let tester = &world.agents()[&Role::Tester];
    assert_eq!((tester.running, tester.ended, tester.failed, tester.wall_ms), (0, 1, 1, 1));
    assert!(world.succeeds(Role::Tester) < world.succeeds(Role::Coder));
    assert_eq!(world.troubles().next().unwrap().what, TroubleKind::Error(ErrorKind::Unavailable));
    // What is lost with its process is under way no longer, and counts as no failure.
    world.apply(&record(5, started));
    world.apply(&record(6, Event::MissionResumed { lost: vec![AttemptId(1)] }));
    assert_eq!((world.agents()[&Role::Tester].running, world.agents()[&Role::Tester].failed), (0, 1));
    assert_eq!(world.records(), 6);
}

proptest::proptest! {
    #[test]
    fn an_impact_is_all_that_a_walk_by_hand_finds(
        edges in proptest::collection::vec((0_u32..30, 0_u32..30), 0..90),
        changed in proptest::collection::vec(0_usize..30, 1..4),
        again in proptest::bool::ANY,
    ) {
        let sources: Vec<SourceFile> = (0..30_u32)
            .map(|n| {
                let uses: Vec<u32> = edges.iter().filter(|(from, _)| *from == n).map(|(_, to)| *to).collect();
                SourceFile { path: format!("f{n}"), hash: "h".into(), symbols: Vec::new(), uses }
            })
            .collect();
        let mut world = WorldModel::default();
        if again {
            // What was known before leaves nothing behind.
            world.apply(&record(1, surveyed(vec![source("z.py", &[1]), source("f0", &[0])])));
        }
        world.apply(&record(2, surveyed(sources)));
        let mut by_hand: std::collections::BTreeSet<usize> = changed.iter().copied().collect();
        for _ in 0..30 {
            for (from, to) in &edges {
                if by_hand.contains(&(*to as usize)) {
                    by_hand.insert(*from as usize);
                }
            }
        }
        let paths: Vec<String> = changed.iter().map(|n| format!("f{n}")).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let mut found: Vec<String> = by_hand.into_iter().map(|n| format!("f{n}")).collect();
        found.sort();
        proptest::prop_assert_eq!(names(world.impact(&paths).files()), found);
    }
}

/// A mission in which these models answered, one after the other, and how it ended.
fn fares(world: &mut WorldModel, id: usize, answers: &[&str], end: (&str, Option<&str>)) {
    let spec = |name: &str, rung: &str| {
        serde_json::json!({
            "name": name, "rung": rung, "context_tokens": 4096, "output_tokens": 512, "edits": "whole",
            "price": { "tokens_in": 0, "tokens_cached": 0, "tokens_out": 0 }
        })
    };
    let mut policy = serde_json::to_value(coditect_types::Policy::default()).unwrap();
    policy["models"] = serde_json::json!([spec("small", "small_model"), spec("large", "large_model")]);
    let task = |n: usize, intent: &str| {
        serde_json::json!({ "id": n, "role": "orchestrator", "needs": [],
            "intent": { "intent": intent, "model": "small" } })
    };
    let mut events = vec![
        serde_json::json!({ "type": "mission.submitted", "id": format!("m-{id}"), "request": "fix the failing tests",
            "workspace": { "path": "/x" }, "policy": policy }),
        // Whoever writes tests is not asked for a change.
        serde_json::json!({ "type": "plan.made", "reason": "", "tasks": [task(0, "ask_for_tests"), task(1, "ask_model")] }),
    ];
    for (n, model) in std::iter::once(&"writer").chain(answers).enumerate() {
        events.push(
            serde_json::json!({ "type": "attempt.ended", "task": n.min(1), "attempt": n + 1, "outcome": {
            "outcome": "model_answered", "model": model, "spent": Spent::default(),
            "reply": { "text": "x", "finish": "done", "usage": coditect_types::model::Usage::default() },
        } }),
        );
    }
    let ledger = serde_json::json!({ "solved_by": end.1 });
    events.push(serde_json::json!({ "type": "mission.completed", "status": end.0, "summary": "", "hint": null, "caveats": [],
        "branch": null, "commit": null, "patch": null, "receipt": null, "ledger": ledger, "wall_ms": 1 }));
    for (event, seq) in events.into_iter().zip(1..) {
        let event = serde_json::from_value(event).unwrap();
        world.apply(&Record {
            mission: MissionId::parse(&format!("m-{id}")).unwrap(),
            seq,
            at_ms: seq,
            event,
        });
    }
}

#[test]
fn models_are_known_by_what_their_answers_came_to() {
    let mut world = WorldModel::default();
    type End<'a> = (&'a str, Option<&'a str>);
    let ends: [(&[&str], End<'_>); 6] = [
        (&["small", "small"], ("verified", Some("small_model"))),
        (&["small", "large"], ("verified", Some("large_model"))),
        (&["small", "large"], ("failed", None)),
        // Found by the search after all, or broken off: the one speaks against it, the other says nothing.
        (&["small"], ("verified", Some("reflex"))),
        (&["small"], ("cancelled", None)),
        (&["small"], ("over_limit", None)),
    ];
    for (id, (answers, end)) in ends.into_iter().enumerate() {
        fares(&mut world, id, answers, end);
    }
    let facts = |model: &str| world.models()[model]["turn_tests_green"];
    assert_eq!(facts("small"), ModelFacts { tried: 4, proved: 1 });
    assert_eq!(facts("large"), ModelFacts { tried: 2, proved: 1 });
    assert_eq!(world.models().len(), 2, "{:?}", world.models());
}
