//! `coditect ui`: the dashboard of a person's own missions, in their browser.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use coditect_adapters::access::{AuditLog, Tokens};
use coditect_ports::{Journal, PortError};
use coditect_server::{
    Between, Both, Compared, Explored, GraphAsked, Ground, House, Recollection, Secrets, Sentence, Server,
    Terms, Told,
};
use coditect_types::access::{Admission, Asked};
use coditect_types::fleet::{FleetView, Held};
use coditect_types::limits::Verdict;
use coditect_types::{
    ApprovalId, EpisodeId, ErrorKind, Expectation, Figure, MissionId, Record, Refusal, UserName, UserRole,
    Visitor,
};
use serde_json::json;
use tokio::runtime::Handle;

use super::travel::compare::{self, Row, Sides};
use super::travel::diff;
use super::{Context, approvals, cancel};
use crate::args::UiArgs;
use crate::environment::{self, Site};
use crate::fleets::Looks;
use crate::host;
use crate::out::{paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Fault, INTERRUPTED, Report};
use crate::signals::Signals;
use crate::story;
use crate::telemetry::{self, Sending, Tallies, Wanted, Whose};
use crate::travel::Changed;
use crate::wiring::{self, Archive};

pub(super) mod begun;
mod explored;
mod gauges;
mod recalled;

const DOING: &str = "starting the dashboard";
/// Missions of one door under way at once, for each core: each is a process, and most of them wait for something.
const MISSIONS_EACH: usize = 32;
/// Bytes of a file with a token that are read.
const TOKEN_BYTES: u64 = 4_096;

pub(crate) fn perform(cx: &mut Context, args: &UiArgs) -> Done {
    let (site, archive) = (cx.site()?, cx.archive()?);
    let wanted = telemetry::wanted(&cx.env, Whose::Process);
    // There is nothing here that takes a while: it has figures, and no spans.
    let sending = Sending::default();
    let lent = Lent::new(site, archive, approvals::person(&cx.env));
    let lent = Arc::new(lent.with_tallies(sending.tallies()));
    let runtime = wiring::tokio_runtime()?;
    let done = runtime.block_on(serve(cx, args, (lent, sending, wanted)));
    // What still reads the journal is left to the end of the process.
    runtime.shutdown_background();
    done
}

async fn serve(
    cx: &mut Context,
    args: &UiArgs,
    (lent, mut sending, mut wanted): (Arc<Lent>, Sending, Wanted),
) -> Done {
    let mut signals = Signals::listen()?;
    let token = wiring::secret()?;
    let secrets = Secrets::new(&token, &wiring::secret()?)
        .ok_or_else(|| Report::new(ErrorKind::Bug, DOING, "a secret of ours is none"))?;
    let secrets = with_metrics(secrets, args.metrics_token_file.as_deref(), DOING)?;
    let server = Server::bind(args.listen).await.doing(DOING)?;
    let (counted, of) = (server.metrics(), Arc::clone(&lent));
    // The journals may be older than this process: nobody knows since when they count.
    sending.measure(&mut wanted, None, Box::new(move || counted.figures(of.as_ref()).ok()));
    wanted.notes.iter().for_each(|note| cx.note(note));
    tell(cx, server.address(), &token)?;
    server.run(lent, secrets, Ground::default(), signals.next()).await;
    let sent = tokio::task::spawn_blocking(move || sending.finish());
    if let Ok(lost) = signals.or_exit(sent).await {
        lost.iter().for_each(|lost| cx.note(lost));
    }
    Ok(INTERRUPTED)
}

/// The same with the token of a file that opens `/metrics` alone, where one is named.
pub(super) fn with_metrics(
    secrets: Secrets,
    file: Option<&Path>,
    doing: &'static str,
) -> Result<Secrets, Report> {
    let Some(file) = file else { return Ok(secrets) };
    secrets.with_metrics(&metrics_token(file, doing)?).ok_or_else(|| {
        let cause =
            "the token in `--metrics-token-file` is too short, or has other characters than letters and digits";
        Report::new(ErrorKind::Invalid, doing, cause).hint("remove the file, and one is made")
    })
}

