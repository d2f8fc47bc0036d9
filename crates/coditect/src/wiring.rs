//! The only place that names concrete adapters: which technology stands behind which port.

mod adopting;
mod guarded;
mod holder;
mod journals;
pub(crate) mod remembering;
mod runs;
mod scratch;
mod tiers;
mod world;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use adopting::{adopt, has_store};
use coditect_adapters::access::{AuditLog, Tokens};
use coditect_adapters::announced::{Announced, AnnouncedAt};
use coditect_adapters::bench::JournalBench;
pub(crate) use coditect_adapters::fleet::Hear;
use coditect_adapters::fleet::{Account, At, Fleet, Offer, Seal, Worker};
pub(crate) use coditect_adapters::fleet::{Lookout, Pulse, Roll};
use coditect_adapters::mailbox::Letter;
pub(crate) use coditect_adapters::otlp::{
    Exporter, Line as OtlpLine, Meter, Read as ReadFigures, Sampler, Severity, Signal, Span as OtlpSpan,
    THREAD as OTLP_THREAD, Tally, Target, figures as sent_figures, read_varint, unheeded_notes,
};
pub(crate) use coditect_adapters::shelves::{BucketAt, check_bucket};
pub(crate) use coditect_adapters::trace::file::write as write_trace;
pub(crate) use coditect_adapters::trace::{Context as SpanContext, MissionTrace, Piece};
pub(crate) use coditect_adapters::{LocalBus, Shards};
use coditect_adapters::{Mailbox, SystemClock, SystemEntropy};
use coditect_agents::Tools;
use coditect_code::workspace::{Git, GitWorkspace, Taste};
use coditect_ports::{
    Agent, Breakers, Bus, Clock, Dispatch, Entropy, Journal, Memory, Model, Notice, PortError, Stop,
    Workspace,
};
use coditect_runtime::{Ports, Settings, Shell};
use coditect_types::plan::Role;
use coditect_types::{ErrorKind, Figure, MissionId, Policy};

use crate::environment::{Place, Site};
use crate::host;
use crate::report::{Doing, Report, USAGE};
use crate::settings::Nats;

#[cfg(feature = "neo4j")]
pub(crate) use guarded::guarded;
pub(crate) use guarded::{breakers, own_breakers};
use journals::journal_dir;
pub(crate) use journals::{
    Archive, Reach, Witness, archive, check_server, export, exported, keeper, measure_events,
    redacted_server, said, served,
};
use runs::Runs;
use scratch::Scratch;
use tiers::Tiers;
pub(crate) use tiers::{probes, sandbox};
pub(crate) use world::{Open, check_redis, on_redis, world};

/// Where chance comes from.
const CHANCE: &str = "/dev/urandom";
/// Inputs that may wait for one mission.
const INBOX: usize = 256;

/// The state directory is its owner's alone: requests and diffs are in it.
pub(crate) fn make_home(home: &Path) -> Result<(), Report> {
    use std::os::unix::fs::DirBuilderExt;
    let doing = "making the state directory";
    let mine = "make it a directory that you may write, or name another with `--home DIR`";
    if home.join(".git").exists() || home.components().any(|part| part.as_os_str() == ".git") {
        let cause = format!("`{}` belongs to a git repository", home.display());
        return Err(Report::new(ErrorKind::Invalid, doing, cause).hint("name another with `--home DIR`"));
    }
    let failed = |error: std::io::Error| {
        let error = PortError::from_io(&format!("`{}`", home.display()), &error);
        // Whoever may not write there named the wrong place, whichever way the system puts it.
        Report::from(error.with_hint(mine)).exit(USAGE)
    };
    let is_new = !home.exists();
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(home);
    made.map_err(failed).doing(doing)?;
    if is_new {
        // Below a repository it is nothing that the person's git should speak of, or a snapshot hold.
        std::fs::write(home.join(".gitignore"), "*\n").map_err(failed).doing(doing)?;
    }
    Ok(())
}

