//! Kinds of fault, and of what looks like one and is none.

use coditect_types::MissionStatus;
use coditect_types::event::{Cause, ViolationKind};

use super::killer::Victim;
use super::meddler::{BASELINE, Meddling, PROOF};
use super::projects::{Chance, Project};

mod models;

/// A kind of case.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// What a system must say of it. None: nothing is wrong, and nothing is to be said.
    pub(super) fault: Option<Fault>,
    /// Makes it part of a project, or of what happens while it is worked on.
    pub(super) plant: fn(&mut Project, &mut Chance) -> Meddling,
}

/// What is wrong, and how a mission should end all the same.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) violation: &'static [ViolationKind],
    pub(super) cause: Cause,
    pub(super) ends: &'static [MissionStatus],
    /// What may be said as well, since it is so; to say only that is to have missed the fault.
    pub(super) beside: &'static [ViolationKind],
}

const fn fault(
    violation: &'static [ViolationKind],
    cause: Cause,
    ends: &'static [MissionStatus],
) -> Option<Fault> {
    Some(Fault { violation, cause, ends, beside: &[] })
}

/// The same where something else is so, too.
const fn fault_beside(
    violation: &'static [ViolationKind],
    cause: Cause,
    beside: &'static [ViolationKind],
) -> Option<Fault> {
    Some(Fault { violation, cause, ends: ALL, beside })
}

use MissionStatus::{NeedsPerson, PartlyVerified, Verified};
use ViolationKind as V;

/// Where a test stays red that no change can help, the rest is mended, and that test is named.
const ALL_BUT_ONE: &[MissionStatus] = &[PartlyVerified];
const ALL: &[MissionStatus] = &[Verified];
/// Where only a person can say how two changes go together, and what was proved is theirs all the same.
const A_PERSON: &[MissionStatus] = &[NeedsPerson];

