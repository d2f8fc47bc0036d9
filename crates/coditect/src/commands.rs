//! One module a command. Each gets its arguments and the [`Context`], and gives an exit code or a report.

pub(crate) mod apply;
mod approvals;
pub(crate) mod bench;
pub(crate) mod cancel;
pub(crate) mod clean;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod cost;
pub(crate) mod doctor;
mod fleet;
mod follow;
mod graph;
pub(crate) mod init;
pub(crate) mod list;
pub(crate) mod log;
mod memory;
pub(crate) mod models;
pub(crate) mod remote;
pub(crate) mod repair;
pub(crate) mod resume;
pub(crate) mod run;
pub(crate) mod serve;
mod serve_model;
mod show;
mod team;
pub(crate) mod travel;
mod ui;
pub(crate) mod why;
mod world;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use coditect_ports::{Embedder, PortError};
use coditect_types::limits::Verdict;
use coditect_types::{ErrorKind, MissionId};

use crate::args::{Cli, Global, SettingFlags, Verb};
use crate::environment::{Environment, Place, Site};
use crate::missions;
use crate::models::Vectors;
use crate::out::{self, Out};
use crate::report::{Done, Report};
use crate::settings;
use crate::wiring::{self, Archive};

/// Damages of the journal that are told one by one.
const MOST_FINDINGS: usize = 3;

/// What every command stands on.
#[derive(Debug)]
pub(crate) struct Context {
    /// The flags of every command.
    pub(crate) global: Global,
    /// The environment.
    pub(crate) env: Environment,
    /// Standard output.
    pub(crate) out: Out,
    /// Whether the missions of a server are meant.
    pub(crate) is_remote: bool,
    /// What was noted already: it is not said twice.
    noted: RefCell<BTreeSet<String>>,
}

impl Context {
    /// Where things are.
    pub(crate) fn site(&self) -> Result<Site, Report> {
        let mut site = self.env.site(&self.global)?;
        // What the person's own layers say. A file that cannot be read is told by the commands that need it.
        let flags = SettingFlags {
            nats: self.global.nats.clone(),
            redis: self.global.redis.clone(),
            ..SettingFlags::default()
        };
        match settings::load(&flags, &self.env, Path::new("/")) {
            Ok(own) => {
                site.image = own.settings.image;
                site.memory = own.settings.memory;
                site.cold = own.settings.memory_cold.map(|address| self.env.bucket(&address));
                site.fleet = own.settings.fleet;
                site.announce = own.settings.announce;
                site.embedder = own.settings.memory_embeddings.map(|name| {
                    Arc::new(Vectors::of(&name, &own.settings.model, &self.env)) as Arc<dyn Embedder>
                });
                if self.global.redis.is_some() && own.settings.nats.is_none() {
                    let cause = "on Redis it is said which process has which missions of a NATS server, and none is named";
                    let report = Report::new(ErrorKind::Invalid, "reading the settings", cause);
                    return Err(
                        report.hint("name it with `--nats nats://HOST:4222`, or leave `--redis` away")
                    );
                }
                site.journal = own.settings.nats.map_or(Place::Files, Place::Server);
            }
            Err(report) => {
                // Nothing is put away in the wrong place.
                site.cold =
                    Some(Err(PortError::new(report.kind, format!("{}: {}", report.doing, report.cause))));
                site.journal = Place::Unknown(Box::new(report));
            }
        }
        Ok(site)
    }

    /// The journal, for reading. That some of it cannot be read is said.
    pub(crate) fn archive(&self) -> Result<Archive, Report> {
        if self.is_remote {
            return wiring::served(&remote::reach(self)?);
        }
        let archive = wiring::archive(&self.site()?)?;
        let findings = archive.findings();
        for finding in findings.iter().take(MOST_FINDINGS) {
            self.note(finding);
        }
        if findings.len() > MOST_FINDINGS {
            self.note(&format!("{} more; see `coditect doctor`", findings.len() - MOST_FINDINGS));
        }
        Ok(archive)
    }

