//! Diagnoses: why an expectation was contradicted, as far as what was observed tells.
//!
//! Agents make the experiments (a test again, alone, in another order, without the change); what they saw stands in their
//! outcomes. Here it is weighed.

use coditect_types::event::{Cause, Diagnosis, Response, ViolationKind};
use coditect_types::testing::Conflict;
use coditect_types::{ErrorKind, Failure, TestReport, TestResult};

use crate::belief;
use crate::expect::Violation;

/// Violations of one kind that a baseline may show before the rest is left to the report.
const MOST: usize = 20;
/// Runs that tell a test that depends on others from one that does not: beside them, alone, and beside them again.
const COMPANY_RUNS: u32 = 3;
/// How sure it is that such a test depends on others: it ended so twice, and otherwise alone.
const BESIDE_OTHERS: f64 = 0.97;
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
    let beside = report.order_dependent.iter().take(MOST).map(|id| Violation {
        kind: ViolationKind::UnsteadyTest,
        expected: format!("`{id}` ends alike whichever tests ran before it"),
        observed: format!("`{id}` is red beside the others and green by itself"),
        confidence: BESIDE_OTHERS,
        response: Response::Ignore,
        diagnosis: Some(Diagnosis {
            cause: Cause::OrderDependent,
            evidence: "red beside the others, green by itself".into(),
            confidence: BESIDE_OTHERS,
            runs: COMPANY_RUNS,
        }),
    });
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
    unsteady.chain(beside).chain(lacking).chain(conflicts).collect()
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

/// Words of errors that say that there is no network.
const NO_NETWORK: &[&str] = &[
    "Name or service not known",
    "name resolution",
    "Network is unreachable",
    "getaddrinfo",
    "Connection refused",
    "ConnectionRefusedError",
    "ENETUNREACH",
    "ECONNREFUSED",
    "EAI_AGAIN",
    "ENOTFOUND",
    "dial tcp",
    "UnknownHostException",
    "no such host",
    "failed to lookup address",
];
/// Words of errors that say that a limit was reached.
const NO_ROOM: &[&str] = &[
    "MemoryError",
    "index-sized integer",
    "No space left on device",
    "ENOSPC",
    "OutOfMemoryError",
    "Disk quota exceeded",
];

/// What a red test says that it lacks, if it does.
#[must_use]
pub fn lacks(test: &TestResult) -> Option<Lack> {
    let all = format!("{} {}", test.error_type, test.message);
    let found =
        |words: &[&str]| words.iter().find(|word| all.contains(**word)).map(|word| (*word).to_owned());
    let lack = |cause, says: String, evidence, confidence| Some(Lack { cause, says, evidence, confidence });
    if let Some(word) = found(NO_NETWORK) {
        return lack(Cause::Environment, "asks for the network, which a sandbox has not".into(), word, 0.95);
    }
    if let Some(module) = after(&all, "No module named '") {
        return lack(
            Cause::Environment,
            format!("imports `{module}`, which is not there"),
            all_of(module),
            // It may be misspelt, which a recipe can mend.
            0.8,
        );
    }
    let key = test.message.lines().next().unwrap_or_default().trim().trim_start_matches("KeyError: ");
    let key = key.strip_prefix('\'').and_then(|key| key.strip_suffix('\''));
    if let Some(name) = key.filter(|name| test.error_type == "KeyError" && is_setting(name)) {
        // A dictionary of the program's own may have such names, too.
        let says = format!("reads `{name}`, which the environment does not set");
        return lack(Cause::Environment, says, all_of(name), 0.7);
    }
    if let Some(program) = missing_program(&all) {
        return lack(
            Cause::Environment,
            format!("runs `{program}`, which is not there"),
            all_of(program),
            0.85,
        );
    }
    if let Some(word) = found(NO_ROOM) {
        return lack(Cause::Resource, format!("reached a limit ({word})"), word, 0.85);
    }
    None
}

fn all_of(word: &str) -> String {
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
fn missing_program(text: &str) -> Option<&str> {
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

/// A change that does something else than it is to do.
#[must_use]
pub fn wrong_change(evidence: impl Into<String>, confidence: f64, runs: u32) -> Diagnosis {
    Diagnosis { cause: Cause::WrongChange, evidence: evidence.into(), confidence, runs }
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
        for (error, message, cause, names) in [
            (
                "gaierror",
                "socket.gaierror: [Errno -3] Temporary failure in name resolution",
                Cause::Environment,
                "network",
            ),
            ("ConnectionRefusedError", "[Errno 111] Connection refused", Cause::Environment, "network"),
            ("ModuleNotFoundError", "No module named 'requests'", Cause::Environment, "`requests`"),
            ("KeyError", "'API_TOKEN'", Cause::Environment, "`API_TOKEN`"),
            (
                "FileNotFoundError",
                "[Errno 2] No such file or directory: 'ffmpeg'",
                Cause::Environment,
                "`ffmpeg`",
            ),
            ("MemoryError", "", Cause::Resource, "limit"),
            ("OSError", "[Errno 28] No space left on device", Cause::Resource, "limit"),
        ] {
            let lack = lacks(&red(error, message)).unwrap_or_else(|| panic!("{message}"));
            assert_eq!(lack.cause, cause, "{message}");
            assert!(lack.says.contains(names), "{lack:?}");
        }
    }

    #[test]
    fn what_a_wrong_program_says_is_no_lack() {
        for (error, message) in [
            ("AssertionError", "3 != 4"),
            ("KeyError", "'Name'"),
            ("ValueError", "'NAME'"),
            ("FileNotFoundError", "[Errno 2] No such file or directory: 'data/table.csv'"),
            ("TimeoutError", "took longer than 3 s"),
            ("", ""),
        ] {
            assert_eq!(lacks(&red(error, message)), None, "{message}");
        }
    }
}
