//! What came of an attempt, in a sentence.

use coditect_types::outcome::{Carried, ChangedFile, LeftOut};
use coditect_types::{Context, Outcome};

use super::{count, count_of, rung, snapshot, span, tests, tests_after, tier};
use crate::words;

/// What came of an attempt, as a sentence without its full stop.
pub(crate) fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::SnapshotTaken { snapshot: taken } => format!("kept {}", snapshot(taken)),
        Outcome::ProjectSurveyed { project, .. } => format!(
            "found a {} project whose tests run with `{}`, for the {} sandbox ({})",
            project.language,
            words::join(&project.command),
            tier(project.tier),
            project.tier_reason
        ),
        Outcome::BaselineMeasured { report, suspects, tier: ran, spent, .. } => {
            let problems = match report.problems.len() {
                0 => String::new(),
                n => format!("; {}", count_of(n, "problem")),
            };
            format!(
                "ran the suite in the {} sandbox: {}; {}; {} in {}{problems}",
                tier(*ran),
                tests(report),
                count_of(suspects.len(), "suspicious line"),
                count(spent.sandbox_runs, "sandbox run"),
                span(spent.wall_ms),
            )
        }
        Outcome::ChangeProposed { proposal, spent } => format!(
            "found a change on rung {} after {} in {}, confidence {:.2}: {}",
            rung(proposal.rung),
            count(spent.candidates, "candidate"),
            span(spent.wall_ms),
            proposal.confidence,
            proposal.explanation.trim_end_matches('.')
        ),
        Outcome::NoChangeFound { rung: on, account, at_limit, spent, .. } => format!(
            "found no change on rung {} after {} in {}{}: {}",
            rung(*on),
            count(spent.candidates, "candidate"),
            span(spent.wall_ms),
            if *at_limit { ", at its limit" } else { "" },
            account.trim_end_matches('.')
        ),
        Outcome::NeedsFirst { why, .. } => format!("delegated a part of it: {why}"),
        Outcome::ContextGathered { context } => gathered(context),
        Outcome::ModelAnswered { model, reply, spent } => format!(
            "`{model}` answered with {} ({} tokens in, {} out) in {}{}",
            words::bytes(reply.text.len()),
            reply.usage.tokens_in,
            reply.usage.tokens_out,
            span(spent.wall_ms),
            if reply.kept { ", kept from an earlier call" } else { "" }
        ),
        Outcome::ChangesMerged { proposal, left_out, .. } => merged(proposal.is_some(), left_out),
        Outcome::SpecificationWritten { model, tests, files, .. } => specified(model, tests, files),
        Outcome::ReplyRefused { account, .. } => lower(account.trim_end_matches('.')),
        Outcome::ChangeReviewed { objections, remarks } => reviewed(objections, remarks),
        Outcome::ChangeVerified { receipt, report, .. } => format!(
            "ran the suite on the changed tree in the {} sandbox: {}, exit code {}{}",
            tier(receipt.tier),
            // The report has the red tests only, the receipt has them all.
            tests_after(receipt),
            receipt.exit_code,
            report.problems.first().map_or_else(String::new, |problem| format!("; {problem}"))
        ),
        Outcome::HeadMoved { carried } => head_moved(carried),
        Outcome::HandedOver { branch, patch, .. } => handed_over(branch.as_deref(), patch.as_deref()),
        Outcome::NothingDone => "did nothing, as planned".to_owned(),
        Outcome::Failed { failure, .. } => format!("could not: {}", failure.cause),
    }
}

fn head_moved(carried: &Carried) -> String {
    let head = carried.head.get(..12).unwrap_or(&carried.head);
    match carried.conflicts.first() {
        None => format!("found that the branch is at `{head}` by now, and put the change on top of it"),
        Some(first) => {
            format!(
                "found that the branch is at `{head}` by now, which does not go with the change in `{first}`"
            )
        }
    }
}

fn handed_over(branch: Option<&str>, patch: Option<&str>) -> String {
    match (branch, patch) {
        (Some(branch), _) => format!("handed the change over on branch `{branch}`"),
        (None, Some(patch)) => format!("handed the change over as `{patch}`"),
        (None, None) => "handed nothing over".to_owned(),
    }
}

fn reviewed(objections: &[String], remarks: &[String]) -> String {
    match (objections.first(), remarks.len()) {
        (Some(first), _) => format!("objects to the change: {first}"),
        (None, 0) => "found nothing to object to in the change".to_owned(),
        (None, n) => format!("found nothing to object to in the change, with {}", count_of(n, "remark")),
    }
}

fn gathered(context: &Context) -> String {
    let bytes: usize = context.fragments.iter().map(|fragment| fragment.text.len()).sum();
    format!("gathered {} of {} files for a model", words::bytes(bytes), context.fragments.len())
}

fn merged(is_kept: bool, left_out: &[LeftOut]) -> String {
    let what = match is_kept {
        true => "put the strands' changes together",
        false => "kept no change of the strands",
    };
    let out = left_out.iter().map(|one| format!("; strand {} was left out: {}", one.strand, one.why));
    format!("{what}{}", out.collect::<String>())
}

/// A sentence that goes on after another.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn specified(model: &str, tests: &[String], files: &[ChangedFile]) -> String {
    let named: Vec<String> = files.iter().map(|file| format!("`{}`", file.path)).collect();
    let red = count_of(tests.len(), "test");
    format!("`{model}` wrote tests that show what is asked for, {red} red, in {}", named.join(", "))
}
