//! `coditect diff`: what changed between two moments of a mission.

use coditect_ports::workspace::Difference;
use coditect_runtime::Fold;
use coditect_types::{MissionId, Snapshot};
use serde_json::json;

use super::fold_at;
use crate::args::DiffArgs;
use crate::commands::Context;
use crate::environment::Site;
use crate::missions;
use crate::out::{diff, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::travel::{Changed, changed, facts, line};
use crate::wiring::{self, Archive};

const DOING: &str = "comparing two moments";

pub(crate) fn perform(cx: &mut Context, args: &DiffArgs) -> Done {
    let (archive, mission) = cx.opened(&args.of.mission)?;
    let (records, view) = missions::load(archive.journal(), &mission)?;
    let (from, to) = (fold_at(&records, args.from, DOING)?, fold_at(&records, args.to, DOING)?);
    let files = if archive.is_exported() {
        Files::Away
    } else {
        files(&cx.site()?, (&from, &to), view.snapshot.as_ref())?
    };
    let known = changed(&facts(&from), &facts(&to));
    if cx.out.json {
        let moment = |fold: &Fold| {
            let view = fold.view();
            json!({
                "seq": fold.seq(),
                "at_ms": fold.at_ms(),
                "status": view.as_ref().and_then(|view| view.status),
                "ledger": view.as_ref().map(|view| &view.ledger),
                "beliefs": fold.beliefs(),
            })
        };
        let labels: Vec<_> = known.iter().map(|one| one.label.replace(' ', "_")).collect();
        let difference = files.difference();
        cx.out.object(&json!({
            "mission": mission,
            "from": moment(&from),
            "to": moment(&to),
            "changed": labels,
            "files": difference.map(|of| &of.files),
            "diff": difference.map(|of| &of.diff),
            "diff_is_cut": difference.is_some_and(|of| of.is_cut),
        }))?;
        return Ok(0);
    }
    let after = |fold: &Fold| phrase::span(fold.at_ms().saturating_sub(view.submitted_at_ms));
    cx.out.line(&painted(
        paint::NAME,
        &format!(
            "{mission} from behind record {} (after {}) to behind record {} (after {})",
            from.seq(),
            after(&from),
            to.seq(),
            after(&to)
        ),
    ))?;
    for one in &known {
        tell(cx, one)?;
    }
    if known.is_empty() {
        cx.out.line("nothing is known otherwise")?;
    }
    cx.out.line("")?;
    match &files {
        Files::Away => cx.out.line("the files are not here")?,
        Files::Same => cx.out.line("the files are the same")?,
        Files::Differ(of) => {
            for file in &of.files {
                cx.out.line(&line("file", &format!("{}  +{} -{}", file.path, file.added, file.removed)))?;
            }
            cx.out.text(&diff(&of.diff, "  "))?;
            if of.is_cut {
                cx.note("the change is long: what is shown is its beginning");
            }
        }
    }
    Ok(0)
}

fn tell(cx: &mut Context, one: &Changed) -> std::io::Result<()> {
    let side = |style, sign: char, text: &Option<String>| {
        text.as_ref().map(|text| painted(style, &format!("{sign} {}", crate::out::brief(text, 150))))
    };
    let sides = [side(paint::BAD, '-', &one.before), side(paint::GOOD, '+', &one.after)];
    let mut label = one.label;
    for text in sides.into_iter().flatten() {
        cx.out.line(&format!("{} {text}", painted(paint::LABEL, &format!("{label:<9}"))))?;
        label = "";
    }
    Ok(())
}

/// The same for the dashboard: what is known otherwise, and the diff of the files where they are here.
pub(crate) fn between(
    site: &Site,
    archive: &Archive,
    mission: &MissionId,
    (from, to): (u64, u64),
) -> Result<(Vec<Changed>, Option<String>), Report> {
    let (records, view) = missions::load(archive.journal(), mission)?;
    let (from, to) = (fold_at(&records, from, DOING)?, fold_at(&records, to, DOING)?);
    let diff = match files(site, (&from, &to), view.snapshot.as_ref())? {
        Files::Same => Some(String::new()),
        Files::Differ(of) => Some(of.diff),
        Files::Away => None,
    };
    Ok((changed(&facts(&from), &facts(&to)), diff))
}

/// The files of two moments.
enum Files {
    Same,
    Differ(Difference),
    /// There are none yet, or they were removed.
    Away,
}

impl Files {
    fn difference(&self) -> Option<&Difference> {
        match self {
            Self::Differ(difference) => Some(difference),
            Self::Same | Self::Away => None,
        }
    }
}

/// `snapshot`: what the person's files were, also before that was known.
fn files(site: &Site, (from, to): (&Fold, &Fold), snapshot: Option<&Snapshot>) -> Result<Files, Report> {
    let of = |fold: &Fold| match (fold.beliefs().files, snapshot) {
        (Some(files), _) => Some((files.commit, files.tree)),
        (None, Some(snapshot)) => Some((snapshot.commit.clone(), snapshot.tree.clone())),
        (None, None) => None,
    };
    let (Some(old), Some(new)) = (of(from), of(to)) else { return Ok(Files::Away) };
    if old.1 == new.1 {
        return Ok(Files::Same);
    }
    let workspace = wiring::workspace(site)?;
    match workspace.difference(from.mission(), &old.0, &new.0) {
        Ok(difference) => Ok(Files::Differ(difference)),
        Err(error) if error.kind == coditect_types::ErrorKind::NotFound => Ok(Files::Away),
        Err(error) => Err(error).doing(DOING),
    }
}
