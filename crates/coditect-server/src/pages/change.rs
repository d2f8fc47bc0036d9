//! Diffs, line by line.

use coditect_runtime::MissionView;
use coditect_runtime::said::count_of;
use coditect_types::outcome::ChangedFile;

/// Lines of a diff that are shown.
const LINES: usize = 3_000;

/// A line of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DiffLine {
    /// What it is, for its colour.
    pub(crate) class: &'static str,
    /// What is told to who does not see colours.
    pub(crate) sign: &'static str,
    /// The line without its mark.
    pub(crate) text: String,
}

/// A diff.
#[derive(Clone, Debug)]
pub(crate) struct Diff {
    /// What it is.
    pub(crate) title: String,
    /// More about it.
    pub(crate) about: String,
    /// The files it touches.
    pub(crate) files: Vec<ChangedFile>,
    /// Its lines.
    pub(crate) lines: Vec<DiffLine>,
    /// Lines that are left out.
    pub(crate) left_out: usize,
    /// Shown at once, or when asked for.
    pub(crate) is_open: bool,
}

/// Every change of a mission, the one that it stands for first.
pub(crate) fn diffs(view: &MissionView) -> Vec<Diff> {
    let mut all = Vec::new();
    if let Some(proposal) = &view.proposal {
        let about = format!("{} Confidence {:.2}.", proposal.explanation, proposal.confidence);
        let mut diff = diff("The change", about, &proposal.diff);
        (diff.files, diff.is_open) = (proposal.files.clone(), true);
        all.push(diff);
    }
    if let Some(written) = &view.specification {
        let about = format!("By {}, before anything was changed.", written.model);
        let mut diff = diff("Tests that were written first", about, &written.diff);
        diff.files.clone_from(&written.files);
        all.push(diff);
    }
    for stage in &view.stages {
        if let Some(proposal) = &stage.proposal {
            let title = format!("Stage {}", stage.stage.id);
            let mut diff = diff(&title, proposal.explanation.clone(), &proposal.diff);
            diff.files.clone_from(&proposal.files);
            all.push(diff);
        }
    }
    let others = view.proposal.iter().flat_map(|proposal| &proposal.runners_up);
    all.extend(
        (1..)
            .zip(others)
            .map(|(n, text)| diff(&format!("Another change that passed ({n})"), String::new(), text)),
    );
    all
}

pub(super) fn diff(title: &str, about: String, text: &str) -> Diff {
    let lines: Vec<DiffLine> = text.lines().take(LINES).map(line).collect();
    let left_out = text.lines().count() - lines.len();
    let title = format!("{title} ({})", count_of(lines.len() + left_out, "line"));
    Diff { title, about, files: Vec::new(), lines, left_out, is_open: false }
}

fn line(text: &str) -> DiffLine {
    let plain = |class, text: &str| DiffLine { class, sign: "", text: text.to_owned() };
    if text.starts_with("+++")
        || text.starts_with("---")
        || text.starts_with("diff ")
        || text.starts_with("index ")
    {
        return plain("head", text);
    }
    if text.starts_with("@@") {
        return plain("hunk", text);
    }
    match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(rest), _) => DiffLine { class: "added", sign: "+", text: rest.to_owned() },
        (None, Some(rest)) => DiffLine { class: "removed", sign: "-", text: rest.to_owned() },
        (None, None) => plain("same", text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_told_line_by_line_and_cut_where_it_is_too_long() {
        let of = |text| line(text).class;
        assert_eq!(
            [of("--- a/x"), of("@@ -1 +1 @@"), of("-a"), of("+b"), of(" c")].join(" "),
            "head hunk removed added same"
        );
        assert_eq!(line("+<b>").text, "<b>");
        let long = diff("x", String::new(), &"+a\n".repeat(LINES + 5));
        assert_eq!((long.lines.len(), long.left_out), (LINES, 5));
    }
}