/// The person's directories, by way of git.
pub(crate) fn workspace(site: &Site) -> Result<Arc<dyn Workspace>, Report> {
    make_home(&site.home)?;
    let git = Git::find(site.path.as_deref()).doing("looking for git")?;
    let taste = Taste::read(&git, site.user_home.as_deref(), site.xdg_config.as_deref());
    let workspace = GitWorkspace::open(&site.home, git).doing("opening the state directory")?;
    Ok(Arc::new(workspace.with_taste(taste)))
}

/// Refuses a directory for which a mission would read or write outside of these, or within the state directory.
pub(crate) fn must_be_within(site: &Site, dir: &Path, tops: &[PathBuf]) -> Result<(), Report> {
    let doing = format!("opening `{}`", dir.display());
    let git = Git::find(site.path.as_deref()).doing(&doing)?;
    let home = site.home.canonicalize().unwrap_or_else(|_| site.home.clone());
    let is_within = |path: &PathBuf| {
        let path = path.canonicalize().unwrap_or_else(|_| path.clone());
        tops.iter().any(|top| path.starts_with(top)) && !path.starts_with(&home) && !home.starts_with(&path)
    };
    let touched = coditect_code::workspace::stands_on(&git, dir).doing(&doing)?;
    if touched.iter().all(is_within) {
        return Ok(());
    }
    let cause = "a mission on it would reach further than this server lets its users";
    Err(Report::new(ErrorKind::Denied, doing, cause)
        .hint("the repository itself has to be below one of the server's `--projects`"))
}

/// How one process reaches the mission that another runs.
pub(crate) fn mailbox(site: &Site) -> Mailbox {
    Mailbox::new(&site.home.join("inbox"))
}

/// Unix time, ms.
pub(crate) fn now_ms() -> u64 {
    SystemClock::new().now_ms()
}

/// The time.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}

/// Chance.
pub(crate) fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy::new())
}

/// An id that no mission has.
pub(crate) fn new_mission_id() -> MissionId {
    MissionId::from_parts(now_ms(), SystemEntropy::new().next_u64())
}

/// 256 bits that nobody can guess, as text.
pub(crate) fn secret() -> Result<String, Report> {
    use std::fmt::Write;
    let bytes = chance()?;
    Ok(bytes[..32].iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    }))
}

/// 36 bytes that nobody can guess.
pub(crate) fn chance() -> Result<[u8; 36], Report> {
    use std::io::Read;
    let mut bytes = [0_u8; 36];
    let read = std::fs::File::open(CHANCE).and_then(|mut source| source.read_exact(&mut bytes));
    read.map_err(|error| PortError::from_io(&format!("`{CHANCE}`"), &error)).doing("making a secret")?;
    Ok(bytes)
}

/// The tokens of those who use a shared server.
pub(crate) fn tokens(site: &Site) -> Tokens {
    Tokens::new(&site.home.join("access"))
}

/// The book of what was asked of it.
pub(crate) fn audit(site: &Site) -> AuditLog {
    AuditLog::new(&site.home.join("access"))
}

/// A bus that nobody listens to.
pub(crate) fn silent_bus() -> Arc<dyn Bus> {
    Arc::new(LocalBus::new())
}

/// Everything that a mission needs, opened.
pub(crate) struct House {
    /// The journal.
    pub(crate) journal: Arc<dyn Journal>,
    /// What is announced.
    pub(crate) bus: Arc<LocalBus>,
    /// What a person should know of how it was opened, a line each.
    pub(crate) notes: Vec<String>,
    /// The missions' directories.
    pub(crate) workspace: Arc<dyn Workspace>,
    mailbox: Mailbox,
    agents: Vec<Arc<dyn Agent>>,
    models: Vec<Arc<dyn Model>>,
    breakers: Arc<dyn Breakers>,
    fleet: Option<Arc<dyn Dispatch>>,
    announced: Option<Arc<Announced>>,
    workers: usize,
    /// The last to go: sandboxes have their directories in it.
    _scratch: Scratch,
}