/// All kinds, faults first.
pub(super) const KINDS: &[Kind] = &[
    Kind { name: "flaky_test", fault: fault(&[V::UnsteadyTest], Cause::Flaky, ALL), plant: flaky },
    Kind {
        name: "order_dependent_test",
        fault: fault(&[V::UnsteadyTest], Cause::OrderDependent, &[Verified, PartlyVerified]),
        plant: order_dependent,
    },
    Kind {
        name: "needs_network",
        fault: fault(&[V::Environment], Cause::Environment, ALL_BUT_ONE),
        plant: network,
    },
    Kind {
        name: "needs_module",
        fault: fault(&[V::Environment], Cause::Environment, ALL_BUT_ONE),
        plant: module,
    },
    Kind {
        name: "needs_setting",
        fault: fault(&[V::Environment], Cause::Environment, ALL_BUT_ONE),
        plant: setting,
    },
    Kind {
        name: "needs_program",
        fault: fault(&[V::Environment], Cause::Environment, ALL_BUT_ONE),
        plant: program,
    },
    Kind { name: "needs_memory", fault: fault(&[V::Resource], Cause::Resource, ALL_BUT_ONE), plant: memory },
    Kind {
        name: "tests_contradict",
        fault: fault(&[V::SpecificationConflict], Cause::SpecificationConflict, ALL_BUT_ONE),
        plant: contradiction,
    },
    Kind {
        name: "person_edits_another_file",
        fault: fault(&[V::ConcurrentChange], Cause::ConcurrentChange, ALL),
        plant: edits_another,
    },
    Kind {
        name: "person_edits_the_same_file",
        fault: fault(&[V::ConcurrentChange], Cause::ConcurrentChange, ALL),
        plant: edits_the_same,
    },
    Kind {
        name: "person_adds_a_file",
        fault: fault(&[V::ConcurrentChange], Cause::ConcurrentChange, ALL),
        plant: adds_a_file,
    },
    Kind {
        name: "person_removes_a_file",
        fault: fault(&[V::ConcurrentChange], Cause::ConcurrentChange, ALL),
        plant: removes_a_file,
    },
    Kind {
        name: "agent_breaks",
        fault: fault(&[V::AgentSilent], Cause::Infrastructure, ALL),
        plant: |_, chance| Meddling::Breaks(chance.below(4)),
    },
    Kind {
        name: "agent_answers_something_else",
        fault: fault(&[V::OffContract], Cause::Infrastructure, ALL),
        plant: |_, chance| Meddling::AnswersSomethingElse(chance.below(4)),
    },
    Kind {
        name: "disk_is_away",
        fault: fault(&[V::ActionFailed], Cause::Infrastructure, ALL),
        plant: |_, chance| Meddling::IsUnavailable(chance.below(4)),
    },
    Kind {
        name: "attempt_is_cut_off",
        fault: fault(&[V::Timeout], Cause::Infrastructure, ALL),
        plant: |_, chance| Meddling::IsCutOff(chance.below(4)),
    },
    Kind {
        name: "receipt_of_another_tree",
        fault: fault(&[V::ReceiptStale], Cause::Infrastructure, ALL),
        plant: |_, _| Meddling::StaleReceipt,
    },
    Kind {
        name: "change_edits_a_test",
        fault: fault(&[V::UnexpectedFileChange], Cause::WrongChange, ALL),
        plant: |_, _| Meddling::EditsATest,
    },
    Kind {
        name: "change_breaks_another_test",
        fault: fault(&[V::TestExpectation], Cause::WrongChange, ALL),
        plant: |_, _| Meddling::BreaksAnother,
    },
    Kind {
        name: "change_does_nothing",
        fault: fault(&[V::TestExpectation], Cause::WrongChange, ALL),
        plant: |_, _| Meddling::DoesNothing,
    },
    Kind {
        name: "change_hides_tests",
        fault: fault(
            &[V::VanishedTest, V::TestExpectation, V::UnexpectedFileChange],
            Cause::WrongChange,
            ALL,
        ),
        plant: |project, _| {
            project.be(true);
            Meddling::HidesTests
        },
    },
    Kind {
        name: "change_breaks_a_flaky_test",
        fault: fault_beside(&[V::TestExpectation], Cause::WrongChange, &[V::UnsteadyTest]),
        plant: breaks_flaky,
    },
    Kind {
        name: "process_is_killed",
        fault: fault(&[V::ProcessKilled], Cause::Infrastructure, ALL),
        plant: killed,
    },
    Kind {
        name: "outcome_comes_twice",
        fault: fault(&[V::LateOutcome], Cause::Infrastructure, ALL),
        plant: |_, chance| Meddling::AnswersTwice(chance.below(4)),
    },
    Kind {
        name: "outcome_comes_late",
        fault: fault_beside(&[V::LateOutcome], Cause::Infrastructure, &[V::Timeout]),
        plant: |_, chance| Meddling::AnswersLate(chance.below(4)),
    },
    Kind {
        name: "model_answers_off_contract",
        fault: fault(&[V::OffContract], Cause::Infrastructure, ALL),
        plant: models::off_contract,
    },
    Kind {
        name: "model_is_silent",
        fault: fault(&[V::Timeout], Cause::Infrastructure, ALL),
        plant: models::silent,
    },
    Kind {
        name: "model_breaks_off",
        fault: fault(&[V::ActionFailed], Cause::Infrastructure, ALL),
        plant: models::breaks_off,
    },
    Kind {
        name: "model_is_overloaded",
        fault: fault(&[V::ActionFailed], Cause::Infrastructure, ALL),
        plant: models::overloaded,
    },
    Kind {
        name: "person_commits_another_file",
        fault: fault(&[V::ConcurrentChange], Cause::ConcurrentChange, ALL),
        plant: |_, chance| {
            Meddling::Commits("README.md".into(), format!("# Helpers\n\nCommitted {}.\n", chance.below(100)))
        },
    },
    Kind {
        name: "person_commits_the_same_lines",
        fault: fault(&[V::ConcurrentChange], Cause::ConcurrentChange, A_PERSON),
        plant: commits_the_same,
    },
    Kind {
        name: "person_commits_what_breaks",
        fault: fault(&[V::ConcurrentChange], Cause::ConcurrentChange, A_PERSON),
        plant: commits_what_breaks,
    },
    Kind { name: "plain", fault: None, plant: |_, _| Meddling::None },
    Kind { name: "slow_tests", fault: None, plant: slow },
    Kind { name: "warnings", fault: None, plant: warnings },
    Kind { name: "much_output", fault: None, plant: output },
    Kind { name: "skipped_tests", fault: None, plant: skipped },
    Kind { name: "expected_failure", fault: None, plant: expected_failure },
    Kind { name: "random_data", fault: None, plant: random_data },
    Kind { name: "reordered_output", fault: None, plant: reordered },
    Kind { name: "writes_temporary_files", fault: None, plant: temporary },
    Kind { name: "handles_no_network", fault: None, plant: handles_no_network },
    Kind { name: "setting_with_default", fault: None, plant: default_setting },
    Kind { name: "expects_errors", fault: None, plant: expects_errors },
    Kind { name: "other_letters", fault: None, plant: other_letters },
    Kind { name: "agrees_twice", fault: None, plant: agrees_twice },
    Kind { name: "reformatted", fault: None, plant: reformatted },
    Kind { name: "person_touches_a_file", fault: None, plant: |_, _| Meddling::Touches("README.md".into()) },
    Kind { name: "person_builds", fault: None, plant: builds },
    Kind { name: "person_commits_elsewhere", fault: None, plant: |_, _| Meddling::CommitsElsewhere },
    Kind { name: "slow_agent", fault: None, plant: |_, chance| Meddling::IsSlow(chance.below(4)) },
    Kind {
        name: "slow_process",
        fault: None,
        plant: |project, chance| {
            in_processes(project, chance);
            Meddling::InProcesses
        },
    },
    Kind { name: "model_answers", fault: None, plant: models::answers },
    Kind { name: "model_is_slow", fault: None, plant: models::slow },
    Kind { name: "model_is_wrong_once", fault: None, plant: models::wrong_once },
];

