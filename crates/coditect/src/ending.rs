//! The end of a mission as a person reads it: what was wrong and changed, how that was verified, what to do next.

use std::path::Path;

use coditect_runtime::MissionView;
use coditect_types::{MissionStatus, Receipt, Rung, TestStatus};

use crate::out::{diff, harmless, paint, painted};
use crate::phrase;
use crate::words::quote;

/// Whether a report shows the change itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Diff {
    /// It does.
    Here,
    /// Somebody else does.
    Elsewhere,
}

/// The report of a mission that has ended, with its diff.
pub(crate) fn report(view: &MissionView, status: MissionStatus, cwd: Option<&Path>) -> String {
    told(view, status, cwd, Diff::Here)
}

/// The report of a mission that has ended, lines without the last line end. `cwd` shortens the next commands.
pub(crate) fn told(view: &MissionView, status: MissionStatus, cwd: Option<&Path>, shows: Diff) -> String {
    let mut page = Page::default();
    let word = painted(phrase::status_style(status), phrase::status(status));
    page.raw(&format!("{word}  {}  in {}", view.mission, phrase::span(view.wall_ms)));
    page.raw(&harmless(&view.summary));
    if let Some(proposal) = &view.proposal
        && (view.branch.is_some() || view.patch.is_some())
    {
        page.blank();
        if let Some(tests) = &view.specification {
            for file in &tests.files {
                page.entry("tests", &format!("{}  +{} -{}", file.path, file.added, file.removed));
            }
            if shows == Diff::Here {
                page.raw(diff(&tests.diff, "  ").trim_end());
            }
        }
        for file in &proposal.files {
            page.entry("changed", &format!("{}  +{} -{}", file.path, file.added, file.removed));
        }
        if shows == Diff::Here {
            page.raw(diff(&proposal.diff, "  ").trim_end());
        }
    }
    page.blank();
    if let Some(receipt) = &view.receipt {
        page.proof(receipt, status);
    }
    page.entry("cost", &cost(view));
    if let Some(branch) = &view.branch {
        let commit = view.commit.as_deref().map_or(String::new(), |c| format!(" ({})", short(c)));
        page.entry("branch", &format!("{branch}{commit}"));
    }
    if let Some(patch) = &view.patch {
        page.entry("patch", patch);
    }
    for caveat in &view.caveats {
        page.entry("caveat", caveat);
    }
    if let Some(hint) = &view.hint {
        page.entry("hint", hint);
    }
    let next = next_commands(view, status, cwd);
    if !next.is_empty() {
        page.blank();
        for command in &next {
            page.entry("next", command);
        }
    }
    page.text
}

/// Whether a mission ended for want of a model, where none was chosen and one may be.
pub(crate) fn lacks_model(view: &MissionView, status: MissionStatus) -> bool {
    let policy = &view.policy;
    let may_ask =
        policy.models.is_empty() && (policy.allows(Rung::SmallModel) || policy.allows(Rung::LargeModel));
    let is_said = view.hint.as_ref().is_some_and(|hint| hint.contains("model"));
    may_ask && is_said && matches!(status, MissionStatus::NeedsPerson | MissionStatus::Failed)
}

/// A hint that says to choose a model, with those that are there.
pub(crate) fn with_offers(hint: String, there: &[String]) -> String {
    if there.is_empty() {
        return hint;
    }
    let named: Vec<String> = there.iter().map(|name| format!("`--model {name}`")).collect();
    format!("{hint}; on this machine there is {}", named.join(", "))
}

/// What a person may want to type next.
pub(crate) fn next_commands(view: &MissionView, status: MissionStatus, cwd: Option<&Path>) -> Vec<String> {
    let id = &view.mission;
    let there = Path::new(&view.workspace);
    let git = match cwd {
        Some(cwd) if cwd.starts_with(there) => "git".to_owned(),
        _ => format!("git -C {}", quote(&view.workspace)),
    };
    if let Some(branch) = &view.branch {
        vec![format!("{git} diff {branch}~1 {branch}"), format!("coditect apply {id}")]
    } else if let Some(patch) = &view.patch {
        vec![format!("cat {}", quote(patch)), format!("coditect apply {id}")]
    } else if status == MissionStatus::Verified {
        Vec::new()
    } else {
        vec![format!("coditect why {id}")]
    }
}

fn cost(view: &MissionView) -> String {
    let ledger = &view.ledger;
    let solved = ledger.solved_by.map_or(String::new(), |rung| format!("; solved by {}", phrase::rung(rung)));
    format!("{}{solved}", phrase::spent(ledger))
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

#[derive(Default)]
struct Page {
    text: String,
    label: &'static str,
}

impl Page {
    fn raw(&mut self, line: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(line);
    }

    fn blank(&mut self) {
        self.raw("");
        self.label = "";
    }

    /// A labelled line; the label is not repeated below itself.
    fn entry(&mut self, label: &'static str, text: &str) {
        let shown = if self.label == label { "" } else { label };
        self.label = label;
        self.raw(&format!("{} {}", painted(paint::LABEL, &format!("{shown:<8}")), harmless(text)));
    }

    fn proof(&mut self, receipt: &Receipt, status: MissionStatus) {
        let label = if matches!(status, MissionStatus::Verified | MissionStatus::PartlyVerified) {
            "proved"
        } else {
            "tests"
        };
        let turned = receipt
            .before
            .iter()
            .filter(|(id, before)| before.is_red() && receipt.after.get(*id) == Some(&TestStatus::Passed))
            .count();
        let turned = if turned == 0 {
            String::new()
        } else {
            format!(
                ", {} red before",
                if turned == 1 { "1 was".to_owned() } else { format!("{turned} were") }
            )
        };
        let command = crate::words::join(&receipt.command);
        self.entry(
            label,
            &format!("`{command}` on tree {}: exit code {}", short(&receipt.tree), receipt.exit_code),
        );
        self.entry(label, &format!("{}{turned}", phrase::tests_after(receipt)));
        let (tier, enforced) = (phrase::tier(receipt.tier), phrase::enforced(&receipt.enforced));
        self.entry(label, &format!("in the {tier} sandbox: {enforced}"));
    }
}
