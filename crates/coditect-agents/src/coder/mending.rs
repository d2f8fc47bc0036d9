//! Where the person's command is one of a linter or formatter: the tool mends what it objects to.

use std::collections::BTreeMap;
use std::fs;

use coditect_code::repair::{self, Problem, Sought};
use coditect_code::suite::{SuiteRun, mending};
use coditect_ports::{PortError, Work, Writes};
use coditect_types::project::Framework;
use coditect_types::{Project, Rung, Tier};

use super::judge::Bench;
use super::{Case, Coder};

impl Coder {
    /// What the tool changes in the sources that may be edited, in a worktree of its own; the whole check is the proof of it,
    /// as of any other change. None: the command is none of such a tool, or it changed nothing.
    pub(super) fn mended(
        &self,
        case: &Case<'_>,
        problem: &Problem<'_>,
        bench: &Bench<'_>,
        work: &Work,
    ) -> Result<Option<Sought>, PortError> {
        let is_hosted = case.project.framework == Framework::Command && case.project.tier != Tier::Wasm;
        if case.rung != Rung::Recipe || !is_hosted {
            return Ok(None);
        }
        let Some(command) = mending(&case.project.command) else { return Ok(None) };
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
        let root = view.join(&case.project.root);
        let mut overlay = BTreeMap::new();
        for source in problem.sources {
            // One that it removed, or made no text of, is no mending.
            let Ok(text) = fs::read_to_string(root.join(&source.path)) else { continue };
            if text != source.text {
                overlay.insert(source.path.clone(), text);
            }
        }
        let Some(found) = repair::of_tool(problem, overlay, &tool) else { return Ok(None) };
        let account = format!("`{tool}` was tried");
        Ok(Some(Sought { best: Some(found), tried: 1, account, ..Sought::default() }))
    }
}
