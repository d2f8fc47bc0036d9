//! What a tool of the project mends by itself: a linter or formatter what it objects to, where the person's command is one of
//! those; a test framework its stale snapshots, where the person asks for that.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use coditect_code::python::Listing;
use coditect_code::repair::{self, Found, Partly, Problem, Sought, Source, Within};
use coditect_code::suite::{SuiteRun, is_snapshot, mending, refreshing};
use coditect_ports::{PortError, Work, Writes};
use coditect_types::{ErrorKind, Project, Rung, Tier};

use super::judge::Bench;
use super::trees::make_room;
use super::{Case, Coder};

/// Bytes of one file at most that the tool leaves.
const FILE_BYTES: u64 = 1 << 20;

/// Snapshots that are looked at.
const MOST_SNAPSHOTS: usize = 2_000;

/// What tools are asked with.
pub(super) struct Asking<'a, 'b> {
    pub(super) case: &'a Case<'a>,
    pub(super) problem: &'a Problem<'a>,
    pub(super) within: Option<&'a Within>,
    pub(super) bench: &'a Bench<'b>,
    pub(super) work: &'a Work,
}

impl Coder {
    /// What tools of the project make of it: new snapshots, or a mended source. No change: an account of what was tried, if
    /// anything was.
    pub(super) fn by_tools(&self, asking: &Asking<'_, '_>) -> Result<Sought, PortError> {
        if asking.case.rung != Rung::Recipe {
            return Ok(Sought::default());
        }
        let renewed = self.refreshed(asking)?.unwrap_or_default();
        if renewed.best.is_some() || renewed.partly.is_some() {
            return Ok(renewed);
        }
        Ok(self.mended(asking)?.unwrap_or(renewed))
    }

    /// Test snapshots that the framework wrote anew, where the person asked for that and it turns red tests green; where it
    /// does not, an account of that alone. None: nobody asked.
    fn refreshed(&self, asking: &Asking<'_, '_>) -> Result<Option<Sought>, PortError> {
        let Asking { case, problem, within, bench, .. } = *asking;
        // A search that is held to some places has no snapshots among them.
        if within.is_some() || !case.focus.test_snapshots {
            return Ok(None);
        }
        let without = |account: String| Ok(Some(Sought { account, ..Sought::default() }));
        let mending = refreshing(case.project).filter(|_| case.project.tier != Tier::Wasm);
        let Some(mending) = mending else {
            return without("This project's tests have no command that writes snapshots anew.".to_owned());
        };
        let tool = mending.says;
        let snapshots = self.snapshots(asking)?;
        let overlay = self.overlay_of(asking, &snapshots, &mending.project)?.unwrap_or_default();
        let problem = Problem { sources: &snapshots, ..*problem };
        let Some(mut found) = repair::of_tool(&problem, overlay.clone(), &tool) else {
            return without(format!("`{tool}` changed none of {} snapshots.", snapshots.len()));
        };
        found.explanation = match overlay.len() {
            1 => format!("A snapshot was stale: `{tool}` wrote it anew"),
            n => format!("{n} snapshots were stale: `{tool}` wrote them anew"),
        };
        let report = bench.whole(&overlay)?.report;
        let left: Vec<String> = report.red().map(|test| test.id.clone()).collect();
        let was_red = |id: &String| case.baseline.red().any(|test| test.id == *id);
        if !left.iter().all(was_red) || left.len() >= case.baseline.red().count() {
            return without(format!("With the snapshots of `{tool}`, {} tests are red.", left.len()));
        }
        let sought = Sought { tried: 1, account: format!("`{tool}` was tried."), ..Sought::default() };
        Ok(Some(if left.is_empty() {
            Sought { best: Some(found), ..sought }
        } else {
            Sought { partly: Some(Partly { found, left }), ..sought }
        }))
    }

    /// The test snapshots of the project as they are.
    fn snapshots(&self, asking: &Asking<'_, '_>) -> Result<Vec<Source>, PortError> {
        let case = asking.case;
        let view = self.unchanged(asking)?;
        let files = Listing::load(&view.join(&case.project.root))
            .map_err(|error| PortError::from_io("list the project's snapshots", &error))?;
        let paths = files.files().iter().filter(|path| is_snapshot(path)).take(MOST_SNAPSHOTS);
        let read = |path: &String| {
            let text = text_below(&view, &case.below_top(path))?;
            Some(Source { path: path.clone(), text })
        };
        Ok(paths.filter_map(read).collect())
    }

