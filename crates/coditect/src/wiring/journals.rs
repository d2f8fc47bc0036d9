//! Where missions are kept: in files of the state directory, or on a server.

mod marked;
mod said;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coditect_adapters::bench::events::{self, EventsBench, Load};
use coditect_adapters::journal::Exported;
use coditect_adapters::journal::jetstream::{self, Options};
use coditect_adapters::{JetStream, Segments};
use coditect_ports::{Journal, PortError};
use coditect_runtime::holders::{Holder, Holders, Process, Sayer};
use coditect_types::fleet::Held;
use coditect_types::{ErrorKind, MissionId, UserName};

use super::world::{Open, redacted_redis, world};
use super::{holder, make_home};
use crate::environment::{Place, Site};
use crate::host;
use crate::report::{Doing, Report};
use crate::settings::Nats;

use marked::Marked;
use said::Said;

pub(super) fn journal_dir(site: &Site) -> PathBuf {
    site.home.join("journal")
}

/// Where it is marked which process of this machine has a mission that is kept on a server.
fn marks_dir(site: &Site) -> PathBuf {
    site.home.join("nats")
}

/// A journal, wherever it is.
#[derive(Debug)]
enum Kept {
    Files {
        journal: Segments,
        dir: PathBuf,
    },
    Server {
        journal: Box<JetStream>,
        dir: PathBuf,
        holders: Holders,
    },
    /// One mission, that was exported.
    Exported(Exported),
    /// A server that several people use has it.
    Served(Box<Served>),
}

/// The journal, for reading. A home that does not exist is an empty one, and stays that way.
#[derive(Debug)]
pub(crate) struct Archive {
    kept: Kept,
    /// Whose missions are meant where none is named.
    owner: Option<UserName>,
}

impl Archive {
    /// The journal.
    pub(crate) fn journal(&self) -> &dyn Journal {
        match &self.kept {
            Kept::Files { journal, .. } => journal,
            Kept::Server { journal, .. } => &**journal,
            Kept::Exported(journal) => journal,
            Kept::Served(journal) => &**journal,
        }
    }

    /// Whether a mission of this owner is one's own: of a server, all that it shows are.
    pub(crate) fn is_own(&self, owner: Option<&UserName>) -> bool {
        match &self.kept {
            Kept::Files { .. } | Kept::Server { .. } => self.owner.as_ref() == owner,
            Kept::Exported(_) | Kept::Served(_) => true,
        }
    }

    /// Whether it is a file with one mission, of which nothing else is here.
    pub(crate) fn is_exported(&self) -> bool {
        matches!(self.kept, Kept::Exported(_))
    }