/// The token of a file, which is made if it is not there.
pub(crate) fn metrics_token(file: &Path, doing: &'static str) -> Result<String, Report> {
    let failed = |error: std::io::Error| PortError::from_io(&format!("`{}`", file.display()), &error);
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut made) => {
            let token = wiring::secret()?;
            writeln!(made, "{token}").map_err(failed).doing(doing)?;
            Ok(token)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let open = File::open(file).map_err(failed).doing(doing)?;
            let mode = open.metadata().map_err(failed).doing(doing)?.permissions().mode();
            // A Prometheus of the system reads it as one of a group.
            if mode & 0o027 != 0 {
                let cause =
                    format!("`{}` can be read by others, so what is in it is no secret", file.display());
                return Err(Report::new(ErrorKind::Denied, doing, cause)
                    .hint("remove it, and one is made; or `chmod 600` it if nobody has read it"));
            }
            let mut text = String::new();
            open.take(TOKEN_BYTES).read_to_string(&mut text).map_err(failed).doing(doing)?;
            Ok(text.trim().to_owned())
        }
        Err(error) => Err(failed(error)).doing(doing),
    }
}

/// Where it is. No browser is opened: the token would stand in its command line, which every user of the machine can read.
fn tell(cx: &mut Context, address: SocketAddr, token: &str) -> Result<(), Fault> {
    let url = format!("http://{address}/?token={token}");
    if cx.out.json {
        cx.out.object(&json!({ "type": "ui.listening", "address": address, "url": url }))?;
        return Ok(());
    }
    cx.out.line(&format!("{}  {url}", painted(paint::LABEL, "dashboard")))?;
    cx.out.line("           open it in a browser; it is for you alone, and Ctrl-C stops it")?;
    Ok(())
}

/// What the server stands on.
#[derive(Debug)]
pub(crate) struct Lent {
    site: Site,
    archive: Archive,
    person: String,
    tokens: Tokens,
    book: AuditLog,
    memories: recalled::Memories,
    graphs: explored::Graphs,
    looks: Looks,
    gauges: gauges::Gauges,
    /// Directories below which users begin missions.
    projects: Vec<PathBuf>,
    /// Models that users may name.
    models: Vec<String>,
    tallies: Arc<Tallies>,
    /// Of missions that are begun here.
    places: begun::Places,
}

impl Lent {
    /// What is there at a site, for a person.
    pub(crate) fn new(site: Site, archive: Archive, person: String) -> Self {
        let (tokens, book) = (wiring::tokens(&site), wiring::audit(&site));
        Self {
            site,
            archive,
            person,
            tokens,
            book,
            memories: recalled::Memories::default(),
            graphs: explored::Graphs::default(),
            looks: Looks::default(),
            gauges: gauges::Gauges::default(),
            projects: Vec::new(),
            models: Vec::new(),
            tallies: Arc::default(),
            places: begun::Places::new(host::cores() * MISSIONS_EACH),
        }
    }

    /// The same for so many missions at once, where that is said.
    pub(crate) fn with_missions(self, most: Option<usize>) -> Self {
        Self { places: most.map_or(self.places, begun::Places::new), ..self }
    }

    /// The same with what is sent to collectors.
    pub(crate) fn with_tallies(self, tallies: Arc<Tallies>) -> Self {
        Self { tallies, ..self }
    }

    /// The same for users, who begin missions below these directories and may name these models.
    pub(crate) fn for_users(self, projects: Vec<PathBuf>, models: Vec<String>) -> Self {
        Self { projects, models, ..self }
    }

    /// The directory that a visitor names, and the flags that say how far their missions may reach.
    fn directory(&self, by: &Visitor, dir: &str) -> Result<(PathBuf, Vec<OsString>), Refusal> {
        let given = Path::new(dir);
        if !given.is_absolute() {
            let cause = format!("`{dir}` is no directory in full, such as `/srv/project`");
            return Err(Refusal { kind: ErrorKind::Invalid, cause, hint: None });
        }
        let within = self.within(by);
        if within.is_empty() {
            return Ok((given.to_owned(), within));
        }
        // Whether there is anything elsewhere is nothing that they learn. The process of the mission looks at it again, and at the
        // repository that it belongs to.
        let found =
            given.canonicalize().ok().filter(|found| self.projects.iter().any(|top| found.starts_with(top)));
        let found = found.ok_or_else(|| Refusal {
            kind: ErrorKind::Denied,
            cause: format!("`{dir}` is no directory on which you may have missions"),
            hint: Some("the server's `--projects` say below which directories that is".to_owned()),
        })?;
        Ok((found, within))
    }

