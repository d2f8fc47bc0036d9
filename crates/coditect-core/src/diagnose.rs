//! Diagnoses: why an expectation was contradicted, as far as what was observed tells.
//!
//! Agents make the experiments (a test again, alone, in another order, without the change); what they saw stands in their
//! outcomes. Here it is weighed.

use coditect_types::event::{Cause, Diagnosis, Response, ViolationKind};
use coditect_types::outcome::{Halved, HarmfulPart};
use coditect_types::testing::{Conflict, OrderSeen};
use coditect_types::{ErrorKind, Failure, TestReport, TestResult};

use crate::belief;
use crate::expect::Violation;

/// Violations of one kind that a baseline may show before the rest is left to the report.
const MOST: usize = 20;
/// Runs that tell a test that depends on others from one that does not: beside them, alone, and beside them again.
const COMPANY_RUNS: u32 = 3;
/// How sure it is that such a test depends on others: it ended so twice, and otherwise alone.
const BESIDE_OTHERS: f64 = 0.97;
/// How sure it is that a change is wrong with which such a test is red.
const BY_ORDER: f64 = 0.5;
/// Two tests that name the same call with the same arguments mean the same thing, most times: what stands before the call
/// may differ.
const CONTRADICTS: f64 = 0.9;

/// What a baseline shows beside tests that are red.
#[must_use]
pub fn baseline(report: &TestReport) -> Vec<Violation> {
    let unsteady = report.flaky().take(MOST).map(|test| {
        let (passed, ran) = test.passes_of_runs.unwrap_or_default();
        unsteady(&test.id, passed, ran)
    });
    let beside = report.order_dependent.iter().take(MOST).map(|id| {
        let seen = report.orders.iter().find(|seen| seen.test == *id);
        let green = seen.map(|seen| format!(", and green in another order (seed {})", seen.seed));
        by_order(id, &format!("red beside the others, green by itself{}", green.unwrap_or_default()))
    });
    let only_so = report.orders.iter().filter(|seen| !report.order_dependent.contains(&seen.test));
    let beside = beside.chain(only_so.take(MOST).map(|seen| {
        let (own, other) = if seen.green { ("red", "green") } else { ("green", "red") };
        by_order(
            &seen.test,
            &format!("{own} in the suite's own order and {other} in another (seed {})", seen.seed),
        )
    }));
    let lacking = report.red().filter_map(|test| Some((test, lacks(test)?))).take(MOST);
    let lacking = lacking.map(|(test, lack)| Violation {
        kind: if lack.cause == Cause::Resource {
            ViolationKind::Resource
        } else {
            ViolationKind::Environment
        },
        expected: format!("what `{}` needs is there", test.id),
        observed: format!("`{}` {}", test.id, lack.says),
        confidence: lack.confidence,
        response: Response::Ignore,
        diagnosis: Some(Diagnosis {
            cause: lack.cause,
            evidence: lack.evidence,
            confidence: lack.confidence,
            runs: 1,
        }),
    });
    let conflicts = report.conflicts.iter().take(MOST).map(|conflict| Violation {
        kind: ViolationKind::SpecificationConflict,
        expected: "no two tests contradict each other".into(),
        observed: both_sides(conflict),
        confidence: CONTRADICTS,
        response: Response::Ignore,
        diagnosis: Some(Diagnosis {
            cause: Cause::SpecificationConflict,
            evidence: both_sides(conflict),
            confidence: CONTRADICTS,
            runs: 0,
        }),
    });
    unsteady.chain(beside).chain(lacking).chain(conflicts).chain(killed(report)).collect()
}

/// How sure it is that somebody else killed a process which the sandbox did not: the kernel does so as well, for want of
/// memory of the whole machine.
const FROM_OUTSIDE: f64 = 0.9;

/// Processes of the tests that were killed from outside. Each was begun again, and says nothing of the test that it ran.
#[must_use]
pub fn killed(report: &TestReport) -> Option<Violation> {
    let first = report.killed.first()?;
    let named = report.killed.iter().find(|test| !test.is_empty()).unwrap_or(first);
    let while_it_ran = if named.is_empty() { String::new() } else { format!(" while `{named}` ran") };
    let evidence = match report.killed.len() {
        1 => format!("a process was ended by SIGKILL{while_it_ran}, and another one ran to its end"),
        n => format!("{n} processes were ended by SIGKILL, one{while_it_ran}, and others ran to their end"),
    };
    Some(Violation {
        kind: ViolationKind::ProcessKilled,
        expected: "nobody else ends the processes of the tests".into(),
        observed: evidence.clone(),
        confidence: FROM_OUTSIDE,
        response: Response::Ignore,
        diagnosis: Some(Diagnosis {
            cause: Cause::Infrastructure,
            evidence,
            confidence: FROM_OUTSIDE,
            runs: u32::try_from(report.killed.len()).unwrap_or(u32::MAX),
        }),
    })
}