impl Project {
    /// Draws again until the tests are of this kind: a `conftest.py` means nothing to unittest, and outside of WASM not
    /// every machine has pytest.
    fn be(&mut self, pytest: bool) {
        let mut chance = Chance::of(7, self.files.len() as u64);
        while self.is_pytest != pytest {
            *self = Self::draw(&mut chance);
        }
    }
}

fn flaky(project: &mut Project, chance: &mut Chance) -> Meddling {
    // A test that passes nine times in ten may be green for as long as anyone looks; one that hardly ever passes is broken.
    let passes = 35 + chance.below(31);
    project.add_test(
        "test_now_and_then",
        &format!("    import random\n    assert random.random() < 0.{passes}\n"),
    );
    Meddling::None
}

/// A test that is flaky anyway is the only one that sees what the change breaks.
fn breaks_flaky(project: &mut Project, chance: &mut Chance) -> Meddling {
    let limit = 10 + chance.below(90);
    let passes = 40 + chance.below(21);
    project.add_code(
        &format!("\n\ndef limit():\n    return {limit}\n"),
        &format!("assert limit() == {limit}\n"),
    );
    let module = project.module;
    let body = format!(
        "    import random\n    from {module} import limit\n    assert limit() == {limit}\n    assert random.random() < 0.{passes}\n"
    );
    project.add_test("test_limit_now_and_then", &body);
    Meddling::BreaksTheFlaky(limit)
}

/// Tests that take long enough for a process to be met in one of them. Not every machine has pytest.
fn in_processes(project: &mut Project, chance: &mut Chance) {
    project.be(false);
    for n in 0..2 {
        let ms = 500 + chance.below(500);
        let body = format!("    import time\n    time.sleep({ms} / 1000)\n    assert True\n");
        project.add_test(&format!("test_takes_long_{n}"), &body);
    }
}

fn killed(project: &mut Project, chance: &mut Chance) -> Meddling {
    in_processes(project, chance);
    // Of the actions of a repair, two run the whole suite.
    let at = if chance.below(2) == 0 { BASELINE } else { PROOF };
    let victim = if chance.below(2) == 0 { Victim::Program } else { Victim::Holder };
    Meddling::KillsAProcess(at, victim)
}

fn order_dependent(project: &mut Project, _: &mut Chance) -> Meddling {
    project.above_tests("SEEN = []\n");
    // By name, the one that leaves something behind comes first.
    project.add_test("test_a_leaves_something", "    SEEN.append(1)\n    assert SEEN\n");
    project.add_test("test_b_wants_a_clean_slate", "    assert SEEN == []\n");
    Meddling::None
}

