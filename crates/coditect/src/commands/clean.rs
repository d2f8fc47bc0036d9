//! `coditect clean`: removes ended missions with all that is below the state directory. Branches stay, and so does what memory
//! learnt from them. So do graphs, but for those of directories that are gone.

use std::collections::BTreeSet;

use coditect_types::{ErrorKind, MissionId, UserName};
use serde_json::json;

use super::Context;
use crate::args::CleanArgs;
use crate::environment::Site;
use crate::graphs;
use crate::missions::{self, Entry};
use crate::phrase;
use crate::report::{Doing, Done, Report};
use crate::wiring::{self, remembering};

/// A mission that is left, and why.
type Kept = (MissionId, String);

pub(crate) fn perform(cx: &mut Context, args: &CleanArgs) -> Done {
    let site = cx.site()?;
    let older_than_ms = args.older_than.as_deref().map(age_ms).transpose()?;
    let archive = cx.archive()?;
    let (mut entries, _) = missions::list(archive.journal(), usize::MAX)?;
    if let Some(name) = &args.mission {
        let mission = missions::find(&archive, name)?;
        entries.retain(|entry| entry.mission == mission);
    } else {
        entries.retain(|entry| entry.owner == site.owner);
    }
    let now_ms = wiring::now_ms();
    let (mut gone, mut kept) = (Vec::new(), Vec::<Kept>::new());
    let mut owners = BTreeSet::new();
    for entry in entries {
        let is_elsewhere = || entry.end.is_none() && archive.may_be_running(&entry.mission);
        let running = archive.holder(&entry.mission).is_some() || is_elsewhere();
        match judge(&entry, running, args.force, older_than_ms.map(|age| now_ms.saturating_sub(age))) {
            Verdict::Remove => {
                owners.insert(entry.owner);
                gone.push(entry.mission);
            }
            Verdict::Keep(why) => kept.push((entry.mission, why.to_owned())),
            Verdict::TooYoung => {}
        }
    }
    drop(archive);
    if !args.dry_run && !gone.is_empty() {
        remove(cx, &site, owners, (&mut gone, &mut kept))?;
    }
    // Those of this machine; whoever names a mission means that alone.
    let idle = if args.mission.is_some() || cx.is_remote { Vec::new() } else { graphs::idle(&site)? };
    if !args.dry_run {
        graphs::remove(&idle)?;
    }
    tell(cx, args, (&gone, &kept), idle.len())
}

enum Verdict {
    Remove,
    Keep(&'static str),
    TooYoung,
}

fn judge(entry: &Entry, running: bool, force: bool, before_ms: Option<u64>) -> Verdict {
    let newest_ms = entry.end.map_or(entry.submitted_at_ms, |(_, at_ms)| at_ms);
    if before_ms.is_some_and(|before| newest_ms >= before) {
        return Verdict::TooYoung;
    }
    match (running, entry.end) {
        (true, _) => Verdict::Keep("it is running; cancel it first"),
        (false, None) if !force => Verdict::Keep("it has not ended; `--force` removes it for good"),
        (false, _) => Verdict::Remove,
    }
}

/// Removes the missions. What cannot be removed moves to `kept`. What they taught goes into memory first.
fn remove(
    cx: &Context,
    site: &Site,
    owners: BTreeSet<Option<UserName>>,
    (gone, kept): (&mut Vec<MissionId>, &mut Vec<Kept>),
) -> Result<(), Report> {
    for owner in owners {
        let site = Site { owner, ..site.clone() };
        let absorbed =
            remembering::memory(&site).and_then(|(memory, _)| memory.absorb().doing("reading the journals"));
        if let Err(report) = absorbed {
            cx.note(&format!("memory cannot be used: {}", report.cause));
        }
    }
    let left = remembering::remove_missions(site, gone)?;
    gone.retain(|mission| left.iter().all(|(of, _)| of != mission));
    kept.extend(left);
    Ok(())
}

fn tell(cx: &mut Context, args: &CleanArgs, (gone, kept): (&[MissionId], &[Kept]), graphs: usize) -> Done {
    // A mission that was named and is still there is a refusal; with `--all` it is the expected case.
    let refused = args.mission.is_some() && !kept.is_empty();
    if let (true, Some((mission, why))) = (refused, kept.first()) {
        let doing = format!("removing {mission}");
        return Err(Report::new(ErrorKind::Conflict, doing, why.clone()).into());
    }
    if cx.out.json {
        let kept: Vec<_> =
            kept.iter().map(|(mission, why)| json!({ "mission": mission, "why": why })).collect();
        cx.out
            .object(&json!({ "removed": gone, "kept": kept, "graphs": graphs, "dry_run": args.dry_run }))?;
        return Ok(0);
    }
    let verb = if args.dry_run { "would remove" } else { "removed" };
    cx.out.line(&format!("{verb} {}", phrase::count_of(gone.len(), "mission")))?;
    if graphs > 0 {
        let count = phrase::count_of(graphs, "graph");
        cx.out.line(&format!("{verb} {count} of directories that are gone, or of older versions"))?;
    }
    for (mission, why) in kept {
        cx.out.line(&format!("kept {mission}: {why}"))?;
    }
    Ok(0)
}

/// An age such as `12h`, `7d`, `4w`, in ms.
pub(super) fn age_ms(text: &str) -> Result<u64, Report> {
    const SECOND: u64 = 1000;
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit_ms = match unit.trim() {
        "s" => Some(SECOND),
        "m" | "min" => Some(60 * SECOND),
        "h" => Some(3_600 * SECOND),
        "d" => Some(86_400 * SECOND),
        "w" => Some(7 * 86_400 * SECOND),
        _ => None,
    };
    let ms = unit_ms.and_then(|unit| number.parse::<u64>().ok()?.checked_mul(unit));
    ms.ok_or_else(|| {
        Report::new(ErrorKind::Invalid, "reading `--older-than`", format!("`{text}` is not an age"))
            .hint("write a number and one of s, min, h, d, w, such as `7d`")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
    use super::age_ms;

    #[test]
    fn ages() {
        assert_eq!(age_ms("12h").unwrap(), 43_200_000);
        assert_eq!(age_ms("7d").unwrap(), 604_800_000);
        for bad in ["", "7", "d", "7y", "-1d", "99999999999999999999d", "1.5h"] {
            assert!(age_ms(bad).is_err(), "{bad}");
        }
    }
}