/// A test whose end depends on which others ran before it.
fn by_order(id: &str, evidence: &str) -> Violation {
    Violation {
        kind: ViolationKind::UnsteadyTest,
        expected: format!("`{id}` ends alike whichever tests ran before it"),
        observed: format!("`{id}` is {evidence}"),
        confidence: BESIDE_OTHERS,
        response: Response::Ignore,
        diagnosis: Some(Diagnosis {
            cause: Cause::OrderDependent,
            evidence: evidence.to_owned(),
            confidence: BESIDE_OTHERS,
            runs: COMPANY_RUNS,
        }),
    }
}

/// A test that was green and is red with a change that it does not lead to, and red without it in another order: something that tests
/// share is wrong. Whether the change is too, nobody knows.
#[must_use]
pub fn red_by_order(seen: &OrderSeen) -> Violation {
    let evidence = format!(
        "red without the change, too, in another order (seed {}), and the change does not reach it",
        seen.seed
    );
    Violation {
        kind: ViolationKind::TestExpectation,
        expected: format!("`{}` is green with the change", seen.test),
        observed: format!("`{}` is red with it, and {evidence}", seen.test),
        confidence: BY_ORDER,
        response: Response::Replan,
        diagnosis: Some(Diagnosis {
            cause: Cause::OrderDependent,
            evidence,
            confidence: BESIDE_OTHERS,
            runs: COMPANY_RUNS,
        }),
    }
}

/// A test that passed so many of its runs on the same tree, and not all of them.
#[must_use]
pub fn unsteady(id: &str, passed: u32, ran: u32) -> Violation {
    let confidence = belief::flaky(passed, ran);
    Violation {
        kind: ViolationKind::UnsteadyTest,
        expected: format!("`{id}` ends alike each time"),
        observed: format!("`{id}` passed {passed} of {ran} runs on the same tree"),
        confidence,
        response: Response::Ignore,
        diagnosis: Some(Diagnosis {
            cause: Cause::Flaky,
            evidence: format!("{passed} of {ran} runs passed"),
            confidence,
            runs: ran,
        }),
    }
}

/// `` `add(1, 2)` is to be 3 in `a` and 4 in `b` ``.
#[must_use]
pub fn both_sides(conflict: &Conflict) -> String {
    let Conflict { about, one: (one, first), other: (other, second) } = conflict;
    format!("`{about}` is to be {first} in `{one}` and {second} in `{other}`")
}

/// Something that a test needs and that is not there.
#[derive(Clone, Debug, PartialEq)]
pub struct Lack {
    /// Whether it is around the project, or a limit.
    pub cause: Cause,
    /// What is missing, as the end of "the test ...".
    pub says: String,
    /// The words that tell it.
    pub evidence: String,
    /// How sure it is that no change of the code would help.
    pub confidence: f64,
}

/// Errors of the languages' own libraries for a network that cannot be reached.
const NETWORK_ERRORS: &[&str] = &[
    "gaierror",
    "ConnectionError",
    "ConnectError",
    "ConnectTimeout",
    "URLError",
    "MaxRetryError",
    "NameResolutionError",
    "OSError",
    "UnknownHostException",
    "NoRouteToHostException",
];
/// What such errors, and others, say of it.
const NO_NETWORK: &[&str] = &[
    "Name or service not known",
    "name resolution",
    "Network is unreachable",
    "getaddrinfo",
    "ENETUNREACH",
    "EAI_AGAIN",
    "ENOTFOUND",
    "dial tcp",
    "UnknownHostException",
    "no such host",
    "failed to lookup address",
];
/// Somebody should listen there: on the network, or in the program itself.
const REFUSED: &[&str] = &["Connection refused", "ECONNREFUSED"];
/// Errors for a limit that was reached, and what others say of one.
const LIMIT_ERRORS: &[&str] = &["MemoryError", "OutOfMemoryError"];
const NO_ROOM: &[&str] = &["index-sized integer", "No space left on device", "ENOSPC", "Disk quota exceeded"];