fn network(project: &mut Project, chance: &mut Chance) -> Meddling {
    project.be(false);
    let host = chance.pick(&["example.com", "api.example.org", "pypi.org"]).copied().unwrap_or("example.com");
    let body = format!("    import socket\n    assert socket.create_connection(({host:?}, 80), timeout=2)\n");
    project.add_test("test_online", &body);
    Meddling::None
}

fn module(project: &mut Project, chance: &mut Chance) -> Meddling {
    let name = chance.pick(&["billing_sdk", "acme_client", "fastframes"]).copied().unwrap_or("acme_client");
    project.add_test("test_with_client", &format!("    import {name}\n    assert {name}.VERSION\n"));
    Meddling::None
}

fn setting(project: &mut Project, chance: &mut Chance) -> Meddling {
    let name =
        chance.pick(&["BILLING_TOKEN", "DATABASE_URL", "SERVICE_REGION"]).copied().unwrap_or("API_TOKEN");
    project.add_test("test_configured", &format!("    import os\n    assert os.environ[{name:?}]\n"));
    Meddling::None
}

fn program(project: &mut Project, chance: &mut Chance) -> Meddling {
    project.be(false);
    let name = chance.pick(&["frobnicate", "acmectl", "pdfsmith"]).copied().unwrap_or("acmectl");
    let body = format!(
        "    import subprocess\n    assert subprocess.run([{name:?}, \"--version\"]).returncode == 0\n"
    );
    project.add_test("test_tool", &body);
    Meddling::None
}

fn memory(project: &mut Project, chance: &mut Chance) -> Meddling {
    project.be(false);
    let gib = 6 + chance.below(20);
    project.add_test("test_large_table", &format!("    assert len(bytearray({gib} << 30)) > 0\n"));
    Meddling::None
}

fn contradiction(project: &mut Project, _: &mut Chance) -> Meddling {
    let (_, (call, value)) = project.sound;
    let other = match value {
        "True" => "False".to_owned(),
        "False" => "True".to_owned(),
        _ if value.starts_with('{') => "{'none': 0}".to_owned(),
        _ if value.starts_with('\'') => "'other'".to_owned(),
        number => format!("{number}7"),
    };
    let body = match project.is_pytest {
        true => format!("    assert {call} == {other}\n"),
        false => format!("    self.assertEqual({call}, {other})\n"),
    };
    project.add_test("test_says_otherwise", &body);
    Meddling::None
}

fn edits_another(_: &mut Project, chance: &mut Chance) -> Meddling {
    Meddling::Writes("README.md".into(), format!("# Helpers\n\nEdited {} times.\n", chance.below(100)))
}

fn edits_the_same(project: &mut Project, _: &mut Chance) -> Meddling {
    let path = format!("{}.py", project.module);
    let text = project.files.get(&path).cloned().unwrap_or_default();
    Meddling::Writes(path, format!("{text}\n\nLATER = True\n"))
}

fn adds_a_file(_: &mut Project, chance: &mut Chance) -> Meddling {
    Meddling::Writes(format!("notes_{}.txt", chance.below(100)), "To be done.\n".into())
}

fn removes_a_file(_: &mut Project, _: &mut Chance) -> Meddling {
    Meddling::Removes("README.md".into())
}

/// Every line of the function that has the bug gets an end of its own: whatever mends it does not fit.
fn commits_the_same(project: &mut Project, _: &mut Chance) -> Meddling {
    let text = project.files.get(&project.code()).cloned().unwrap_or_default();
    let theirs: String = project.broken.0.lines().map(|line| format!("{line}  # later\n")).collect();
    Meddling::Commits(project.code(), text.replacen(&project.broken.0, &theirs, 1))
}

/// The change goes with it, and the suite does not: a function that was sound is not any more.
fn commits_what_breaks(project: &mut Project, _: &mut Chance) -> Meddling {
    let text = project.files.get(&project.code()).cloned().unwrap_or_default();
    let (name, _) = project.sound;
    Meddling::Commits(project.code(), format!("{text}\n\ndef {name}(*_):\n    return None\n"))
}

fn slow(project: &mut Project, chance: &mut Chance) -> Meddling {
    let ms = 50 + chance.below(250);
    project.add_test(
        "test_takes_its_time",
        &format!("    import time\n    time.sleep({ms} / 1000)\n    assert True\n"),
    );
    Meddling::None
}