    /// Whether processes of other machines may have missions of it under way.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.kept, Kept::Server { .. } | Kept::Served(_))
    }

    /// Whether a process of this machine has the mission under way, and its number where it is known.
    pub(crate) fn holder(&self, mission: &MissionId) -> Option<Option<u32>> {
        match &self.kept {
            Kept::Files { dir, .. } | Kept::Server { dir, .. } => holder::of(dir, mission),
            Kept::Exported(_) => None,
            Kept::Served(journal) => journal.is_running(mission).then_some(None),
        }
    }

    /// The process of another machine, or of another state directory, that says it has the mission under way. None: no process does, or
    /// it cannot be asked.
    pub(crate) fn elsewhere(&self, mission: &MissionId) -> Option<Holder> {
        let holders = self.holders()?.ok()?;
        holders.iter().find(|holder| holder.missions.contains(mission)).cloned()
    }

    /// Whether a process may have the mission under way: one has, or nobody can tell. What removes a mission asks this.
    pub(crate) fn may_be_running(&self, mission: &MissionId) -> bool {
        let is_unknown = matches!(self.holders(), Some(Err(_)));
        is_unknown || self.is_running(mission)
    }

    /// The process that has the mission under way, wherever it is.
    pub(crate) fn held(&self, mission: &MissionId) -> Option<Held> {
        let here = self.holder(mission).map(|process| Held { process, machine: None });
        here.or_else(|| {
            let Process { host, pid, .. } = self.elsewhere(mission)?.process;
            Some(Held { process: Some(pid), machine: Some(host) })
        })
    }

    /// Whether any process has the mission under way, wherever it is.
    pub(crate) fn is_running(&self, mission: &MissionId) -> bool {
        self.holder(mission).is_some() || self.elsewhere(mission).is_some()
    }

    /// What all processes of a journal on a server say that they have. None: the journal is no such one.
    pub(crate) fn holders(&self) -> Option<Result<Arc<Vec<Holder>>, PortError>> {
        match &self.kept {
            Kept::Server { holders, .. } => Some(holders.read()),
            Kept::Files { .. } | Kept::Exported(_) | Kept::Served(_) => None,
        }
    }

    /// The server that several people use, where the missions are its own.
    pub(crate) fn served(&self) -> Option<&Served> {
        match &self.kept {
            Kept::Served(journal) => Some(journal),
            Kept::Files { .. } | Kept::Server { .. } | Kept::Exported(_) => None,
        }
    }

    /// Refuses a mission of which the journal has lost records: it can be looked at, and not be gone on with.
    pub(crate) fn must_be_whole(&self, mission: &MissionId, doing: &str) -> Result<(), Report> {
        let streams = self.journal().streams().doing(doing)?;
        let last = streams.iter().find(|info| info.stream == *mission).map_or(0, |info| info.last_seq);
        let read = coditect_runtime::history(self.journal(), mission).doing(doing)?.len() as u64;
        if read >= last {
            return Ok(());
        }
        let cause =
            format!("the journal is damaged: of its {last} records only the first {read} can be read");
        let hint = format!(
            "run the request again; `coditect log {mission}` shows what is left, `coditect clean --force {mission}` \
             removes it"
        );
        Err(Report::new(ErrorKind::Conflict, doing, cause).hint(hint))
    }

    /// What a person should know of the journal's files, a line each; none: it is whole.
    pub(crate) fn findings(&self) -> Vec<String> {
        match &self.kept {
            Kept::Files { journal, .. } => journal.findings().iter().map(ToString::to_string).collect(),
            Kept::Server { journal, .. } => journal.findings(),
            Kept::Exported(_) | Kept::Served(_) => Vec::new(),
        }
    }

    /// The server that has it, and what a person should know of that; None: it is in files.
    pub(crate) fn server(&self) -> Option<(&str, &[String])> {
        match &self.kept {
            Kept::Files { .. } | Kept::Exported(_) | Kept::Served(_) => None,
            Kept::Server { journal, .. } => Some((journal.shown(), journal.notes())),
        }
    }
}

/// Opens the journal for reading.
pub(crate) fn archive(site: &Site) -> Result<Archive, Report> {
    match &site.journal {
        Place::Files => {
            let dir = journal_dir(site);
            let journal = Segments::open_read_only(&dir).doing("opening the journal")?;
            Ok(Archive { kept: Kept::Files { journal, dir }, owner: site.owner.clone() })
        }
        Place::Server(nats) => {
            let journal = Box::new(connect(&options(nats))?);
            let kept = Kept::Server { journal, dir: marks_dir(site), holders: Holders::new(world(nats)) };
            Ok(Archive { kept, owner: site.owner.clone() })
        }
        Place::Unknown(report) => Err(Report::clone(report)),
    }
}

/// The missions of a server that several people use.
pub(crate) fn served(reach: &Reach) -> Result<Archive, Report> {
    let journal = Served::new(reach).doing("reaching the server")?;
    Ok(Archive { kept: Kept::Served(Box::new(journal)), owner: None })
}

pub(crate) use coditect_adapters::journal::exported::export;
pub(crate) use coditect_adapters::journal::served::Reach;
use coditect_adapters::journal::served::Served;

/// Opens a mission that was exported, for reading.
pub(crate) fn exported(file: &Path) -> Result<(Archive, MissionId), Report> {
    let journal = Exported::open(file).doing("opening the mission")?;
    let mission = journal.mission().clone();
    Ok((Archive { kept: Kept::Exported(journal), owner: None }, mission))
}

/// Opens the journal for writing, and makes it if need be.
pub(crate) fn keeper(site: &Site) -> Result<Arc<dyn Journal>, Report> {
    keeper_and_notes(site).map(|(journal, _)| journal)
}

