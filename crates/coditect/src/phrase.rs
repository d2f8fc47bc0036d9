//! Plain sentences for what the journal holds.

mod outcome;

use anstyle::Style;
use coditect_types::event::{Cause, Response, TaskEnd, ViolationKind};
use coditect_types::limits::Verdict;
use coditect_types::model::dollars;
use coditect_types::testing::TestReport;
use coditect_types::{
    Expectation, Intent, Ledger, MissionStatus, Receipt, Rung, Snapshot, Stage, Strand, StrandId, TestStatus,
    Tier,
};

use crate::out::paint;

pub(crate) use coditect_runtime::said::{count, count_of, enforced, grouped, moment, percent, span};

pub(crate) use outcome::outcome;

/// Files of a strand that are named.
const FILES: usize = 5;

/// How long ago, in one unit: `just now`, `5 min ago`, `3 d ago`.
pub(crate) fn ago(now_ms: u64, then_ms: u64) -> String {
    let seconds = now_ms.saturating_sub(then_ms) / 1000;
    match seconds {
        0..60 => "just now".to_owned(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// A status as in the journal's JSON.
pub(crate) fn status(status: MissionStatus) -> &'static str {
    match status {
        MissionStatus::Verified => "verified",
        MissionStatus::PartlyVerified => "partly_verified",
        MissionStatus::Unverified => "unverified",
        MissionStatus::Failed => "failed",
        MissionStatus::NeedsPerson => "needs_person",
        MissionStatus::OverLimit => "over_limit",
        MissionStatus::Cancelled => "cancelled",
    }
}

/// The colour of a status.
pub(crate) fn status_style(status: MissionStatus) -> Style {
    match status {
        MissionStatus::Verified => paint::GOOD.bold(),
        MissionStatus::PartlyVerified
        | MissionStatus::Unverified
        | MissionStatus::NeedsPerson
        | MissionStatus::OverLimit => paint::WARN.bold(),
        MissionStatus::Failed | MissionStatus::Cancelled => paint::BAD.bold(),
    }
}

/// A rung of the ladder.
pub(crate) fn rung(rung: Rung) -> &'static str {
    match rung {
        Rung::Memory => "memory",
        Rung::Recipe => "recipe",
        Rung::Reflex => "reflex",
        Rung::SmallModel => "small model",
        Rung::LargeModel => "large model",
    }
}

/// A tier of the sandbox.
pub(crate) fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Wasm => "wasm",
        Tier::Os => "os",
        Tier::Container => "container",
    }
}

/// Which strand something is for, as the end of a phrase; nothing where it is for all of the mission.
pub(crate) fn of_strand(strand: Option<StrandId>) -> String {
    strand.map_or_else(String::new, |strand| format!(" for strand {strand}"))
}

/// A strand: what it is to turn green, and what it alone may change.
pub(crate) fn strand(strand: &Strand) -> String {
    let files: Vec<String> = strand.files.iter().take(FILES).map(|file| format!("`{file}`")).collect();
    let more = strand.files.len().saturating_sub(files.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!(
        "strand {} is to turn {} green and alone may change {}{more}",
        strand.id,
        count_of(strand.tests.len(), "test"),
        files.join(", ")
    )
}

/// A stage: what it is to do, and after which others.
pub(crate) fn stage(stage: &Stage) -> String {
    let needs: Vec<String> = stage.needs.iter().map(ToString::to_string).collect();
    let after = match needs.len() {
        0 => String::new(),
        1 => format!(" (after stage {})", needs.join("")),
        _ => format!(" (after stages {})", needs.join(", ")),
    };
    format!("stage {}: {}{after}", stage.id, stage.what.trim_end_matches('.'))
}

/// What a task is for.
pub(crate) fn intent(intent: &Intent) -> String {
    match intent {
        Intent::TakeSnapshot => "take a snapshot".to_owned(),
        Intent::SurveyProject => "survey the project".to_owned(),
        Intent::MeasureBaseline => "measure the baseline".to_owned(),
        Intent::TurnTestsGreen { rung: of } => format!("seek a change ({})", rung(*of)),
        Intent::GatherContext => "gather what a model must know".to_owned(),
        Intent::GatherMore { files } => {
            let named: Vec<String> = files.iter().map(|file| format!("`{file}`")).collect();
            format!("gather {} for a model", named.join(", "))
        }
        Intent::AskForPlan { model } => format!("ask the model `{model}` how the request divides"),
        Intent::AskModel { model } => format!("ask the model `{model}`"),
        Intent::AskForTests { model } => format!("ask the model `{model}` for tests of what is asked for"),
        Intent::TrySpecification { rung: of } => format!("try the tests ({})", rung(*of)),
        Intent::TryReply { rung: of } => format!("try the answer ({})", rung(*of)),
        Intent::Rename => "replace a name".to_owned(),
        Intent::MergeStrands => "make one change of those of the strands".to_owned(),
        Intent::ReviewChange => "review the change".to_owned(),
        Intent::VerifyChange => "verify the change".to_owned(),
        Intent::HandOver => "hand the change over".to_owned(),
        Intent::DoNothing => "do nothing".to_owned(),
    }
}

/// An expectation, as the end of "it was expected that".
pub(crate) fn expectation(expectation: &Expectation) -> String {
    match expectation {
        Expectation::Succeeds { probability } => format!("it succeeds ({})", percent(*probability)),
        Expectation::TestsTurnGreen { tests, probability } => {
            format!("{} turn green ({})", count_of(tests.len(), "test"), percent(*probability))
        }
        Expectation::TestsStayGreen { probability } => {
            format!("every green test stays green ({})", percent(*probability))
        }
        Expectation::NoTestVanishes { probability } => {
            format!("no test vanishes ({})", percent(*probability))
        }
        Expectation::TestFilesUntouched { probability } => {
            format!("no file of the tests is changed ({})", percent(*probability))
        }
        Expectation::TestsAreSteady { probability } => {
            format!("each test ends alike each time ({})", percent(*probability))
        }
        Expectation::TestsCanBeMet { probability } => {
            format!("what the tests need is there, and none contradicts another ({})", percent(*probability))
        }
        Expectation::WorkspaceStays { probability } => {
            format!("your files are what they were when it began ({})", percent(*probability))
        }
        Expectation::EndsWithin { ms, probability } => {
            format!("it ends within {} ({})", span(*ms), percent(*probability))
        }
    }
}

/// A kind of violation.
pub(crate) fn violation(kind: ViolationKind) -> &'static str {
    match kind {
        ViolationKind::TestExpectation => "a test did not end as expected",
        ViolationKind::VanishedTest => "a test is gone",
        ViolationKind::Objection => "the review objects",
        ViolationKind::UnexpectedFileChange => "a file changed that must not",
        ViolationKind::Timeout => "it took too long",
        ViolationKind::ActionFailed => "the action failed",
        ViolationKind::LateOutcome => "an outcome came late",
        ViolationKind::UnsteadyTest => "a test is not steady",
        ViolationKind::Environment => "something that is needed is not there",
        ViolationKind::Resource => "a limit was reached",
        ViolationKind::OffContract => "an agent answered what it was not asked",
        ViolationKind::AgentSilent => "an agent broke",
        ViolationKind::SpecificationConflict => "two tests contradict each other",
        ViolationKind::ConcurrentChange => "your files changed meanwhile",
        ViolationKind::ProcessKilled => "a process of the tests was killed",
        ViolationKind::HarmfulPart => "a part of the change breaks what was green",
        ViolationKind::Stuck => "the work goes in a circle",
        ViolationKind::ReceiptStale => "the evidence is of another tree",
    }
}