fn warnings(project: &mut Project, _: &mut Chance) -> Meddling {
    let body =
        "    import warnings\n    warnings.warn('this will go away', DeprecationWarning)\n    assert True\n";
    project.add_test("test_warns", body);
    Meddling::None
}

fn output(project: &mut Project, chance: &mut Chance) -> Meddling {
    let lines = 200 + chance.below(2_000);
    let body = format!(
        "    import sys\n    for n in range({lines}):\n        print('Error: no', n, file=sys.stderr)\n    assert True\n"
    );
    project.add_test("test_says_a_lot", &body);
    Meddling::None
}

fn skipped(project: &mut Project, _: &mut Chance) -> Meddling {
    project.add_test(
        "test_not_here",
        "    import unittest\n    raise unittest.SkipTest('not on this system')\n",
    );
    Meddling::None
}

fn expected_failure(project: &mut Project, _: &mut Chance) -> Meddling {
    project.above_tests("import unittest\n");
    let text = project.files.entry(project.test_file.clone()).or_default();
    *text += "\n\nclass Known(unittest.TestCase):\n    @unittest.expectedFailure\n    def test_known_bug(self):\n        self.assertEqual(1, 2)\n";
    Meddling::None
}

fn random_data(project: &mut Project, _: &mut Chance) -> Meddling {
    let body = "    import random\n    values = [random.random() for _ in range(50)]\n    assert sorted(values)[0] == min(values)\n";
    project.add_test("test_any_values", body);
    Meddling::None
}

fn reordered(project: &mut Project, _: &mut Chance) -> Meddling {
    let body = "    import random\n    words = ['a', 'b', 'c', 'd']\n    random.shuffle(words)\n    print(*words)\n    assert set(words) == {'a', 'b', 'c', 'd'}\n";
    project.add_test("test_in_any_order", body);
    Meddling::None
}

fn temporary(project: &mut Project, _: &mut Chance) -> Meddling {
    let body = "    import os, tempfile\n    with tempfile.TemporaryDirectory() as place:\n        with open(os.path.join(place, 'x'), 'w') as file:\n            file.write('x')\n        assert os.listdir(place) == ['x']\n";
    project.add_test("test_writes", body);
    Meddling::None
}

fn handles_no_network(project: &mut Project, _: &mut Chance) -> Meddling {
    let body = "    import socket\n    try:\n        socket.create_connection(('example.com', 80), timeout=1).close()\n    except Exception:\n        pass\n    assert True\n";
    project.add_test("test_offline", body);
    Meddling::None
}

fn default_setting(project: &mut Project, _: &mut Chance) -> Meddling {
    project.add_test(
        "test_default",
        "    import os\n    assert os.environ.get('BILLING_TOKEN', 'none') == 'none'\n",
    );
    Meddling::None
}

fn expects_errors(project: &mut Project, _: &mut Chance) -> Meddling {
    let body = "    for error in (MemoryError, ConnectionRefusedError, ModuleNotFoundError):\n        try:\n            raise error('No module named \\'x\\'')\n        except error:\n            pass\n";
    project.add_test("test_errors", body);
    Meddling::None
}

fn other_letters(project: &mut Project, _: &mut Chance) -> Meddling {
    project.add_test("test_letters", "    assert 'größer'.upper() == 'GRÖSSER' and len('日本語') == 3\n");
    Meddling::None
}

fn agrees_twice(project: &mut Project, _: &mut Chance) -> Meddling {
    let (_, (call, value)) = project.sound;
    let body = match project.is_pytest {
        true => format!("    assert {call} == {value}\n"),
        false => format!("    self.assertEqual({call}, {value})\n"),
    };
    project.add_test("test_says_it_again", &body);
    Meddling::None
}

fn reformatted(project: &mut Project, _: &mut Chance) -> Meddling {
    let path = format!("{}.py", project.module);
    if let Some(text) = project.files.get_mut(&path) {
        *text = text.replace("    ", "\t");
    }
    Meddling::None
}

fn builds(project: &mut Project, _: &mut Chance) -> Meddling {
    project.files.insert(".gitignore".into(), "build/\n*.pyc\n".into());
    Meddling::Writes("build/log.txt".into(), "built\n".into())
}