/// What a red test says that it lacks, if it does. An assertion that speaks of such a thing is about what the program says.
#[must_use]
pub fn lacks(test: &TestResult) -> Option<Lack> {
    let (error, said) = (test.error_type.as_str(), test.message.as_str());
    if error.is_empty() || error.contains("Assert") || error == "Failed" {
        return None;
    }
    let found =
        |words: &[&str]| words.iter().find(|word| said.contains(**word)).map(|word| (*word).to_owned());
    let is_one_of = |errors: &[&str]| errors.contains(&error);
    let lack = |cause, says: String, evidence, confidence| Some(Lack { cause, says, evidence, confidence });
    let network = |evidence, confidence| {
        let says = "asks for the network, which a sandbox has not".to_owned();
        lack(Cause::Environment, says, evidence, confidence)
    };
    if let Some(word) = found(NO_NETWORK) {
        return network(word, if is_one_of(NETWORK_ERRORS) { 0.95 } else { 0.7 });
    }
    if let Some(word) = found(REFUSED) {
        return network(word, 0.7);
    }
    if let Some(module) =
        after(said, "No module named '").filter(|_| is_one_of(&["ModuleNotFoundError", "ImportError"]))
    {
        // It may be misspelt, which a recipe can mend.
        return lack(
            Cause::Environment,
            format!("imports `{module}`, which is not there"),
            gone(module),
            0.8,
        );
    }
    let key = said.lines().next().unwrap_or_default().trim().trim_start_matches("KeyError: ");
    let key = key.strip_prefix('\'').and_then(|key| key.strip_suffix('\''));
    if let Some(name) = key.filter(|name| error == "KeyError" && is_setting(name)) {
        // A dictionary of the program's own may have such names, too.
        let says = format!("reads `{name}`, which the environment does not set");
        return lack(Cause::Environment, says, gone(name), 0.7);
    }
    if let Some(name) = missing_by_name(said).filter(|_| error == "FileNotFoundError") {
        return lack(Cause::Environment, format!("asks for `{name}`, which is not there"), gone(name), 0.85);
    }
    let limit = is_one_of(LIMIT_ERRORS).then(|| error.to_owned()).or_else(|| found(NO_ROOM));
    limit.and_then(|word| lack(Cause::Resource, format!("reached a limit ({word})"), word, 0.85))
}

fn gone(word: &str) -> String {
    format!("`{word}` is missing")
}

/// The quoted word behind `lead`.
fn after<'t>(text: &'t str, lead: &str) -> Option<&'t str> {
    text.split_once(lead)?.1.split_once('\'').map(|(word, _)| word).filter(|word| !word.is_empty())
}