/// Opens everything for missions under `policy`, each search on at most `threads` threads (0: one a core); `say` hears
/// of what takes long. Refuses where no sandbox that the policy allows can be used.
pub(crate) fn house(
    site: &Site,
    policy: &Policy,
    threads: usize,
    say: &mut dyn FnMut(String),
) -> Result<House, Report> {
    let workspace = workspace(site)?;
    let scratch = Scratch::open(&site.home)?;
    let sandboxes = Tiers::open(site, policy.sandbox, say).usable(policy)?;
    let (journal, mut notes) = journals::keeper_and_notes(site)?;
    let (memory, of_memory) = remembering::for_mission(site);
    notes.extend(of_memory);
    remembering::start_mover(site);
    let memory = memory.map(|memory| memory as Arc<dyn Memory>);
    let tools = Tools { workspace: Arc::clone(&workspace), sandboxes, clock: clock(), memory, threads };
    let agents = coditect_agents::roles(&tools);
    let workers = match policy.agents {
        0 => host::cores(),
        n => n as usize,
    };
    let mailbox = mailbox(site);
    let bus = Arc::new(LocalBus::new());
    let models = site.models.clone();
    let (fleet, of_fleet) = fleet(site, &workspace)?;
    notes.extend(of_fleet);
    let announced = announced(site)?.map(Arc::new);
    Ok(House {
        journal,
        bus,
        notes,
        workspace,
        mailbox,
        agents,
        models,
        breakers: breakers(site),
        fleet,
        announced,
        workers,
        _scratch: scratch,
    })
}

/// Whoever listens on the server, where they are to be told.
fn announced(site: &Site) -> Result<Option<Announced>, Report> {
    const DOING: &str = "announcing what happens";
    match &site.journal {
        _ if !site.announce => Ok(None),
        Place::Server(nats) => {
            let At { url, creds, name, .. } = fleet_at(nats);
            let at = AnnouncedAt { url, creds, name, process: new_instance() };
            Announced::open(&at).doing(DOING).map(Some)
        }
        Place::Files | Place::Unknown(_) => {
            let cause = "programs listen on a NATS server, and none is named";
            Err(Report::new(ErrorKind::Invalid, DOING, cause)
                .hint("name it with `--nats nats://HOST:4222`, or set `announce` to `off`"))
        }
    }
}

/// The watchers in this process, and whoever listens on a server.
#[derive(Debug)]
struct Both {
    near: Arc<LocalBus>,
    far: Arc<Announced>,
}

impl Bus for Both {
    fn announce(&self, notice: Notice) {
        self.far.announce(notice.clone());
        self.near.announce(notice);
    }
}

/// The fleet that does the work, where one is to, and what a person should know of it, a line each.
type FleetAndNotes = (Option<Arc<dyn Dispatch>>, Vec<String>);

fn fleet(site: &Site, workspace: &Arc<dyn Workspace>) -> Result<FleetAndNotes, Report> {
    const DOING: &str = "joining the fleet";
    match &site.journal {
        _ if !site.fleet => Ok((None, Vec::new())),
        Place::Server(nats) => {
            let at = sealed_at(nats, site, OF_MISSIONS).doing(DOING)?;
            let fleet = Fleet::open(&at, Arc::clone(workspace)).doing(DOING)?;
            let notes = fleet.notes().to_vec();
            Ok((Some(Arc::new(fleet)), notes))
        }
        Place::Files | Place::Unknown(_) => {
            let cause = "a fleet meets on a NATS server, and none is named";
            Err(Report::new(ErrorKind::Invalid, DOING, cause)
                .hint("name it with `--nats nats://HOST:4222`, or leave `--fleet on` away"))
        }
    }
}

/// A fleet of a bench's own on a server, with one worker that has these agents.
pub(crate) struct BenchFleet {
    pub(crate) fleet: Arc<Fleet>,
    stop: Stop,
    working: Option<std::thread::JoinHandle<Result<(), PortError>>>,
}