/// A cause.
pub(crate) fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Flaky => "flaky",
        Cause::OrderDependent => "order-dependent",
        Cause::WrongChange => "a wrong change",
        Cause::WrongTest => "a wrong test",
        Cause::Environment => "the environment",
        Cause::ConcurrentChange => "a change made meanwhile",
        Cause::Resource => "a limit",
        Cause::Infrastructure => "infrastructure",
        Cause::SpecificationConflict => "tests that contradict each other",
        Cause::Stuck => "a circle",
        Cause::Unknown => "unknown",
    }
}

/// What was decided about a violation.
pub(crate) fn response(response: Response) -> &'static str {
    match response {
        Response::Ignore => "it was noted, and nothing else",
        Response::Retry => "the same was tried again",
        Response::Ask => "a person is asked",
        Response::Replan => "another way was planned",
        Response::Stop => "the task was given up",
    }
}

/// A person's answer.
pub(crate) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Approved => "approved",
        Verdict::Denied => "denied",
    }
}

/// Who answered a question.
pub(crate) fn by(by: Option<&str>) -> String {
    by.map_or_else(|| "since nobody answered in time".to_owned(), |by| format!("by {by}"))
}

/// How a task ended.
pub(crate) fn task_end(end: TaskEnd) -> &'static str {
    match end {
        TaskEnd::Done => "done",
        TaskEnd::Failed => "failed",
        TaskEnd::Dropped => "dropped",
    }
}

/// What was spent, in a phrase.
pub(crate) fn spent(ledger: &Ledger) -> String {
    format!(
        "{} ({}), {}, {}",
        count(ledger.model_calls, "model call"),
        dollars(ledger.micro_usd),
        count(ledger.candidates, "candidate"),
        count(ledger.sandbox_runs, "sandbox run"),
    )
}

/// Counts of a report: `21 tests: 19 passed, 2 failed`.
pub(crate) fn tests(report: &TestReport) -> String {
    counts(report.tests.iter().map(|test| test.status))
}

/// Counts of a receipt's tests after the change.
pub(crate) fn tests_after(receipt: &Receipt) -> String {
    counts(receipt.after.values().copied())
}

fn counts(statuses: impl Iterator<Item = TestStatus>) -> String {
    let mut by = std::collections::BTreeMap::<TestStatus, u64>::new();
    for status in statuses {
        *by.entry(status).or_default() += 1;
    }
    if by.is_empty() {
        return "no test ran".to_owned();
    }
    let parts: Vec<_> =
        by.iter().map(|(status, n)| format!("{} {}", grouped(*n), test_status(*status))).collect();
    format!("{}: {}", count(by.values().sum(), "test"), parts.join(", "))
}

pub(crate) fn test_status(status: TestStatus) -> &'static str {
    match status {
        TestStatus::Passed => "passed",
        TestStatus::Failed => "failed",
        TestStatus::Errored => "errored",
        TestStatus::Skipped => "skipped",
        TestStatus::TimedOut => "timed out",
        TestStatus::NotRun => "not run",
    }
}

/// What a snapshot holds.
pub(crate) fn snapshot(snapshot: &Snapshot) -> String {
    let work = if snapshot.uncommitted { ", with uncommitted work" } else { "" };
    let left = match snapshot.left_out.len() {
        0 => String::new(),
        n => format!("; {} left out", count_of(n, "thing")),
    };
    format!("a snapshot of {}{work}{left}", count(snapshot.files, "file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_long_ago_is_told_in_one_unit() {
        assert_eq!(ago(10_000_000, 9_990_000), "just now");
        assert_eq!(ago(10_000_000, 0), "2 h ago");
    }
}