/// The same, with what a person should know of it, a line each.
pub(super) fn keeper_and_notes(site: &Site) -> Result<(Arc<dyn Journal>, Vec<String>), Report> {
    make_home(&site.home)?;
    match &site.journal {
        Place::Files => {
            let journal = Segments::open(&journal_dir(site)).map_err(|error| match error.kind {
                kind if kind == ErrorKind::Denied && error.hint.is_none() => {
                    error.with_hint("make the state directory writable, or name another with `--home DIR`")
                }
                _ => error,
            });
            let journal = journal.doing("opening the journal")?;
            let notes = journal.findings().iter().map(ToString::to_string).collect();
            Ok((Arc::new(journal), notes))
        }
        Place::Server(nats) => {
            let journal = connect(&options(nats))?;
            let notes = journal.notes().to_vec();
            // It is said once it is marked: what another process has is not said to be ours.
            let journal = Said::new(Arc::new(journal), sayer(world(nats))?);
            let journal = Marked::open(journal, &marks_dir(site)).doing("opening the journal")?;
            Ok((Arc::new(journal), notes))
        }
        Place::Unknown(report) => Err(Report::clone(report)),
    }
}

fn connect(options: &Options) -> Result<JetStream, Report> {
    JetStream::connect(options).doing("opening the journal")
}

/// A journal that says where others listen which missions this process has.
pub(crate) fn said(journal: Arc<dyn Journal>, open: Open) -> Result<Arc<dyn Journal>, Report> {
    Ok(Arc::new(Said::new(journal, sayer(open)?)))
}

fn sayer(open: Open) -> Result<Sayer, Report> {
    Sayer::begin(open, Process::this(host::name())).doing("joining the other processes")
}

/// A process that says that it has nothing, and hears what others say: on a journal of a server.
pub(crate) struct Witness {
    sayer: Sayer,
    holders: Holders,
    losses: Cell<u64>,
}

impl Witness {
    /// Joins the others.
    pub(crate) fn join(open: &Open) -> Result<Self, Report> {
        let sayer = sayer(Arc::clone(open))?;
        Ok(Self { sayer, holders: Holders::new(Arc::clone(open)), losses: Cell::new(0) })
    }

    /// Which missions processes have. None: it cannot be told for sure, since not even this process is heard, or all was lost a moment ago.
    pub(crate) fn held(&self) -> Option<BTreeSet<MissionId>> {
        let holders = self.holders.read();
        // Behind the look: what was lost before it is counted by now, or is lost in it, too.
        let losses = self.sayer.losses();
        if self.losses.replace(losses) != losses {
            return None;
        }
        let holders = holders.ok()?;
        let own = self.sayer.instance();
        let is_heard = holders.iter().any(|holder| holder.instance == own);
        is_heard.then(|| holders.iter().flat_map(|holder| holder.missions.iter().cloned()).collect())
    }
}

fn options(nats: &Nats) -> Options {
    Options { creds: nats.creds.clone(), monitor: nats.monitor.clone(), ..Options::at(nats.url.secret()) }
}

/// Checks the address of a server, without a connection.
pub(crate) fn check_server(url: &str) -> Result<(), PortError> {
    jetstream::check(url)
}

/// The address of a server without what is secret.
pub(crate) fn redacted_server(url: &str) -> String {
    if url.starts_with("redis://") || url.starts_with("rediss://") {
        redacted_redis(url)
    } else {
        jetstream::redacted(url)
    }
}

/// What was measured, and of what.
pub(crate) struct Measured {
    pub(crate) found: EventsBench,
    /// When a disk has what was acknowledged.
    pub(crate) syncs: String,
    /// The server's version; None: in files.
    pub(crate) server: Option<String>,
}

/// Measures how many events a second a journal of its own keeps: in files, or on the server.
pub(crate) fn measure_events(site: &Site, nats: Option<&Nats>, load: Load) -> Result<Measured, PortError> {
    let Some(nats) = nats else {
        let journal: Arc<dyn Journal> = Arc::new(Segments::open(&journal_dir(site))?);
        let found = events::measure(&journal, load)?;
        return Ok(Measured { found, syncs: "always".to_owned(), server: None });
    };
    let name = format!("bench-{}-{}", std::process::id(), super::now_ms());
    let journal = Arc::new(JetStream::connect(&Options { name, ..options(nats) })?);
    let found = events::measure(&(Arc::clone(&journal) as Arc<dyn Journal>), load);
    // Also where the bench broke off: nothing of it is to be left on somebody's server.
    let removed = journal.remove();
    let found = found?;
    removed?;
    Ok(Measured { found, syncs: journal.syncs().to_string(), server: Some(journal.version()) })
}
