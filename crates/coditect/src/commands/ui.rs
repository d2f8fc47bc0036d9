//! `coditect ui`: the dashboard of a person's own missions, in their browser.

use std::net::SocketAddr;
use std::sync::Arc;

use coditect_ports::Journal;
use coditect_server::{House, Secrets, Sentence, Server};
use coditect_types::limits::Verdict;
use coditect_types::{ApprovalId, ErrorKind, Expectation, MissionId, Record, Refusal};
use serde_json::json;
use tokio::runtime::Handle;

use super::{Context, approvals, cancel};
use crate::args::UiArgs;
use crate::environment::Site;
use crate::out::{paint, painted};
use crate::phrase;
use crate::report::{Doing, Done, Fault, INTERRUPTED, Report};
use crate::signals::Signals;
use crate::story;
use crate::wiring::{self, Archive};

const DOING: &str = "starting the dashboard";

pub(crate) fn perform(cx: &mut Context, args: &UiArgs) -> Done {
    let (site, archive) = (cx.site()?, cx.archive()?);
    let lent = Arc::new(Lent::new(site, archive, approvals::person(&cx.env)));
    let runtime = wiring::tokio_runtime()?;
    let done = runtime.block_on(serve(cx, args.listen, lent));
    // What still reads the journal is left to the end of the process.
    runtime.shutdown_background();
    done
}

async fn serve(cx: &mut Context, listen: SocketAddr, lent: Arc<Lent>) -> Done {
    let mut signals = Signals::listen()?;
    let token = wiring::secret()?;
    let secrets = Secrets::new(&token, &wiring::secret()?)
        .ok_or_else(|| Report::new(ErrorKind::Bug, DOING, "a secret of ours is none"))?;
    let server = Server::bind(listen).await.doing(DOING)?;
    tell(cx, server.address(), &token)?;
    server.run(lent, secrets, signals.next()).await;
    Ok(INTERRUPTED)
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

    fn person(&self) -> String {
        self.person.clone()
    }
}

fn refusal(report: Report) -> Refusal {
    let doing = if report.doing.is_empty() { String::new() } else { format!("{}: ", report.doing) };
    Refusal { kind: report.kind, cause: format!("{doing}{}", report.cause), hint: report.hint }
}