    /// What the tool changes in the sources that may be edited, where the check accepts that. None: the command is none of
    /// such a tool, or what it changed does not do.
    fn mended(&self, asking: &Asking<'_, '_>) -> Result<Option<Sought>, PortError> {
        let Asking { case, problem, within, bench, .. } = *asking;
        if case.project.tier == Tier::Wasm {
            return Ok(None);
        }
        let view = self.unchanged(asking)?;
        let text = |path: &str| text_below(&view, &case.below_top(path));
        let Some(mending) = mending(case.project, text) else { return Ok(None) };
        let tool = mending.says;
        let Some(overlay) = self.overlay_of(asking, problem.sources, &mending.project)? else {
            return Ok(None);
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

    /// A worktree of the project as it is.
    fn unchanged(&self, asking: &Asking<'_, '_>) -> Result<PathBuf, PortError> {
        let commit = &asking.case.snapshot.commit;
        self.tools.workspace.worktree(&asking.work.mission, commit, "seek-0")
    }

    /// The files among `sources` that the command of `project` changes in a worktree of its own, whole. None: it could not be
    /// run, which the other recipes do not depend on.
    fn overlay_of(
        &self,
        asking: &Asking<'_, '_>,
        sources: &[Source],
        project: &Project,
    ) -> Result<Option<BTreeMap<String, String>>, PortError> {
        match self.changed_by(asking, sources, project) {
            Ok(overlay) => Ok(Some(overlay)),
            Err(error) if error.kind == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                tracing::debug!(%error, "a tool could not mend");
                Ok(None)
            }
        }
    }

    fn changed_by(
        &self,
        asking: &Asking<'_, '_>,
        sources: &[Source],
        project: &Project,
    ) -> Result<BTreeMap<String, String>, PortError> {
        let Asking { case, bench, work, .. } = *asking;
        let workspace = &self.tools.workspace;
        let view = workspace.worktree(&work.mission, &case.snapshot.commit, "seek-mended")?;
        let room: Vec<String> = case.project.lent.iter().map(|lent| case.below_top(&lent.at)).collect();
        make_room(&view, &room)?;
        let cache = |_| workspace.cache(&work.mission, "seek-mended", Some("baseline"));
        let cache = case.project.toolchain().map(cache).transpose()?;
        bench.count_run();
        // Whether it is content is no matter: some objections it cannot mend.
        let how = SuiteRun::whole(case.limits);
        let suite = bench.suite(project, &view, cache.as_deref(), Writes::Kept);
        let ran = suite.run(&how, &work.stop, &mut |_| {})?;
        if let Some(red) = ran.report.red().next() {
            tracing::debug!(command = %red.id, said = %red.message, "a tool was not content");
        }
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
    let (at, bytes) = file_below(top, path)?;
    if bytes > FILE_BYTES {
        return None;
    }
    let mut text = String::new();
    File::open(&at).ok()?.take(FILE_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

/// The same of a file of any length: its first `most` bytes at most, and how long it is. What is no UTF-8 is replaced.
pub(crate) fn beginning_below(top: &Path, path: &str, most: usize) -> Option<(String, u64)> {
    let (at, bytes) = file_below(top, path)?;
    let mut read = Vec::new();
    File::open(&at).ok()?.take(most as u64).read_to_end(&mut read).ok()?;
    // A letter that was cut in two is left out.
    let end = match std::str::from_utf8(&read) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Ok(_) | Err(_) => read.len(),
    };
    let mut text = String::from_utf8_lossy(&read[..end]).into_owned();
    text.truncate(text.floor_char_boundary(most));
    Some((text, bytes))
}

/// Where a file is, and how long.
fn file_below(top: &Path, path: &str) -> Option<(PathBuf, u64)> {
    let mut at = top.to_owned();
    let mut bytes = 0;
    let mut names = path.split('/').peekable();
    while let Some(name) = names.next() {
        if matches!(name, "" | "." | "..") {
            return None;
        }
        at.push(name);
        let about = fs::symlink_metadata(&at).ok()?;
        let fits = match names.peek() {
            Some(_) => about.is_dir(),
            None => about.is_file(),
        };
        if !fits {
            return None;
        }
        bytes = about.len();
    }
    Some((at, bytes))
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
