//! `coditect ui`: the dashboard of a person's own missions, in their browser.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use coditect_ports::{Journal, PortError};
use coditect_server::{Between, Both, Compared, House, Secrets, Sentence, Server, Terms};
use coditect_types::limits::Verdict;
use coditect_types::{ApprovalId, ErrorKind, Expectation, MissionId, Record, Refusal};
use serde_json::json;
use tokio::runtime::Handle;

use super::travel::compare::{self, Row, Sides};
use super::travel::diff;
use super::{Context, approvals, cancel};
use crate::args::UiArgs;
use crate::environment::Site;
use crate::out::{paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Fault, INTERRUPTED, Report};
use crate::signals::Signals;
use crate::story;
use crate::travel::Changed;
use crate::wiring::{self, Archive};

mod begun;

const DOING: &str = "starting the dashboard";
/// Bytes of a file with a token that are read.
const TOKEN_BYTES: u64 = 4_096;

pub(crate) fn perform(cx: &mut Context, args: &UiArgs) -> Done {
    let (site, archive) = (cx.site()?, cx.archive()?);
    let lent = Arc::new(Lent::new(site, archive, approvals::person(&cx.env)));
    let runtime = wiring::tokio_runtime()?;
    let metrics = args.metrics_token_file.as_deref().map(metrics_token).transpose()?;
    let done = runtime.block_on(serve(cx, args.listen, metrics, lent));
    // What still reads the journal is left to the end of the process.
    runtime.shutdown_background();
    done
}

async fn serve(cx: &mut Context, listen: SocketAddr, metrics: Option<String>, lent: Arc<Lent>) -> Done {
    let mut signals = Signals::listen()?;
    let token = wiring::secret()?;
    let mut secrets = Secrets::new(&token, &wiring::secret()?)
        .ok_or_else(|| Report::new(ErrorKind::Bug, DOING, "a secret of ours is none"))?;
    if let Some(metrics) = metrics {
        secrets = secrets.with_metrics(&metrics).ok_or_else(|| {
            let cause =
                "the token in `--metrics-token-file` is too short, or has other characters than letters and digits";
            Report::new(ErrorKind::Invalid, DOING, cause).hint("remove the file, and one is made")
        })?;
    }
    let server = Server::bind(listen).await.doing(DOING)?;
    tell(cx, server.address(), &token)?;
    server.run(lent, secrets, signals.next()).await;
    Ok(INTERRUPTED)
}

/// The token of a file, which is made if it is not there.
fn metrics_token(file: &Path) -> Result<String, Report> {
    let failed = |error: std::io::Error| PortError::from_io(&format!("`{}`", file.display()), &error);
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(mut made) => {
            let token = wiring::secret()?;
            writeln!(made, "{token}").map_err(failed).doing(DOING)?;
            Ok(token)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let open = File::open(file).map_err(failed).doing(DOING)?;
            let mode = open.metadata().map_err(failed).doing(DOING)?.permissions().mode();
            // A Prometheus of the system reads it as one of a group.
            if mode & 0o027 != 0 {
                let cause =
                    format!("`{}` can be read by others, so what is in it is no secret", file.display());
                return Err(Report::new(ErrorKind::Denied, DOING, cause)
                    .hint("remove it, and one is made; or `chmod 600` it if nobody has read it"));
            }
            let mut text = String::new();
            open.take(TOKEN_BYTES).read_to_string(&mut text).map_err(failed).doing(DOING)?;
            Ok(text.trim().to_owned())
        }
        Err(error) => Err(failed(error)).doing(DOING),
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
}

impl Lent {
    /// What is there at a site, for a person.
    pub(crate) fn new(site: Site, archive: Archive, person: String) -> Self {
        Self { site, archive, person }
    }
}

impl House for Lent {
    fn journal(&self) -> &dyn Journal {
        self.archive.journal()
    }

    fn findings(&self) -> Vec<String> {
        self.archive.findings()
    }

    fn is_running(&self, mission: &MissionId) -> bool {
        self.archive.holder(mission).is_some()
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

    fn begin(&self, request: &str, dir: &str, terms: &Terms) -> Result<MissionId, Refusal> {
        if !Path::new(dir).is_absolute() {
            let cause = format!("`{dir}` is no directory in full, such as `/srv/project`");
            return Err(Refusal { kind: ErrorKind::Invalid, cause, hint: None });
        }
        let mut args: Vec<OsString> = ["run", "-C", dir].map(OsString::from).to_vec();
        args.extend(of_terms(terms));
        // Behind it nothing is a flag.
        args.extend(["--", request].map(OsString::from));
        begun::begin(&self.site, self.archive.journal(), args).map_err(refusal)
    }

    fn fork(&self, of: &MissionId, at: u64, terms: &Terms) -> Result<MissionId, Refusal> {
        let at = at.to_string();
        let mut args: Vec<OsString> = ["fork", of.as_str(), "--at", &at].map(OsString::from).to_vec();
        args.extend(of_terms(terms));
        begun::begin(&self.site, self.archive.journal(), args).map_err(refusal)
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

    fn person(&self) -> String {
        self.person.clone()
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

fn refusal(report: Report) -> Refusal {
    let doing = if report.doing.is_empty() { String::new() } else { format!("{}: ", report.doing) };
    Refusal { kind: report.kind, cause: format!("{doing}{}", report.cause), hint: report.hint }
}
