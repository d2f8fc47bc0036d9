//! A mission under way in this process: begin it, show what goes on, stop cleanly, report its end.

use std::sync::Arc;
use std::time::Duration;

use coditect_ports::Notice;
use coditect_runtime::history::history_from;
use coditect_runtime::{Shell, ShellError};
use coditect_types::{Command, ErrorKind, Event, MissionId, MissionStatus, Policy, Record, WorkspaceRef};
use tokio::sync::mpsc;

use crate::args::Shown;
use crate::commands::Context;
use crate::commands::models::on_this_machine;
use crate::commands::travel::trace::Pending;
use crate::ending;
use crate::environment::Site;
use crate::missions;
use crate::models::PROVIDERS;
use crate::phrase;
use crate::progress::{Live, Plain, Progress, is_about};
use crate::report::{Doing, Done, Fault, Report, end_code};
use crate::signals::Signals;
use crate::telemetry::{Observed, Telemetry};
use crate::wiring::{self, House};

/// Commands from other processes are looked for this often.
const MAIL_EVERY: Duration = Duration::from_millis(200);
/// A clean stop takes at most this.
pub(crate) const STOP_WITHIN: Duration = Duration::from_millis(800);

/// What is to be under way.
#[derive(Debug)]
pub(crate) enum Begin {
    /// A new mission.
    New {
        /// Its id; None: a new one.
        id: Option<MissionId>,
        /// The request.
        request: String,
        /// The person's directory.
        workspace: WorkspaceRef,
        /// How it is run.
        policy: Policy,
    },
    /// One that was stopped.
    Again {
        /// The mission.
        mission: MissionId,
        /// How it is run.
        policy: Policy,
    },
}

/// What the first signal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnSignal {
    /// The mission stops where it is; it can be resumed.
    Stop,
    /// The mission comes to an end with what it has; the next signal stops it.
    Conclude,
}

/// Whether a person whose mission lacks a model is told which ones this machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offers {
    /// They are: it is looked for them.
    Told,
    /// They are not.
    Untold,
}

/// Runs a mission to its end or to an interrupt, tells its end, and gives the exit code.
pub(crate) fn conduct(
    mut cx: Context,
    site: Site,
    begin: Begin,
    (shown, trace, offers): (Shown, Option<Pending>, Offers),
) -> Done {
    let done = mission(&mut cx, site, begin, shown, OnSignal::Stop);
    if let Some(pending) = trace {
        pending.write(&cx, done.as_ref().ok().map(|(mission, ..)| mission));
    }
    let (mission, status, exit_code) = done?;
    if !cx.out.json {
        tell_end(&mut cx, &mission, status, offers)?;
    }
    Ok(exit_code)
}

/// Runs a mission to its end or to an interrupt, and gives its id, how it ended and the exit code.
pub(crate) fn mission(
    cx: &mut Context,
    site: Site,
    begin: Begin,
    shown: Shown,
    on_signal: OnSignal,
) -> Result<(MissionId, MissionStatus, u8), Fault> {
    let runtime = wiring::tokio_runtime()?;
    let mut progress = pick(cx, shown);
    let done = runtime.block_on(under_way(cx, site, begin, on_signal, &mut progress));
    progress.finish();
    // Workers that did not stop in time are left to the end of the process.
    runtime.shutdown_background();
    done
}

/// How progress is shown: as the flags and the terminal want it.
pub(crate) fn pick(cx: &Context, shown: Shown) -> Progress {
    let dumb = cx.env.get("TERM").is_none_or(|term| term == "dumb");
    if cx.out.json {
        Progress::Json { notices: shown.progress, only_end: shown.quiet }
    } else if shown.quiet {
        Progress::Silent
    } else if cx.out.is_terminal() && !dumb && cx.global.verbose == 0 {
        Progress::Live(Box::new(Live::new(cx.out.is_coloured())))
    } else {
        Progress::Plain(Plain::default())
    }
}

