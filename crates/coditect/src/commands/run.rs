//! `coditect run`: begins a mission and stays with it to its end.

use std::io::Read;
use std::path::Path;

use coditect_types::{ErrorKind, Rung, WorkspaceRef};

use super::travel::trace::Pending;
use super::{Context, remote};
use crate::args::RunArgs;
use crate::environment::{Site, directory};
use crate::missions;
use crate::models::Choice;
use crate::report::{Done, Report};
use crate::settings;
use crate::watch::{self, Begin, Offers};
use crate::wiring::{self, remembering};

/// Bytes of a request at most.
const MOST_BYTES: u64 = 64 * 1024;

pub(crate) fn perform(cx: Context, args: &RunArgs) -> Done {
    let request = request(args)?;
    if cx.is_remote {
        return remote::run(cx, args, &request);
    }
    let dir = directory(&args.dir)?;
    let path = utf8(&dir)?;
    let mut site = cx.site()?;
    not_the_home(&site, &dir)?;
    if !args.within.is_empty() {
        wiring::must_be_within(&site, &dir, &args.within)?;
    }
    let resolved = settings::load(&args.settings, &cx.env, &dir)?;
    for note in &resolved.notes {
        cx.note(note);
    }
    site.image.clone_from(&resolved.settings.image);
    site.fleet = resolved.settings.fleet;
    site.announce = resolved.settings.announce;
    let mut policy = resolved.settings.policy();
    policy.owner.clone_from(&site.owner);
    let choice = Choice::at(&site, &cx.env, (&resolved.settings, &args.tapes));
    site.models = choice.of(&resolved.settings.models, &mut policy)?;
    // A journal that cannot be read is told where it is needed.
    if let Ok(archive) = wiring::archive(&site) {
        policy.history = missions::known_of(archive.journal(), &path, site.owner.as_ref());
    }
    if policy.allows(Rung::Memory) {
        policy.history.episodes = u32::try_from(remembering::proved(&site)).unwrap_or(u32::MAX);
    }
    // Known from the beginning, so that a trace can be written however the mission stops.
    let id = args.id.clone().or_else(|| args.trace.trace_out.as_ref().map(|_| wiring::new_mission_id()));
    let trace = Pending::open(&args.trace, id.as_ref())?;
    let begin = Begin::New { id, request, workspace: WorkspaceRef { path }, policy };
    // Who wants no model is not told of any.
    let offers = if args.settings.pace.ladder.no_model { Offers::Untold } else { Offers::Told };
    watch::conduct(cx, site, begin, (args.shown, trace, offers))
}

/// The directory's path as the journal can hold it.
pub(super) fn utf8(dir: &Path) -> Result<String, Report> {
    dir.to_str().map(str::to_owned).ok_or_else(|| {
        let cause = "its path is not UTF-8, and the journal is";
        Report::new(ErrorKind::Invalid, format!("opening `{}`", dir.display()), cause)
            .hint("reach it by another name, such as a link")
    })
}

/// Refuses the state directory itself as a project.
pub(super) fn not_the_home(site: &Site, dir: &Path) -> Result<(), Report> {
    if !site.home.canonicalize().is_ok_and(|home| home == dir) {
        return Ok(());
    }
    let cause = "it is the state directory too: what is kept there would be taken for the project";
    Err(Report::new(ErrorKind::Invalid, format!("opening `{}`", dir.display()), cause)
        .hint("name another state directory with `--home DIR`"))
}

/// The request: the argument, a file, or standard input.
fn request(args: &RunArgs) -> Result<String, Report> {
    let text = match (&args.request, &args.file) {
        (Some(dash), None) if dash == "-" => read("standard input", &mut std::io::stdin().lock())?,
        (Some(text), None) => text.clone(),
        (None, Some(file)) if file == Path::new("-") => read("standard input", &mut std::io::stdin().lock())?,
        (None, Some(file)) => {
            let name = format!("`{}`", file.display());
            let mut opened = std::fs::File::open(file).map_err(|error| unreadable(&name, &error))?;
            read(&name, &mut opened)?
        }
        (None, None) | (Some(_), Some(_)) => return Err(missing("there is no request")),
    };
    if text.trim().is_empty() {
        return Err(missing("the request is empty"));
    }
    if text.len() as u64 > MOST_BYTES {
        return Err(too_long());
    }
    Ok(text)
}

fn read(name: &str, from: &mut impl Read) -> Result<String, Report> {
    let mut bytes = Vec::new();
    from.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|error| unreadable(name, &error))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(too_long());
    }
    String::from_utf8(bytes).map_err(|_| {
        Report::new(ErrorKind::Invalid, "reading the request", format!("{name} is not UTF-8"))
            .hint("write the request as plain text")
    })
}

fn unreadable(name: &str, error: &std::io::Error) -> Report {
    Report::new(ErrorKind::Invalid, "reading the request", format!("{name}: {error}"))
        .hint("name a text file with `-f FILE`, or give the request as an argument")
}

fn too_long() -> Report {
    Report::new(ErrorKind::Invalid, "reading the request", "it is longer than 64 KiB")
        .hint("say what is wanted in fewer words; the repository holds the rest")
}

fn missing(cause: &str) -> Report {
    Report::new(ErrorKind::Invalid, "reading the request", cause)
        .hint("say what is to be done, such as `coditect run \"make the failing tests pass\"`")
}