    /// How far the missions of a visitor may reach, as flags; none: anywhere.
    fn within(&self, by: &Visitor) -> Vec<OsString> {
        if by.user.is_none() || by.roles.contains(&UserRole::Admin) {
            return Vec::new();
        }
        // Without any they have none: a directory that nothing is below.
        let none = [PathBuf::from("/dev/null")];
        let tops = if self.projects.is_empty() { &none[..] } else { &self.projects };
        let flag = |top: &PathBuf| [OsString::from("--within"), top.clone().into()];
        tops.iter().flat_map(flag).collect()
    }

    /// The directory of a mission, for whoever looks into it: it is there, and below those that a user may have missions on.
    fn project(&self, by: &Visitor, dir: &str) -> Result<PathBuf, Refusal> {
        let (dir, within) = self.directory(by, dir)?;
        let gone = "it was moved or removed since, or is on another machine; its missions can be looked at all the same";
        let dir = environment::directory(&dir).map_err(|report| refusal(report.hint(gone)))?;
        if !within.is_empty() {
            // Its history is that of the repository, which may be above it.
            wiring::must_be_within(&self.site, &dir, &self.projects).map_err(refusal)?;
        }
        Ok(dir)
    }

    /// Refuses a model that the person whose machine it is has not chosen: it would be asked with their key.
    fn must_be_chosen(&self, by: &Visitor, model: &str) -> Result<(), Refusal> {
        if model.is_empty() || by.user.is_none() || self.models.iter().any(|name| name == model) {
            return Ok(());
        }
        let known = self.models.join("`, `");
        let hint =
            if known.is_empty() { "it offers none".to_owned() } else { format!("it offers `{known}`") };
        let cause = format!("this server does not offer the model `{model}`");
        Err(Refusal { kind: ErrorKind::Denied, cause, hint: Some(hint) })
    }
}

/// Whose the mission is to be.
fn of_owner(by: &Visitor) -> Vec<OsString> {
    by.user.iter().map(|user: &UserName| OsString::from(format!("--owner={user}"))).collect()
}

impl House for Lent {
    fn journal(&self) -> &dyn Journal {
        self.archive.journal()
    }

    fn findings(&self) -> Vec<String> {
        self.archive.findings()
    }

    fn is_running(&self, mission: &MissionId) -> bool {
        self.archive.is_running(mission)
    }

    fn story(&self, record: &Record) -> Vec<Sentence> {
        let told = story::tell(std::slice::from_ref(record), None).into_iter();
        told.map(|one| Sentence { task: one.task, tells: one.tells.label(), text: one.text }).collect()
    }

    fn expectation(&self, expectation: &Expectation) -> String {
        phrase::expectation(expectation)
    }

    fn cancel(&self, mission: &MissionId, reason: String) -> Result<String, Refusal> {
        let ending = cancel::end(&self.site, &self.archive, mission, &reason);
        Handle::current().block_on(ending).map(|ended| cancel::said(mission, ended)).map_err(refusal)
    }

    fn answer(
        &self,
        mission: &MissionId,
        approval: ApprovalId,
        verdict: Verdict,
        by: String,
        why: String,
    ) -> Result<String, Refusal> {
        let asked = (Some(approval.0), verdict);
        let giving = approvals::give(&self.site, &self.archive, mission, asked, (by, why));
        Handle::current().block_on(giving).map(|answered| answered.said()).map_err(refusal)
    }

    fn begin(&self, by: &Visitor, request: &str, dir: &str, terms: &Terms) -> Result<MissionId, Refusal> {
        self.must_be_chosen(by, &terms.model)?;
        let (dir, within) = self.directory(by, dir)?;
        let mut args: Vec<OsString> = vec!["run".into(), "-C".into(), dir.clone().into()];
        args.extend(within);
        args.extend(of_owner(by));
        args.extend(of_terms(terms));
        // Behind it nothing is a flag.
        args.extend(["--", request].map(OsString::from));
        let begun = begun::begin(&self.site, self.archive.journal(), &self.places, (terms.id.as_ref(), args));
        match (begun, &terms.id) {
            // Asked twice, or by another door: what came of the first time is the answer to the second.
            (_, Some(id))
                if begun::is_same(self.archive.journal(), id, by.user.as_ref(), (request, &dir)) =>
            {
                Ok(id.clone())
            }
            (Ok(_), Some(_)) => {
                let cause = "a mission of that name has begun already".to_owned();
                Err(Refusal {
                    kind: ErrorKind::Conflict,
                    cause,
                    hint: Some("leave the name away".to_owned()),
                })
            }
            (begun, _) => begun.map_err(refusal),
        }
    }