/// A name as variables of the environment have.
fn is_setting(name: &str) -> bool {
    name.len() > 2 && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

/// What is missing and has a name like a program's: no folder, no ending, no capital.
fn missing_by_name(text: &str) -> Option<&str> {
    let name = after(text, "No such file or directory: '")?;
    let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    (name.len() > 2 && name.bytes().all(is_name)).then_some(name)
}

/// Why an action failed by itself.
#[must_use]
pub fn failure(failure: &Failure) -> Diagnosis {
    let cause = match failure.kind {
        ErrorKind::Exhausted => Cause::Resource,
        ErrorKind::NoSandbox | ErrorKind::Denied | ErrorKind::NotFound => Cause::Environment,
        ErrorKind::Conflict => Cause::ConcurrentChange,
        ErrorKind::Unavailable | ErrorKind::Interrupted | ErrorKind::Bug => Cause::Infrastructure,
        ErrorKind::Invalid => Cause::Unknown,
    };
    let confidence = if cause == Cause::Unknown { 0.5 } else { 0.9 };
    Diagnosis { cause, evidence: failure.cause.clone(), confidence, runs: 0 }
}

/// How sure it is that what a model said is no answer: it was read by rules, which may not know its way of writing.
const NO_ANSWER: f64 = 0.95;

/// A model's answer of which no change can be made, or none that may be. It is told so and asked again.
#[must_use]
pub fn no_answer(account: &str) -> Violation {
    Violation {
        kind: ViolationKind::OffContract,
        expected: "the model's answer is a change that can be made".into(),
        observed: account.to_owned(),
        confidence: NO_ANSWER,
        response: Response::Ignore,
        diagnosis: Some(Diagnosis {
            cause: Cause::Infrastructure,
            evidence: "no change could be made of the model's answer".into(),
            confidence: NO_ANSWER,
            runs: 0,
        }),
    }
}

/// A change that does something else than it is to do.
#[must_use]
pub fn wrong_change(evidence: impl Into<String>, confidence: f64, runs: u32) -> Diagnosis {
    Diagnosis { cause: Cause::WrongChange, evidence: evidence.into(), confidence, runs }
}

/// What was red with a part of a change, and not with the rest of it, was red so often.
const BY_HALVES: f64 = 0.95;

/// Parts of a change that break what was green. What was done about them, the outcome says.
pub fn halved(halved: &Halved) -> impl Iterator<Item = Violation> + '_ {
    let of_part = |part: &HarmfulPart| Violation {
        kind: ViolationKind::HarmfulPart,
        expected: "no part of a change breaks what was green".into(),
        observed: part.says(),
        confidence: BY_HALVES,
        response: Response::Ignore,
        diagnosis: Some(wrong_change(
            format!("red with {} and not without", part.places.join(", ")),
            BY_HALVES,
            halved.runs,
        )),
    };
    halved.parts.iter().take(MOST).map(of_part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use coditect_types::TestStatus;

    fn red(error_type: &str, message: &str) -> TestResult {
        TestResult {
            id: "test_a.py::test".into(),
            status: TestStatus::Errored,
            us: 1,
            message: message.into(),
            error_type: error_type.into(),
            frames: Vec::new(),
            passes_of_runs: None,
        }
    }

    #[test]
    fn what_a_test_lacks_is_read_from_what_it_says() {
        let environment = [
            ("gaierror", "[Errno -3] Temporary failure in name resolution", "network", 0.95),
            ("OSError", "[Errno 101] Network is unreachable", "network", 0.95),
            ("Error", "getaddrinfo ENOTFOUND example.com", "network", 0.7),
            ("ConnectionRefusedError", "[Errno 111] Connection refused", "network", 0.7),
            ("ModuleNotFoundError", "No module named 'requests'", "`requests`", 0.8),
            ("KeyError", "'API_TOKEN'", "`API_TOKEN`", 0.7),
            ("FileNotFoundError", "[Errno 2] No such file or directory: 'ffmpeg'", "`ffmpeg`", 0.85),
        ];
        let resource = [
            ("MemoryError", "", "limit", 0.85),
            ("OverflowError", "cannot fit 'int' into an index-sized integer", "limit", 0.85),
            ("OSError", "[Errno 28] No space left on device", "limit", 0.85),
        ];
        let all = environment.map(|row| (Cause::Environment, row)).into_iter();
        for (cause, (error, message, names, confidence)) in
            all.chain(resource.map(|row| (Cause::Resource, row)))
        {
            let lack = lacks(&red(error, message)).unwrap_or_else(|| panic!("{message}"));
            assert_eq!((lack.cause, lack.confidence), (cause, confidence), "{message}");
            assert!(lack.says.contains(names), "{lack:?}");
        }
    }

    #[test]
    fn what_a_wrong_program_says_is_no_lack() {
        for (error, message) in [
            ("AssertionError", "3 != 4"),
            // What the program says of such things is its own.
            ("AssertionError", "'Connection refuse' != 'Connection refused'"),
            ("AssertionError", "ENOTFOUND"),
            ("", "left: \"no such host\", right: \"\""),
            ("KeyError", "'Name'"),
            ("ValueError", "'NAME'"),
            ("ValueError", "No module named 'x'"),
            ("FileNotFoundError", "[Errno 2] No such file or directory: 'data/table.csv'"),
            ("TimeoutError", "took longer than 3 s"),
            ("", ""),
        ] {
            assert_eq!(lacks(&red(error, message)), None, "{message}");
        }
    }

    #[test]
    fn a_process_that_was_killed_is_told_with_the_test_that_it_ran() {
        let of = |killed: &[&str]| {
            let killed = killed.iter().map(|test| (*test).to_owned()).collect();
            let found = baseline(&TestReport { killed, ..TestReport::default() });
            found.into_iter().map(|found| (found.kind, found.response, found.observed)).collect::<Vec<_>>()
        };
        assert_eq!(of(&[]), []);
        let found =
            |observed: &str| vec![(ViolationKind::ProcessKilled, Response::Ignore, observed.to_owned())];
        assert_eq!(of(&[""]), found("a process was ended by SIGKILL, and another one ran to its end"));
        let two = of(&["", "t::one"]);
        assert!(two[0].2.starts_with("2 processes") && two[0].2.contains("`t::one`"), "{two:?}");
    }

    #[test]
    fn an_order_that_showed_something_is_named_by_its_seed() {
        let seen = |test: &str, green| OrderSeen { test: test.into(), seed: 3, green };
        let report = TestReport {
            order_dependent: vec!["t::two".into()],
            orders: vec![seen("t::two", true), seen("t::one", false)],
            ..TestReport::default()
        };
        let found: Vec<String> = baseline(&report).into_iter().map(|found| found.observed).collect();
        assert_eq!(
            found,
            [
                "`t::two` is red beside the others, green by itself, and green in another order (seed 3)",
                "`t::one` is green in the suite's own order and red in another (seed 3)",
            ]
        );
        let red = red_by_order(&report.orders[1]);
        let thresholds = coditect_types::Policy::default().thresholds;
        let per_cent = red.confidence * 100.0;
        let is_asked =
            per_cent > f64::from(thresholds.ignore_below) && per_cent < f64::from(thresholds.act_from);
        assert!(is_asked, "neither sure nor harmless: a person is asked");
    }
}