impl BenchFleet {
    /// Begins it. Not on a thread of a tokio runtime.
    pub(crate) fn begin(
        site: &Site,
        nats: &Nats,
        agents: Vec<Arc<dyn Agent>>,
        slots: usize,
    ) -> Result<Self, Report> {
        let doing = "making a fleet for the bench";
        let workspace = workspace(site)?;
        let name = format!("bench-{}-{}", std::process::id(), now_ms());
        let at = At { name: name.clone(), ..fleet_at(nats) };
        let fleet = Arc::new(Fleet::open(&at, Arc::clone(&workspace)).doing(doing)?);
        let roles = agents.iter().flat_map(|agent| agent.roles().iter().copied()).collect();
        let offer = Offer { name, slots, roles };
        let account = Arc::new(Account::new(&offer, None));
        let worker = Worker::join(&at, workspace, agents, (offer, account)).doing(doing)?;
        let stop = Stop::new();
        let flag = stop.clone();
        let working = std::thread::spawn(move || worker.run(&flag, &|_| {}));
        Ok(Self { fleet, stop, working: Some(working) })
    }

    /// Ends it: nothing of it is left on the server.
    pub(crate) fn end(mut self) -> Result<(), Report> {
        let doing = "ending the fleet of the bench";
        self.stop.hurry();
        if let Some(working) = self.working.take() {
            let ended = working.join();
            ended.map_err(|_| Report::new(ErrorKind::Bug, doing, "the worker broke"))?.doing(doing)?;
        }
        self.fleet.remove().doing(doing)
    }
}

fn fleet_at(nats: &Nats) -> At {
    At::new(nats.url.secret(), nats.creds.clone())
}

/// The name of the key that missions sign their orders with.
const OF_MISSIONS: &str = "missions.key";

/// What others know the orders of a state directory's missions by.
pub(crate) fn key_of_missions(site: &Site) -> Result<String, Report> {
    make_home(&site.home)?;
    let seal = Seal::open(&site.home.join("fleet").join(OF_MISSIONS), None).doing("looking for the key")?;
    Ok(seal.public().unwrap_or_default())
}

/// The same for who gives or does work there: what they send is signed, and whom they trust stands in the settings. `key` is the name of
/// the key, below the state directory.
pub(crate) fn sealed_at(nats: &Nats, site: &Site, key: &str) -> Result<At, PortError> {
    let seal = Seal::open(&site.home.join("fleet").join(key), nats.trust.clone())?;
    Ok(At { seal, sampler: site.sampler, ..fleet_at(nats) })
}

/// A look at the fleet that meets on the person's server. Makes nothing there.
pub(crate) fn lookout(site: &Site) -> Result<Lookout, PortError> {
    let Place::Server(nats) = &site.journal else {
        return Err(PortError::new(ErrorKind::Invalid, "a fleet meets on a NATS server, and none is named"));
    };
    Lookout::open(&fleet_at(nats), now_ms)
}

/// What a person should know of a fleet's streams, a line each, where missions that are begun here hand actions to workers.
pub(crate) fn notes_on_fleet(site: &Site) -> Vec<String> {
    if !site.fleet || !matches!(site.journal, Place::Server(_)) {
        return Vec::new();
    }
    let told = |error: PortError| {
        let hint = error.hint.map_or_else(String::new, |hint| format!(" ({hint})"));
        vec![format!("no fleet can be joined: {}{hint}", error.cause)]
    };
    lookout(site).and_then(|lookout| lookout.notes()).unwrap_or_else(told)
}

/// A name for this process that no other has, and that says nothing of the machine.
pub(crate) fn new_instance() -> String {
    let chance = SystemEntropy::new();
    format!("{:016x}{:016x}", chance.next_u64(), chance.next_u64())
}

