//! What a repair is told as: patches on standard output, their evidence beside them.

use std::fmt::Write;

use coditect_ports::workspace::Applied;
use coditect_runtime::MissionView;
use coditect_types::outcome::{ChangedPlace, DIFF_BYTES, OtherChange, Proposal};
use coditect_types::{MissionStatus, Record, TestStatus};
use serde_json::{Value, json};

use super::super::Context;
use crate::ending;
use crate::out::harmless;
use crate::phrase;
use crate::report::Fault;

/// A repair that has ended.
pub(super) struct Told<'a> {
    pub(super) view: &'a MissionView,
    pub(super) records: &'a [Record],
    pub(super) status: MissionStatus,
    pub(super) exit_code: u8,
}

impl Told<'_> {
    /// The change that was verified, whole or in part.
    fn proposal(&self) -> Option<&Proposal> {
        let proved = matches!(self.status, MissionStatus::Verified | MissionStatus::PartlyVerified);
        self.view.proposal.as_ref().filter(|_| proved && self.view.patch.is_some())
    }

    /// What standard output gets: the best patch as it is, the others as comments, which `git apply` and `patch` pass
    /// over.
    pub(super) fn patches(&self) -> Vec<u8> {
        let Some(proposal) = self.proposal() else { return Vec::new() };
        let mut text = String::new();
        for (number, other) in proposal.evidence.others.iter().enumerate() {
            let mut about =
                format!("\nchange {} that passes too, confidence {:.2}", number + 2, other.confidence);
            about.push_str(if other.proved { ", proved by the whole suite" } else { ", seen to pass once" });
            let about = format!("{about}\n{}\n{}", other.explanation, other.diff);
            for line in about.lines() {
                text.push_str(format!("# {}", harmless(line)).trim_end());
                text.push('\n');
            }
        }
        let mut patch = match self.exact() {
            Some(exact) => exact,
            None => whole_lines(&proposal.diff).into_bytes(),
        };
        patch.extend(text.into_bytes());
        patch
    }

    /// The patch byte for byte, where the journal, which is text, has it otherwise: of a file in Latin-1, or cut short.
    fn exact(&self) -> Option<Vec<u8>> {
        if !self.is_lossy() {
            return None;
        }
        std::fs::read(self.view.patch.as_ref()?).ok()
    }

    fn is_lossy(&self) -> bool {
        self.proposal().is_some_and(|proposal| is_lossy(&proposal.diff))
    }

    /// What limits the result.
    fn caveats(&self) -> Vec<String> {
        let lossy = self.is_lossy().then(|| {
            "`diff` is not the patch byte for byte, which is not UTF-8 or is long: `patch_file` is".to_owned()
        });
        self.view.caveats.iter().cloned().chain(lossy).collect()
    }

    /// What standard error gets: what was wrong, what speaks for the change, what is left.
    pub(super) fn chatter(&self, cx: &mut Context, applied: Option<&Applied>) -> Result<(), Fault> {
        let cwd = std::env::current_dir().ok();
        cx.out.line(&ending::told(self.view, self.status, cwd.as_deref(), ending::Diff::Elsewhere))?;
        if let Some(proposal) = self.proposal() {
            for line in self.evidence(proposal) {
                cx.out.line(&harmless(&line))?;
            }
        }
        if let Some(applied) = applied {
            cx.out.line(&format!(
                "applied  {} ({})",
                harmless(&applied.files.join(", ")),
                harmless(&applied.how)
            ))?;
        }
        Ok(())
    }

    fn evidence(&self, proposal: &Proposal) -> Vec<String> {
        let evidence = &proposal.evidence;
        let mut lines = vec![format!("\nkind     {} (confidence {:.2})", evidence.kind, proposal.confidence)];
        lines.extend(evidence.places.iter().map(|place| format!("place    {}", place_of(place))));
        lines.extend(shortened("turned", &self.turned()));
        lines.extend(shortened("left", &evidence.left_red));
        lines.push(format!(
            "others   {} {} every test too{}",
            phrase::count(evidence.others_passing, "other change"),
            if evidence.others_passing == 1 { "passes" } else { "pass" },
            if evidence.others_passing > 0 && evidence.others.is_empty() {
                " (`--all` tells them)"
            } else {
                ""
            },
        ));
        lines
    }

    /// The red tests that are green on the changed tree.
    fn turned(&self) -> Vec<String> {
        let Some(receipt) = &self.view.receipt else { return Vec::new() };
        // One that is green now and then is so by luck, and no work of the change.
        let is_green = |id: &String| {
            receipt.after.get(id) == Some(&TestStatus::Passed) && !receipt.flaky.contains_key(id)
        };
        let red = receipt.before.iter().filter(|(_, before)| before.is_red());
        red.map(|(id, _)| id.clone()).filter(is_green).collect()
    }

    /// The whole of it for a program.
    pub(super) fn object(&self, applied: Option<&Applied>) -> Value {
        let view = self.view;
        let patches: Vec<Value> = self.proposal().map_or_else(Vec::new, |proposal| {
            let best = self.best(proposal);
            std::iter::once(best)
                .chain(proposal.evidence.others.iter().map(|other| self.other(proposal, other)))
                .collect()
        });
        json!({
            "type": "repair",
            "mission": view.mission,
            "status": self.status,
            "exit_code": self.exit_code,
            "summary": view.summary,
            "hint": view.hint,
            "caveats": self.caveats(),
            "patches": patches,
            "patch_file": view.patch,
            "applied": applied.map(|applied| json!({ "how": applied.how, "files": applied.files })),
            "receipt": view.receipt,
            "ledger": view.ledger,
            "wall_ms": view.wall_ms,
            "records": self.records.len(),
        })
    }

    fn best(&self, proposal: &Proposal) -> Value {
        let evidence = &proposal.evidence;
        json!({
            "diff": proposal.diff,
            "explanation": proposal.explanation,
            "kind": evidence.kind,
            "places": evidence.places,
            "files": proposal.files,
            "confidence": proposal.confidence,
            "rung": proposal.rung,
            "evidence": {
                "turned_green": self.turned(),
                "left_red": evidence.left_red,
                "whole_suite_ran": true,
                "verified_by_tester": true,
                "others_passing": evidence.others_passing,
            },
        })
    }

    fn other(&self, proposal: &Proposal, other: &OtherChange) -> Value {
        json!({
            "diff": other.diff,
            "explanation": other.explanation,
            "kind": other.kind,
            "places": other.places,
            "confidence": other.confidence,
            "rung": proposal.rung,
            "evidence": {
                "turned_green": self.turned(),
                "left_red": [],
                "whole_suite_ran": true,
                "proved_in_fresh_sandbox": other.proved,
                "verified_by_tester": false,
                "others_passing": proposal.evidence.others_passing,
            },
        })
    }
}

fn place_of(place: &ChangedPlace) -> String {
    let mut text = format!("{}:{}", place.path, place.line);
    if !place.function.is_empty() {
        write!(text, " in `{}`", place.function).ok();
    }
    text
}

/// The first of some tests, a line each.
fn shortened(label: &str, tests: &[String]) -> Vec<String> {
    const MOST: usize = 10;
    let mut lines: Vec<String> = tests.iter().take(MOST).map(|id| format!("{label:<8} {id}")).collect();
    if tests.len() > MOST {
        lines.push(format!("{label:<8} and {} more", tests.len() - MOST));
    }
    lines
}

/// Whether a diff in the journal stands for bytes that are no text, or was cut where it became long.
fn is_lossy(diff: &str) -> bool {
    // It is cut between letters, so that it may be a little shorter.
    diff.contains(char::REPLACEMENT_CHARACTER) || diff.len() > DIFF_BYTES - char::MAX.len_utf8()
}

fn whole_lines(diff: &str) -> String {
    if diff.is_empty() || diff.ends_with('\n') { diff.to_owned() } else { format!("{diff}\n") }
}