    fn fork(&self, by: &Visitor, of: &MissionId, at: u64, terms: &Terms) -> Result<MissionId, Refusal> {
        self.must_be_chosen(by, &terms.model)?;
        let at = at.to_string();
        let mut args: Vec<OsString> = ["fork", of.as_str(), "--at", &at].map(OsString::from).to_vec();
        args.extend(self.within(by));
        args.extend(of_owner(by));
        args.extend(of_terms(terms));
        begun::begin(&self.site, self.archive.journal(), &self.places, (None, args)).map_err(refusal)
    }

    fn between(&self, mission: &MissionId, from: u64, to: u64) -> Result<Between, Refusal> {
        let found = diff::between(&self.site, &self.archive, mission, (from, to));
        let (known, diff) = found.map_err(refusal)?;
        let both = |one: Changed| Both { label: one.label.to_owned(), texts: [one.before, one.after] };
        Ok(Between { known: known.into_iter().map(both).collect(), diff })
    }

    fn compare(&self, first: &MissionId, second: &MissionId) -> Result<Compared, Refusal> {
        let found = compare::compared(&self.archive, (first, second)).map_err(refusal)?;
        let Sides { rows, parted, paths } = found;
        let both = |row: Row| Both { label: row.label.to_owned(), texts: row.texts.map(Some) };
        let plain = |step: String| anstream::adapter::strip_str(step.trim()).to_string();
        let paths = paths.map(|steps| steps.into_iter().map(plain).collect());
        Ok(Compared { rows: rows.into_iter().map(both).collect(), parted, paths })
    }

    fn recall(&self, by: &Visitor, words: &str, most: usize) -> Result<Recollection, Refusal> {
        recalled::recall(&self.memories, &self.site, by, (words, most)).map_err(refusal)
    }

    fn episode(&self, by: &Visitor, id: &EpisodeId) -> Result<Told, Refusal> {
        recalled::episode(&self.memories, &self.site, by, id).map_err(refusal)
    }

    fn fleet(&self) -> Result<FleetView, Refusal> {
        Ok(self.looks.view(&self.site))
    }

    fn holder(&self, mission: &MissionId) -> Option<Held> {
        self.archive.held(mission)
    }

    fn explore(&self, by: &Visitor, dir: &str, asked: &GraphAsked) -> Result<Explored, Refusal> {
        let dir = self.project(by, dir)?;
        explored::explore(&self.graphs, &self.site, by, (&dir, asked)).map_err(refusal)
    }

    fn telemetry(&self) -> Vec<Figure> {
        self.tallies.figures()
    }

    fn gauges(&self) -> Vec<Figure> {
        self.gauges.figures(&self.site, &self.looks)
    }

    fn person(&self) -> String {
        self.person.clone()
    }

    fn admit(&self, token: &str) -> Result<Admission, Refusal> {
        self.tokens.admit(token, wiring::now_ms()).map_err(told)
    }

    fn is_admitted(&self, visitor: &Visitor) -> Result<bool, Refusal> {
        let Some(name) = &visitor.token else { return Ok(visitor.user.is_none()) };
        self.tokens.is_open(name, wiring::now_ms()).map_err(told)
    }

    fn keep(&self, asked: &Asked) -> Result<(), Refusal> {
        self.book.add(asked, wiring::now_ms()).map_err(|error| {
            let cause = format!("what is asked cannot be written into the book: {}", error.cause);
            Refusal { kind: error.kind, cause, hint: error.hint }
        })
    }
}

/// How it is to be run, as flags.
fn of_terms(terms: &Terms) -> Vec<OsString> {
    let mut flags = Vec::new();
    let mut flag = |name: &str, value: String| flags.push(OsString::from(format!("{name}={value}")));
    if !terms.model.is_empty() {
        flag("--model", terms.model.clone());
    }
    terms.budget_s.into_iter().for_each(|seconds| flag("--budget-s", seconds.to_string()));
    terms.seed.into_iter().for_each(|seed| flag("--seed", seed.to_string()));
    flags
}

/// A failure of ours is not told to strangers: what is in it stays in the log.
fn told(error: PortError) -> Refusal {
    tracing::error!(%error, "nobody can be let in");
    let hint = Some("whoever runs the server finds the cause in its log".to_owned());
    Refusal { kind: ErrorKind::Unavailable, cause: "who you are cannot be looked up".to_owned(), hint }
}

fn refusal(report: Report) -> Refusal {
    let doing = if report.doing.is_empty() { String::new() } else { format!("{}: ", report.doing) };
    Refusal { kind: report.kind, cause: format!("{doing}{}", report.cause), hint: report.hint }
}
