//! Missions that are begun from the dashboard: each by a process of its own, which goes on without it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use coditect_ports::{Journal, PortError};
use coditect_runtime::cell;
use coditect_types::{ErrorKind, Event, MissionId, UserName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::environment::{Place, Site};
use crate::report::{Doing, NO_SANDBOX, Report, USAGE};
use crate::wiring;

const DOING: &str = "beginning the mission";
/// How long a mission may take to begin: the first start on a machine compiles the interpreter.
const WITHIN: Duration = Duration::from_secs(50);
/// How often its journal is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Bytes of what a process said that are told.
const SAID_BYTES: u64 = 4 << 10;

/// So many missions are under way at once that were begun here: each is a process.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    free: Arc<Semaphore>,
}

impl Places {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, free: Arc::new(Semaphore::new(most)) }
    }

    /// A place for one more, until its process has ended.
    ///
    /// # Errors
    /// There is none: nothing is begun.
    fn take(&self) -> Result<OwnedSemaphorePermit, Report> {
        Arc::clone(&self.free).try_acquire_owned().map_err(|_| {
            let cause = format!("{} missions that were begun here are under way already", self.most);
            Report::new(ErrorKind::Exhausted, DOING, cause)
                .hint("nothing was begun: ask again in a moment; `coditect serve --missions` says how many there may be")
        })
    }
}

/// Begins what `args` say, under a name that is given or found, and waits until its journal has begun.
///
/// # Errors
/// Among others where a mission of that name is there.
pub(super) fn begin(
    site: &Site,
    journal: &dyn Journal,
    places: &Places,
    (id, args): (Option<&MissionId>, Vec<OsString>),
) -> Result<MissionId, Report> {
    let mission = id.cloned().unwrap_or_else(wiring::new_mission_id);
    if id.is_some() && !journal.read(&mission, 1, 1).doing(DOING)?.is_empty() {
        let cause = "a mission of that name has begun already";
        return Err(Report::new(ErrorKind::Conflict, DOING, cause).hint("leave the name away"));
    }
    let place = places.take()?;
    let mut said =
        tempfile::tempfile().map_err(|error| PortError::from_io("a temporary file", &error)).doing(DOING)?;
    let mut child = spawn(site, &mission, args, &said)?;
    let began = Instant::now();
    loop {
        // A journal that cannot be read for a moment is looked at again.
        if has_begun(journal, &mission) {
            bury(child, place);
            return Ok(mission);
        }
        if let Ok(Some(status)) = child.try_wait() {
            let cause = told(&mut said).unwrap_or_else(|| format!("the process ended with {status}"));
            // What is wrong with what was asked stays wrong; whatever else it was may be over by the next time.
            let is_wrong = [USAGE, NO_SANDBOX].iter().any(|code| status.code() == Some(i32::from(*code)));
            let kind = if is_wrong { ErrorKind::Invalid } else { ErrorKind::Unavailable };
            return Err(Report::new(kind, DOING, cause));
        }
        if began.elapsed() > WITHIN {
            bury(child, place);
            let cause = format!("its journal has not begun after {} s", WITHIN.as_secs());
            return Err(Report::new(ErrorKind::Unavailable, DOING, cause)
                .hint("it may still begin: look at the list in a moment"));
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// Waits for the end of a process elsewhere: somebody has to hear of it, or it stays in the table of processes as long as this one.
fn bury(mut child: Child, place: OwnedSemaphorePermit) {
    std::thread::spawn(move || {
        // Its end is in its journal.
        child.wait().ok();
        drop(place);
    });
}

/// Whether the mission of that name was begun by this user, with this request on this directory.
pub(super) fn is_same(
    journal: &dyn Journal,
    mission: &MissionId,
    user: Option<&UserName>,
    (request, dir): (&str, &Path),
) -> bool {
    let first = journal.read(mission, 1, 1).ok().and_then(|mut records| records.pop());
    let event = first.and_then(|(_, bytes)| Some(cell::decode(&bytes).ok()?.event));
    matches!(
        event,
        Some(Event::MissionSubmitted { policy, request: asked, workspace, .. })
            if policy.owner.as_ref() == user && asked == request && is_one(Path::new(&workspace.path), dir)
    )
}

/// Whether both are the same directory.
fn is_one(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Whether the mission is under way: of a fork, whether it goes on by itself.
fn has_begun(journal: &dyn Journal, mission: &MissionId) -> bool {
    let read = |seq| Some(cell::decode(&journal.read(mission, seq, 1).ok()?.pop()?.1).ok()?.event);
    match read(1) {
        Some(Event::MissionSubmitted { fork: Some(fork), .. }) => read(fork.at_seq + 1).is_some(),
        Some(_) => true,
        None => false,
    }
}

fn spawn(site: &Site, mission: &MissionId, args: Vec<OsString>, said: &File) -> Result<Child, Report> {
    let failed = |error: std::io::Error| PortError::from_io("this program", &error);
    let (verb, rest) = args.split_at(1);
    let mut command = of_its_own(site)?;
    command.args(verb).args(["--quiet", "--id", mission.as_str()]).args(rest);
    command.stderr(said.try_clone().map_err(failed).doing(DOING)?);
    command.spawn().map_err(failed).doing(DOING)
}

/// Goes on with a mission that no process has, in one of its own.
pub(crate) fn again(site: &Site, mission: &MissionId) -> Result<Child, Report> {
    let doing = "going on with a mission";
    let mut command = of_its_own(site)?;
    command.args(["resume", "--quiet", mission.as_str()]).stderr(Stdio::null());
    command.spawn().map_err(|error| PortError::from_io("this program", &error)).doing(doing)
}

/// This program on the same state directory, in a process that goes on without this one.
fn of_its_own(site: &Site) -> Result<Command, Report> {
    let failed = |error: std::io::Error| PortError::from_io("this program", &error);
    let mut command = Command::new(std::env::current_exe().map_err(failed).doing(DOING)?);
    command.arg("--home").arg(&site.home).args(["--color", "never"]);
    if let Place::Server(nats) = &site.journal {
        // In the environment, since everybody can read a command line.
        command.env("CODITECT_NATS", nats.url.secret());
        if let Some(redis) = &nats.redis {
            command.env("CODITECT_REDIS", redis.secret());
        }
    }
    // Its missions are those of this machine, whatever server this process was told of.
    command.env_remove("CODITECT_SERVER").env_remove("CODITECT_TOKEN");
    // This process counts them all: what each of them counted by itself would be there twice.
    command.env("OTEL_METRICS_EXPORTER", "none");
    // What ends this process by a key does not end that one.
    command.process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

/// What the process said before it ended.
fn told(said: &mut File) -> Option<String> {
    let mut bytes = Vec::new();
    said.rewind().ok()?;
    said.take(SAID_BYTES).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim().trim_start_matches("error: ");
    (!text.is_empty()).then(|| text.to_owned())
}