/// The report of a mission that has ended.
pub(crate) fn tell_end(
    cx: &mut Context,
    mission: &MissionId,
    status: MissionStatus,
    offers: Offers,
) -> Result<(), Fault> {
    let archive = match cx.is_remote {
        true => cx.archive()?,
        false => wiring::archive(&cx.site()?)?,
    };
    let (_, mut view) = missions::load(archive.journal(), mission)?;
    if offers == Offers::Told && ending::lacks_model(&view, status) {
        let there = on_this_machine(PROVIDERS, &cx.env);
        view.hint = view.hint.map(|hint| ending::with_offers(hint, &there));
    }
    let cwd = std::env::current_dir().ok();
    cx.out.line(&ending::report(&view, status, cwd.as_deref()))?;
    Ok(())
}

async fn under_way(
    cx: &mut Context,
    site: Site,
    begin: Begin,
    on_signal: OnSignal,
    progress: &mut Progress,
) -> Result<(MissionId, MissionStatus, u8), Fault> {
    let mut signals = Signals::listen()?;
    let policy = match &begin {
        Begin::New { policy, .. } | Begin::Again { policy, .. } => policy.clone(),
    };
    let house =
        prepare(site, policy, 0, &mut signals, &mut |what| progress.preparing(&mut cx.out, what)).await?;
    for note in &house.notes {
        cx.note(note);
    }
    let (telemetry, wrong) = Telemetry::open(&cx.env);
    wrong.iter().for_each(|wrong| cx.note(wrong));
    let telemetry = telemetry.map(Arc::new);
    let shell = match &telemetry {
        Some(telemetry) => house.start_with(Arc::new(Observed::new(Arc::clone(telemetry), house.bus())))?,
        None => house.start()?,
    };
    let mut watch = Watch { cx, progress, house: &house, next: 1, end: None, on_signal };
    let mission = match &begin {
        Begin::New { id, .. } => id.clone().unwrap_or_else(|| shell.new_mission_id()),
        Begin::Again { mission, .. } => mission.clone(),
    };
    let end = watch.follow(&shell, &mission, begin, &mut signals).await;
    // Also where the reader of the output has gone: agents are stopped, the mission can be resumed.
    signals.or_exit(shell.shut_down(STOP_WITHIN)).await;
    let exit_code = watch.end;
    if let Some(telemetry) = telemetry {
        let sent = tokio::task::spawn_blocking(move || telemetry.finish());
        if let Ok(lost) = signals.or_exit(sent).await {
            lost.iter().for_each(|lost| watch.cx.note(lost));
        }
    }
    end.map(|status| (mission, status, exit_code.unwrap_or_else(|| status.exit_code())))
}

/// Opens everything on a thread of its own, so that a signal is heard meanwhile: the first start compiles the
/// interpreter, which takes seconds. `show` is told so.
pub(crate) async fn prepare(
    site: Site,
    policy: Policy,
    threads: usize,
    signals: &mut Signals,
    show: &mut dyn FnMut(&str) -> std::io::Result<()>,
) -> Result<House, Fault> {
    let (tell, mut told) = mpsc::channel::<String>(16);
    let opening = tokio::task::spawn_blocking(move || {
        // A line that is lost here was only a hint.
        wiring::house(&site, &policy, threads, &mut |what| drop(tell.try_send(what)))
    });
    tokio::pin!(opening);
    loop {
        tokio::select! {
            opened = &mut opening => {
                let opened = opened.map_err(|error| {
                    Report::new(ErrorKind::Bug, "opening the parts", format!("a thread broke: {error}"))
                })?;
                return Ok(opened?);
            }
            Some(what) = told.recv() => show(&what)?,
            () = signals.next() => {
                let cause = "stopped by a signal before the mission began; nothing was changed";
                return Err(Report::new(ErrorKind::Interrupted, "", cause).into());
            }
        }
    }
}

/// What is shown of a mission so far.
struct Watch<'a> {
    cx: &'a mut Context,
    progress: &'a mut Progress,
    house: &'a House,
    next: u64,
    /// The exit code, once the end was seen.
    end: Option<u8>,
    /// What the next signal means.
    on_signal: OnSignal,
}

