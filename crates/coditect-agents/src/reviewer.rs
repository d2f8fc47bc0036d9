//! The reviewer: looks at all of a change that a model wrote, before it is proved. Whoever wrote a part of it looked at that part;
//! what a search made of it afterwards, and what several parts come to together, nobody has seen before.

use coditect_code::languages::Language;
use coditect_code::languages::is_test_path;
use coditect_code::python::Listing;
use coditect_code::review::{self, Asked, Changed};
use coditect_code::sameness::where_code_differs;
use coditect_ports::{Agent, PortError, Work};
use coditect_types::outcome::Spent;
use coditect_types::plan::Role;
use coditect_types::{Action, Aim, Failure, Focus, Outcome, Project, Snapshot, TestReport};

use crate::coder::by_tools::text_below;
use crate::coder::hollow::red_texts;
use crate::coder::sources;
use crate::notices::Notices;
use crate::{Tools, failed, interrupted, not_mine};

/// Objections that are told.
const MOST_OBJECTIONS: usize = 5;

/// Looks at changes. Nothing is run.
#[derive(Clone, Debug)]
pub struct Reviewer {
    tools: Tools,
}

/// What is looked at.
struct Subject<'a> {
    snapshot: &'a Snapshot,
    commit: &'a str,
    files: &'a [String],
    project: &'a Project,
    baseline: &'a TestReport,
    request: &'a str,
    focus: &'a Focus,
}

impl Reviewer {
    /// A reviewer that works through these ports.
    #[must_use]
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }

    fn review(&self, of: &Subject<'_>, work: &Work) -> Result<Outcome, Failure> {
        Notices::new(work, &*self.tools.clock).doing("looking at the change");
        let store = &self.tools.workspace;
        let before = store.worktree(&work.mission, &of.snapshot.commit, "review-before")?;
        let after = store.worktree(&work.mission, of.commit, "review")?;
        let root = before.join(&of.project.root);
        let listed =
            Listing::load(&root).map_err(|error| PortError::from_io("list the project's files", &error))?;
        let sources = sources::read(&root, &listed, of.project, of.baseline, &[]);
        let texts: Vec<(&String, String, String)> = of
            .files
            .iter()
            .map(|path| {
                let text = |top| text_below(top, path).unwrap_or_default();
                (path, text(&before), text(&after))
            })
            .collect();
        let changes: Vec<Changed<'_>> =
            texts.iter().map(|(path, before, after)| Changed { path, before, after }).collect();
        let tests: Vec<(&str, &str)> =
            sources.tests.iter().map(|source| (source.path.as_str(), source.text.as_str())).collect();
        let red = red_texts(of.baseline, &sources);
        let asked = Asked { request: of.request, tests: &tests, red: &red };
        let mut objections: Vec<String> =
            changes.iter().filter_map(|change| forbidden(change, &of.focus.aim)).collect();
        // Tests may do what code may not, and are held against the code by being run.
        let code: Vec<Changed<'_>> =
            changes.iter().filter(|change| !is_test_path(change.path)).copied().collect();
        objections.extend(review::review(&code, &asked).iter().map(ToString::to_string));
        objections.truncate(MOST_OBJECTIONS);
        Ok(Outcome::ChangeReviewed { objections, remarks: review::remarks(&changes, &asked) })
    }
}

/// What no change with this aim may do to a file that is there.
fn forbidden(change: &Changed<'_>, aim: &Aim) -> Option<String> {
    if is_test_path(change.path) && !change.before.is_empty() && !aim.touches_tests() {
        return Some(format!("`{}` holds tests, and they were changed", change.path));
    }
    if *aim != Aim::KeepCode {
        return None;
    }
    let line = where_code_differs(Language::of_path(change.path)?, change.before, change.after)?;
    Some(format!("`{}` has other code from line {line} on, where only documents were asked for", change.path))
}

impl Agent for Reviewer {
    fn roles(&self) -> &[Role] {
        &[Role::Reviewer]
    }

    fn perform(&self, action: &Action, work: &Work) -> Outcome {
        let Action::ReviewChange { snapshot, commit, files, project, baseline, request, focus } = action
        else {
            return not_mine(action, "reviewer");
        };
        if work.stop.is_raised() {
            return failed(work, interrupted(), Spent::default());
        }
        let subject = Subject { snapshot, commit, files, project, baseline, request, focus };
        self.review(&subject, work).unwrap_or_else(|failure| failed(work, failure, Spent::default()))
    }
}