    /// The mission that a person names, for looking at it, with the journal that has it: one of the journal's, or a file that
    /// `coditect export` wrote.
    pub(crate) fn opened(&self, name: &str) -> Result<(Archive, MissionId), Report> {
        let path = Path::new(name);
        if path.components().count() > 1 || path.extension().is_some() {
            return wiring::exported(path);
        }
        let archive = self.archive()?;
        let mission = missions::find(&archive, name)?;
        Ok((archive, mission))
    }

    /// A line on standard error that is no error.
    pub(crate) fn note(&self, text: &str) {
        if !self.noted.borrow_mut().insert(text.to_owned()) {
            return;
        }
        let label = out::painted(out::paint::WARN, "note:");
        out::note(self.global.color, &format!("{label} {}", out::harmless(text)));
    }
}

/// Does what was asked.
pub(crate) fn perform(cli: Cli, env: Environment) -> Done {
    let out = Out::new(&cli.global);
    let mut cx = Context { global: cli.global, env, out, is_remote: false, noted: RefCell::default() };
    cx.is_remote = remote::is_meant(&cx, &cli.verb)?;
    match cli.verb {
        Verb::Run(args) => run::perform(cx, &args),
        Verb::Resume(args) => resume::perform(cx, &args),
        Verb::Repair(args) => repair::perform(cx, &args),
        Verb::List(args) => list::perform(&mut cx, &args),
        Verb::Show(args) => show::perform(&mut cx, &args),
        Verb::Log(args) => log::perform(&mut cx, &args),
        Verb::Watch(args) => follow::watch::perform(&mut cx, &args),
        Verb::Top(args) => follow::top::perform(&mut cx, &args),
        Verb::Replay(args) => travel::replay::perform(&mut cx, &args),
        Verb::Diff(args) => travel::diff::perform(&mut cx, &args),
        Verb::Fork(args) => travel::fork::perform(cx, &args),
        Verb::Compare(args) => travel::compare::perform(&mut cx, &args),
        Verb::Trace(args) => travel::trace::perform(&mut cx, &args),
        Verb::Export(args) => travel::export::perform(&mut cx, &args),
        Verb::Why(args) => why::perform(&mut cx, &args),
        Verb::Apply(args) => apply::perform(&mut cx, &args),
        Verb::Approvals(args) => approvals::list(&mut cx, &args),
        Verb::Approve(args) => approvals::answer(&mut cx, &args, Verdict::Approved),
        Verb::Deny(args) => approvals::answer(&mut cx, &args, Verdict::Denied),
        Verb::Cancel(args) => cancel::perform(&mut cx, &args),
        Verb::Clean(args) => clean::perform(&mut cx, &args),
        Verb::Doctor => doctor::perform(&mut cx),
        Verb::Init(args) => init::perform(&mut cx, &args),
        Verb::Config(args) => config::perform(&mut cx, &args),
        Verb::Models(args) => models::perform(&mut cx, &args),
        Verb::ServeModel(args) => serve_model::perform(&cx, &args),
        Verb::Cost(args) => cost::perform(&mut cx, &args),
        Verb::Serve(args) => serve::perform(&mut cx, &args),
        Verb::Token(args) => team::token(&mut cx, &args),
        Verb::Audit(args) => team::audit(&mut cx, &args),
        Verb::Ui(args) => ui::perform(&mut cx, &args),
        Verb::Memory(args) => memory::perform(&mut cx, &args),
        Verb::Learn(args) => memory::learn::perform(&mut cx, &args),
        Verb::Sql(args) => memory::sql::perform(&mut cx, &args),
        Verb::World(args) => world::perform(&mut cx, &args),
        Verb::Graph(args) => graph::perform(&mut cx, &args),
        Verb::Fleet(args) => fleet::perform(&mut cx, &args),
        Verb::Completions { shell } => completions::perform(&mut cx, shell),
        Verb::Bench(args) => bench::perform(cx, &args),
    }
}