impl Watch<'_> {
    async fn follow(
        &mut self,
        shell: &Shell,
        mission: &MissionId,
        begin: Begin,
        signals: &mut Signals,
    ) -> Result<MissionStatus, Fault> {
        let mut notices = self.house.bus.subscribe();
        let doing = format!("running {mission}");
        match begin {
            Begin::New { request, workspace, policy, .. } => {
                let mission = mission.clone();
                let id = mission.clone();
                shell.submit(id, Command::SubmitMission { mission, request, workspace, policy }).await
            }
            Begin::Again { .. } => shell.resume(mission).await,
        }
        .doing(&doing)?;
        let ended = shell.ended(mission);
        tokio::pin!(ended);
        let mut mail = tokio::time::interval(MAIL_EVERY);
        loop {
            tokio::select! {
                biased;
                () = signals.next() => {
                    if self.on_signal == OnSignal::Stop {
                        return Err(interrupted(mission).into());
                    }
                    self.on_signal = OnSignal::Stop;
                    self.cx.note("coming to an end with what there is; once more stops at once");
                    // A mission that ends at this very moment refuses it, and needs no telling.
                    shell.command(mission, Command::ConcludeMission).await.ok();
                }
                status = &mut ended => {
                    self.catch_up(mission)?;
                    return Ok(status.map_err(|error| went_wrong(mission, error))?);
                }
                // Notices that were lost leave a gap in the numbers, which the journal fills.
                Some(notice) = notices.next() => if is_about(&notice, mission) {
                    self.show(mission, &notice)?;
                },
                _ = mail.tick() => self.obey(shell, mission).await,
            }
        }
    }

    fn show(&mut self, mission: &MissionId, notice: &Notice) -> Result<(), Fault> {
        match notice {
            Notice::Recorded(record) if record.seq == self.next => self.record(record),
            Notice::Recorded(record) if record.seq > self.next => self.catch_up(mission),
            Notice::Recorded(_) => Ok(()),
            Notice::Doing { .. } | Notice::Tests { .. } | Notice::Search { .. } => {
                Ok(self.progress.notice(&mut self.cx.out, notice)?)
            }
        }
    }

    /// Shows what the journal has and was not shown yet.
    fn catch_up(&mut self, mission: &MissionId) -> Result<(), Fault> {
        let journal = self.house.journal.as_ref();
        for record in history_from(journal, mission, self.next).doing("reading the journal")? {
            self.record(&record)?;
        }
        Ok(())
    }

    fn record(&mut self, record: &Record) -> Result<(), Fault> {
        self.next = record.seq + 1;
        // What comes behind the end is of no interest to who waits for it, and the end is to be the last line.
        if self.end.is_none() {
            if let Event::MissionCompleted { status, trouble, .. } = &record.event {
                self.end = Some(end_code(*status, *trouble));
            }
            self.progress.record(&mut self.cx.out, record)?;
            if let (Event::ApprovalAsked { approval, until_ms, .. }, false) =
                (&record.event, self.cx.out.json)
            {
                let (mission, for_ms) = (&record.mission, until_ms.saturating_sub(record.at_ms));
                let span = phrase::span(for_ms);
                self.cx.note(&format!(
                    "answer within {span} with `coditect approve {mission} {approval}` or `coditect deny {mission} {approval}`"
                ));
            }
        }
        Ok(())
    }

    /// Carries out what another process left for this mission. A command goes when the journal has what came of it,
    /// or the core refuses it; after any other trouble it waits for the next look, here or in another process.
    async fn obey(&self, shell: &Shell, mission: &MissionId) {
        for letter in self.house.mail(mission) {
            match shell.command(mission, letter.command.clone()).await {
                Ok(_) => self.house.answered(&letter),
                Err(ShellError::Refused(refused)) => {
                    tracing::info!(%mission, %refused.cause, "a command from another process was refused");
                    self.house.answered(&letter);
                }
                Err(error) => tracing::info!(%mission, %error, "a command from another process has to wait"),
            }
        }
    }
}

fn interrupted(mission: &MissionId) -> Report {
    Report::new(ErrorKind::Interrupted, format!("running {mission}"), "stopped by a signal; nothing is lost")
        .hint(format!("go on with `coditect resume {mission}`"))
}

fn went_wrong(mission: &MissionId, error: ShellError) -> Report {
    let mut report = Report::from(error);
    report.doing = format!("running {mission}");
    report.hint.get_or_insert_with(|| format!("go on with `coditect resume {mission}`"));
    report
}
