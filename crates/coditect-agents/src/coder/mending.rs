//! Where the person's command is one of a linter or formatter: the tool mends what it objects to.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use coditect_code::repair::{self, Problem, Sought, Within};
use coditect_code::suite::{SuiteRun, mending};
use coditect_ports::{PortError, Work, Writes};
use coditect_types::project::Framework;
use coditect_types::{ErrorKind, Project, Rung, Tier};

use super::judge::Bench;
use super::{Case, Coder};

/// Bytes of one file at most that the tool leaves.
const FILE_BYTES: u64 = 1 << 20;

impl Coder {
    /// What the tool changes in the sources that may be edited, in a worktree of its own, where the check accepts that. None:
    /// the command is none of such a tool, or what it changed does not do.
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
        match self.try_tool(case, problem, within, bench, work, command) {
            // The other recipes do not depend on it.
            Err(error) if error.kind != ErrorKind::Interrupted => {
                tracing::debug!(%error, "a tool could not mend");
                Ok(None)
            }
            end => end,
        }
    }

    fn try_tool(
        &self,
        case: &Case<'_>,
        problem: &Problem<'_>,
        within: Option<&Within>,
        bench: &Bench<'_>,
        work: &Work,
        command: Vec<String>,
    ) -> Result<Option<Sought>, PortError> {
        let workspace = &self.tools.workspace;
        let view = workspace.worktree(&work.mission, &case.snapshot.commit, "seek-mended")?;
        let cache = |_| workspace.cache(&work.mission, "seek-mended", Some("baseline"));
        let cache = case.project.toolchain().map(cache).transpose()?;
        let tool = command.join(" ");
        let project = Project { command, report: None, ..case.project.clone() };
        bench.count_run();
        // Whether it is content is no matter: some objections it cannot mend.
        bench.suite(&project, &view, cache.as_deref(), Writes::Kept).run(
            &SuiteRun::whole(case.limits),
            &work.stop,
            &mut |_| {},
        )?;
        let mut overlay = BTreeMap::new();
        for source in problem.sources {
            // One that it removed, or made no text of, is no mending.
            let Some(text) = text_below(&view, &case.below_top(&source.path)) else { continue };
            if text != source.text {
                overlay.insert(source.path.clone(), text);
            }
        }
        let Some(found) = repair::of_tool(problem, overlay.clone(), &tool) else { return Ok(None) };
        if within.is_some_and(|within| !within.allows(&found.candidate)) {
            return Ok(None);
        }
        if bench.whole(&overlay)?.report.red().next().is_some() {
            return Ok(None);
        }
        let account = format!("`{tool}` was tried");
        Ok(Some(Sought { best: Some(found), tried: 1, account, ..Sought::default() }))
    }
}

/// The text of a file below `top`, where what ran there may have put anything: links, which lead out of it, are not followed.
fn text_below(top: &Path, path: &str) -> Option<String> {
    let mut at = top.to_owned();
    let mut names = path.split('/').peekable();
    while let Some(name) = names.next() {
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
        for path in ["src/b.js", "lib/key", "src", "none"] {
            assert_eq!(text_below(&view, path), None, "{path}");
        }
    }
}
