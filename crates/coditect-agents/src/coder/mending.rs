//! Where the person's command is one of a linter or formatter: the tool mends what it objects to.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use coditect_code::repair::{self, Found, Problem, Sought, Source, Within};
use coditect_code::suite::{SuiteRun, mending};
use coditect_ports::{PortError, Work, Writes};
use coditect_types::project::Framework;
use coditect_types::{ErrorKind, Project, Rung, Tier};

use super::judge::Bench;
use super::{Case, Coder};

/// Bytes of one file at most that the tool leaves.
const FILE_BYTES: u64 = 1 << 20;

impl Coder {
    /// What the tool changes in the sources that may be edited, where the check accepts that. None: the command is none of
    /// such a tool, or what it changed does not do.
    pub(super) fn mended(
        &self,
        case: &Case<'_>,
        problem: &Problem<'_>,
        within: Option<&Within>,
        bench: &Bench<'_>,
        work: &Work,
    ) -> Result<Option<Sought>, PortError> {
        let is_hosted = case.project.framework == Framework::Command && case.project.tier != Tier::Wasm;
        if case.rung != Rung::Recipe || !is_hosted {
            return Ok(None);
        }
        let Some(command) = mending(&case.project.command) else { return Ok(None) };
        let tool = command.join(" ");
        let overlay = match self.overlay_of(case, problem.sources, bench, work, command) {
            Ok(overlay) => overlay,
            Err(error) if error.kind == ErrorKind::Interrupted => return Err(error),
            // The other recipes do not depend on it.
            Err(error) => {
                tracing::debug!(%error, "a tool could not mend");
                return Ok(None);
            }
        };
        let found = repair::of_tool(problem, overlay.clone(), &tool);
        let allowed = |found: &Found| within.is_none_or(|within| within.allows(&found.candidate));
        let Some(found) = found.filter(allowed) else { return Ok(None) };
        if bench.whole(&overlay)?.report.red().next().is_some() {
            return Ok(None);
        }
        let account = format!("`{tool}` was tried");
        Ok(Some(Sought { best: Some(found), tried: 1, account, ..Sought::default() }))
    }

    /// The sources that the tool changes in a worktree of its own, whole.
    fn overlay_of(
        &self,
        case: &Case<'_>,
        sources: &[Source],
        bench: &Bench<'_>,
        work: &Work,
        command: Vec<String>,
    ) -> Result<BTreeMap<String, String>, PortError> {
        let workspace = &self.tools.workspace;
        let view = workspace.worktree(&work.mission, &case.snapshot.commit, "seek-mended")?;
        let cache = |_| workspace.cache(&work.mission, "seek-mended", Some("baseline"));
        let cache = case.project.toolchain().map(cache).transpose()?;
        let project = Project { command, report: None, ..case.project.clone() };
        bench.count_run();
        // Whether it is content is no matter: some objections it cannot mend.
        bench.suite(&project, &view, cache.as_deref(), Writes::Kept).run(
            &SuiteRun::whole(case.limits),
            &work.stop,
            &mut |_| {},
        )?;
        let changed = |source: &Source| {
            // One that it removed, or made no text of, is no mending.
            let text = text_below(&view, &case.below_top(&source.path))?;
            (text != source.text).then(|| (source.path.clone(), text))
        };
        Ok(sources.iter().filter_map(changed).collect())
    }
}

/// The text of a file below `top`, where what ran there may have put anything and the path may be anyone's: nothing that leads
/// out of it, by a link or by its name, is followed.
pub(crate) fn text_below(top: &Path, path: &str) -> Option<String> {
    let mut at = top.to_owned();
    let mut names = path.split('/').peekable();
    while let Some(name) = names.next() {
        if matches!(name, "" | "." | "..") {
            return None;
        }
        at.push(name);
        let about = fs::symlink_metadata(&at).ok()?;
        let fits = match names.peek() {
            Some(_) => about.is_dir(),
            None => about.is_file() && about.len() <= FILE_BYTES,
        };
        if !fits {
            return None;
        }
    }
    let mut text = String::new();
    File::open(&at).ok()?.take(FILE_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_that_a_tool_made_are_not_followed() {
        let top = tempfile::tempdir().unwrap();
        let view = top.path().join("view");
        fs::create_dir_all(view.join("src")).unwrap();
        fs::create_dir(top.path().join("out")).unwrap();
        fs::write(top.path().join("out/key"), "secret").unwrap();
        fs::write(view.join("src/a.js"), "a").unwrap();
        symlink(top.path().join("out/key"), view.join("src/b.js")).unwrap();
        symlink(top.path().join("out"), view.join("lib")).unwrap();
        assert_eq!(text_below(&view, "src/a.js").as_deref(), Some("a"));
        for path in ["src/b.js", "lib/key", "src", "none", "../out/key", "/src/a.js", "src/../src/a.js"] {
            assert_eq!(text_below(&view, path), None, "{path}");
        }
    }
}
