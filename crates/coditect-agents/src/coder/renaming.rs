//! A name becomes another one, by rule: see [`coditect_code::rename`]. Whether all is as before, the suite says afterwards.

use std::collections::BTreeSet;
use std::path::Path;

use coditect_code::languages::is_test_path;
use coditect_code::python::Listing;
use coditect_code::rename::{File, rename};
use coditect_ports::workspace::FileEdit;
use coditect_ports::{PortError, Work};
use coditect_types::outcome::{Evidence, Proposal, Spent};
use coditect_types::{Aim, Failure, Outcome};

use super::by_tools::text_below;
use super::proposing::cut;
use super::sources::{self, Sources};
use super::{Case, Coder};
use crate::notices::Notices;

/// How sure one can be of a change that touches nothing but a name which only one thing has.
const BY_RULE: f64 = 0.9;
/// Endings of documents that speak of code, and names of those that tell of the past.
const DOCUMENTS: &[&str] = &["md", "markdown", "rst", "adoc"];
const OF_THE_PAST: &[&str] = &["changelog", "changes", "history", "news", "releases"];
/// Documents that are read.
const MOST_DOCUMENTS: usize = 500;

impl Coder {
    /// Renames what the focus says.
    pub(super) fn rename(&self, case: &Case<'_>, work: &Work) -> Result<Outcome, Failure> {
        let Aim::Rename { from, to } = &case.focus.aim else {
            return Ok(case.nothing("No names were given.", false, None));
        };
        let notices = Notices::new(work, &*self.tools.clock);
        notices.doing(format!("looking for `{from}`"));
        let workspace = &self.tools.workspace;
        let view = workspace.worktree(&work.mission, &case.snapshot.commit, "rename")?;
        let root = view.join(&case.project.root);
        let listing = Listing::load(&root).map_err(|e| PortError::from_io("list the project's files", &e))?;
        let sources = sources::read(&root, &listing, case.project, case.baseline, &[]);
        let documents = documents(&root, &listing);
        if let Some(account) = written_by_others(case, &sources, from) {
            return Ok(case.nothing(account, false, None));
        }
        let all = sources.product.iter().chain(&sources.tests);
        let mut files: Vec<File<'_>> = all.map(|of| File { path: &of.path, text: &of.text }).collect();
        files.extend(documents.iter().map(|(path, text)| File { path, text }));
        let renamed = match rename(&files, from, to) {
            Ok(renamed) => renamed,
            Err(why) => {
                let account = format!("Nothing was renamed: {}.", why.told(from, to));
                return Ok(case.nothing(account, false, None));
            }
        };
        let mut edits = Vec::new();
        for file in &renamed {
            let Some(content) = sources.script.bytes(&file.path, &file.text) else {
                let account = format!("Nothing was renamed: `{}` cannot write `{to}`.", file.path);
                return Ok(case.nothing(account, false, None));
            };
            if let Some(moved) = &file.moved {
                edits.push(FileEdit { path: case.below_top(&file.path), content: None });
                edits.push(FileEdit { path: case.below_top(moved), content: Some(content) });
            } else {
                edits.push(FileEdit { path: case.below_top(&file.path), content: Some(content) });
            }
        }
        let places: usize = renamed.iter().map(|file| file.places).sum();
        let counted = |n: usize, noun: &str| format!("{n} {noun}{}", if n == 1 { "" } else { "s" });
        let explanation = format!(
            "`{from}` became `{to}` in {} of {}",
            counted(places, "place"),
            counted(renamed.len(), "file")
        );
        let change = workspace.commit(&work.mission, &case.snapshot.commit, &edits, &explanation)?;
        let proposal = Proposal {
            rung: case.rung,
            commit: change.commit,
            tree: change.tree,
            diff: cut(change.diff),
            files: change.files,
            explanation,
            confidence: BY_RULE,
            runners_up: Vec::new(),
            evidence: Evidence { kind: "a name by rule".into(), ..Evidence::default() },
        };
        Ok(Outcome::ChangeProposed { proposal, spent: Spent::default() })
    }
}

/// Why nothing can be renamed, where a file speaks of the name that must not be changed.
fn written_by_others(case: &Case<'_>, sources: &Sources, from: &str) -> Option<String> {
    let tested: BTreeSet<&str> =
        case.baseline.tests.iter().filter_map(|test| test.id.split("::").next()).collect();
    let is_ours = |path: &str| is_test_path(path) || tested.contains(path);
    let other = sources.tests.iter().find(|source| !is_ours(&source.path) && source.text.contains(from))?;
    Some(format!("Nothing was renamed: `{from}` stands in `{}`, which others wrote.", other.path))
}

/// The documents of a project, with what they say.
fn documents(root: &Path, files: &Listing) -> Vec<(String, String)> {
    let is_one = |path: &&String| {
        let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
        let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
        DOCUMENTS.contains(&ending)
            && !OF_THE_PAST.contains(&stem)
            && !path.split('/').any(|part| part.starts_with('.'))
    };
    let found = files.files().iter().filter(is_one).take(MOST_DOCUMENTS);
    found.filter_map(|path| Some((path.clone(), text_below(root, path)?))).collect()
}