/// A worker that has joined a fleet.
pub(crate) struct Joined {
    pub(crate) worker: Worker,
    pub(crate) counted: Counted,
    /// The last to go: sandboxes have their directories in it.
    _scratch: Scratch,
}

/// What a worker does, counted.
#[derive(Clone)]
pub(crate) struct Counted {
    account: Arc<Account>,
    runs: Arc<Runs>,
}

impl Counted {
    /// What it comes to.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let mut figures = self.account.figures();
        figures.push(self.runs.figure());
        figures
    }
}

/// Joins a fleet as a worker of a name, with so many slots; `say` hears of what takes long, `hear` of spans. Refuses where no sandbox
/// can be used.
pub(crate) fn join(
    site: &Site,
    at: &At,
    (name, slots): (&str, usize),
    say: &mut dyn FnMut(String),
    hear: Option<Hear>,
) -> Result<Joined, Report> {
    let workspace = workspace(site)?;
    let scratch = Scratch::open(&site.home)?;
    let policy = Policy::default();
    let runs = Arc::<Runs>::default();
    let sandboxes = Tiers::open(site, policy.sandbox, say).usable(&policy)?;
    let sandboxes = sandboxes.into_iter().map(|sandbox| runs.counted(sandbox)).collect();
    // The slots share the cores out among them.
    let threads = (host::cores() / slots.max(1)).max(1);
    let tools = Tools { workspace: Arc::clone(&workspace), sandboxes, clock: clock(), memory: None, threads };
    let agents = coditect_agents::roles(&tools);
    let roles: BTreeSet<Role> = agents.iter().flat_map(|agent| agent.roles().iter().copied()).collect();
    // What is the person's own is done where they are.
    let roles = roles.into_iter().filter(|role| *role != Role::Deployer).collect();
    let offer = Offer { name: name.to_owned(), slots, roles };
    let account = Arc::new(Account::new(&offer, hear));
    let counted = Counted { account: Arc::clone(&account), runs };
    let worker = Worker::join(at, workspace, agents, (offer, account)).doing("joining the fleet")?;
    Ok(Joined { worker, counted, _scratch: scratch })
}

impl House {
    /// Puts another agent before each: what it is asked, and whether it asks the one behind it, is its own.
    pub(crate) fn put_before_agents(
        &mut self,
        before: impl Fn(Arc<dyn Agent>, Arc<dyn Workspace>) -> Arc<dyn Agent>,
    ) {
        let agents = std::mem::take(&mut self.agents).into_iter();
        self.agents = agents.map(|agent| before(agent, Arc::clone(&self.workspace))).collect();
    }

    /// Starts the shell. Call it inside a tokio runtime.
    pub(crate) fn start(&self) -> Result<Shell, Report> {
        self.start_with(self.bus())
    }

    /// Where missions of this house announce.
    pub(crate) fn bus(&self) -> Arc<dyn Bus> {
        let near = Arc::clone(&self.bus);
        match &self.announced {
            Some(far) => Arc::new(Both { near, far: Arc::clone(far) }),
            None => near,
        }
    }

    /// The same with a bus before its own.
    pub(crate) fn start_with(&self, bus: Arc<dyn Bus>) -> Result<Shell, Report> {
        let ports = Ports {
            journal: Arc::clone(&self.journal),
            bus,
            clock: clock(),
            entropy: entropy(),
            agents: self.agents.clone(),
            models: self.models.clone(),
            breakers: Arc::clone(&self.breakers),
            fleet: self.fleet.clone(),
        };
        let settings = Settings { workers: self.workers, inbox: INBOX, ..Settings::default() };
        Shell::start(ports, settings).doing("starting the shell")
    }

    /// Commands that other processes left for a mission. They stay until [`House::answered`].
    pub(crate) fn mail(&self, mission: &MissionId) -> Vec<Letter> {
        match self.mailbox.look(mission) {
            Ok(waiting) => {
                for (file, why) in waiting.set_aside {
                    tracing::warn!(file = %file.display(), why, "a command could not be read and was set aside");
                }
                waiting.letters
            }
            // Looked for again in a moment; the mission itself does not depend on it.
            Err(error) => {
                tracing::warn!(%mission, %error, "commands of other processes cannot be read");
                Vec::new()
            }
        }
    }

