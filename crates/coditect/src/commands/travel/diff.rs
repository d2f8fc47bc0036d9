//! `coditect diff`: what changed between two moments of a mission.

use coditect_ports::workspace::Difference;
use coditect_runtime::Fold;
use serde_json::json;

use super::fold_at;
use crate::args::DiffArgs;
use crate::commands::Context;
use crate::missions;
use crate::out::{diff, paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::travel::{Changed, changed, facts, line};
use crate::wiring;

const DOING: &str = "comparing two moments";

pub(crate) fn perform(cx: &mut Context, args: &DiffArgs) -> Done {
    let (archive, mission) = cx.opened(&args.of.mission)?;
    let (records, view) = missions::load(archive.journal(), &mission)?;
    let (from, to) = (fold_at(&records, args.from, DOING)?, fold_at(&records, args.to, DOING)?);
    let files = if archive.is_exported() { Files::Away } else { files(cx, &from, &to)? };
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

/// The files of two moments.
enum Files {
    Same,
    Differ(Difference),
    /// One of the moments has none, or they were removed.
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

fn files(cx: &Context, from: &Fold, to: &Fold) -> Result<Files, Report> {
    let (Some(old), Some(new)) = (from.beliefs().files, to.beliefs().files) else { return Ok(Files::Away) };
    if old.tree == new.tree {
        return Ok(Files::Same);
    }
    let workspace = wiring::workspace(&cx.site()?)?;
    match workspace.difference(from.mission(), &old.commit, &new.commit) {
        Ok(difference) => Ok(Files::Differ(difference)),
        Err(error) if error.kind == coditect_types::ErrorKind::NotFound => Ok(Files::Away),
        Err(error) => Err(error).doing(DOING),
    }
}