    /// What came of a command is kept.
    pub(crate) fn answered(&self, letter: &Letter) {
        if let Err(error) = self.mailbox.done(letter) {
            tracing::warn!(%error, "a command that was carried out stays, and will be refused the next time");
        }
    }
}

/// A tokio runtime for one command.
pub(crate) fn tokio_runtime() -> Result<tokio::runtime::Runtime, Report> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(host::cores().min(4))
        .enable_all()
        .build()
        .map_err(|error| {
            Report::new(ErrorKind::Unavailable, "starting", error.to_string())
                .hint("see `ulimit -u` and `ulimit -n`: the system refuses threads or file handles")
        })
}

/// Measures the embedded journal in a new directory.
pub(crate) fn measure_journal(site: &Site, quick: bool) -> Result<JournalBench, PortError> {
    coditect_adapters::bench::journal(&site.home, quick)
}

/// A name for what this state directory has on a server: two machines, or two homes of one, may have directories of the same name.
#[cfg(any(test, feature = "neo4j"))]
pub(crate) fn own_name(home: &Path, parts: &[&Path]) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut name = blake3::Hasher::new();
    let host = nix::unistd::gethostname().unwrap_or_default();
    let parts = parts.iter().map(|part| part.as_os_str().as_bytes());
    for part in [host.as_bytes(), home.as_os_str().as_bytes()].into_iter().chain(parts) {
        name.update(&(part.len() as u64).to_le_bytes());
        name.update(part);
    }
    name.finalize().to_hex()[..24].to_owned()
}

/// The same with another state directory, and nothing of what is kept on servers.
fn elsewhere(site: &Site, home: &Path) -> Site {
    let site = site.clone();
    Site {
        home: home.to_owned(),
        journal: Place::Files,
        fleet: false,
        announce: false,
        cold: None,
        embedder: None,
        ..site
    }
}

/// A directory for a bench on the disk where missions are kept; it goes with the value.
pub(crate) fn bench_site(site: &Site) -> Result<(tempfile::TempDir, Site), Report> {
    make_home(&site.home)?;
    let dir = tempfile::Builder::new().prefix("bench-").tempdir_in(&site.home).map_err(|error| {
        Report::new(ErrorKind::Unavailable, "making a directory for the bench", error.to_string())
    })?;
    let site = elsewhere(site, dir.path());
    Ok((dir, site))
}

/// A state directory for missions that nobody is to find later: it goes with the value, or at the next start where the
/// process was killed.
pub(crate) struct Lodging {
    /// Where things are for these missions.
    pub(crate) site: Site,
    /// A directory for copies of projects that no git repository is above.
    pub(crate) copies: PathBuf,
    _dirs: [tempfile::TempDir; 2],
    _scratch: Scratch,
}

/// Makes a state directory for a while.
pub(crate) fn lodging(site: &Site) -> Result<Lodging, Report> {
    make_home(&site.home)?;
    let system = std::env::temp_dir();
    let scratch = Scratch::open(&site.home)?;
    // A project below a repository is taken for a part of it.
    let is_free = |dir: &Path| dir.ancestors().all(|above| !above.join(".git").exists());
    let base = if is_free(scratch.path()) { scratch.path() } else { &system };
    let make = |prefix: &str, base: &Path| {
        tempfile::Builder::new()
            .prefix(prefix)
            .tempdir_in(base)
            .map_err(|error| PortError::from_io(&format!("`{}`", base.display()), &error))
            .doing("making a directory for a while")
    };
    let (copies, home) = (make("copies-", base)?, make("home-", scratch.path())?);
    let site = elsewhere(site, home.path());
    Ok(Lodging { site, copies: copies.path().to_owned(), _dirs: [copies, home], _scratch: scratch })
}
