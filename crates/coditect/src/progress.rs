//! What a person sees while a mission runs: a live view on a terminal, plain lines in a pipe.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use coditect_ports::Notice;
use coditect_runtime::Fold;
use coditect_types::event::TaskEnd;
use coditect_types::model::dollars;
use coditect_types::{Event, MissionId, Outcome, Record, Role, StrandId, TaskId};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::log::Teller;
use crate::out::{Out, brief, paint, painted};
use crate::phrase;

/// Plain lines tell of a search this often.
const SEARCH_EVERY: Duration = Duration::from_secs(5);
/// Characters of a phrase in the live view.
const WIDTH: usize = 72;

/// How progress is shown.
pub(crate) enum Progress {
    /// Not at all.
    Silent,
    /// A line per event.
    Plain(Plain),
    /// A view that is drawn anew.
    Live(Box<Live>),
    /// Every record as a JSON object, and notices too where they were asked for.
    Json {
        /// Print notices too.
        notices: bool,
        /// Print the record of the end and no other.
        only_end: bool,
    },
}

impl Progress {
    /// Takes note of a record, and shows it.
    pub(crate) fn record(&mut self, out: &mut Out, record: &Record) -> io::Result<()> {
        match self {
            Self::Silent => Ok(()),
            Self::Plain(plain) => plain.record(out, record),
            Self::Live(live) => {
                live.record(record);
                Ok(())
            }
            Self::Json { only_end: true, .. } if !matches!(record.event, Event::MissionCompleted { .. }) => {
                Ok(())
            }
            Self::Json { .. } => out.object(record),
        }
    }

    /// Shows what goes on right now.
    pub(crate) fn notice(&mut self, out: &mut Out, notice: &Notice) -> io::Result<()> {
        match self {
            Self::Silent | Self::Json { notices: false, .. } => Ok(()),
            Self::Plain(plain) => plain.notice(out, notice),
            Self::Live(live) => {
                live.notice(notice);
                Ok(())
            }
            Self::Json { notices: true, .. } => out.object(notice),
        }
    }

    /// Says what is done before the mission begins.
    pub(crate) fn preparing(&self, out: &mut Out, what: &str) -> io::Result<()> {
        match self {
            Self::Silent | Self::Json { .. } => Ok(()),
            Self::Plain(_) => out.line(what),
            Self::Live(live) => {
                live.head.set_message(what.to_owned());
                Ok(())
            }
        }
    }

    /// Takes the live view away, so that other text can be printed.
    pub(crate) fn finish(&mut self) {
        if let Self::Live(live) = self {
            for bar in [&live.head, &live.tests, &live.cost].into_iter().chain(live.at_work.values()) {
                bar.finish_and_clear();
            }
            live.all.clear().ok();
        }
    }
}

/// True for the mission that a notice is about.
pub(crate) fn is_about(notice: &Notice, mission: &MissionId) -> bool {
    match notice {
        Notice::Recorded(record) => record.mission == *mission,
        Notice::Doing { mission: of, .. }
        | Notice::Tests { mission: of, .. }
        | Notice::Search { mission: of, .. } => of == mission,
    }
}

/// Lines for pipes and files.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    first_ms: Option<u64>,
    teller: Teller,
    searched: Option<std::time::Instant>,
}

impl Plain {
    fn record(&mut self, out: &mut Out, record: &Record) -> io::Result<()> {
        let first_ms = *self.first_ms.get_or_insert(record.at_ms);
        // The outcome was told a line above.
        if matches!(record.event, Event::TaskSettled { end: TaskEnd::Done, .. }) {
            return Ok(());
        }
        out.line(&self.teller.line_of(record, first_ms))
    }

    fn notice(&mut self, out: &mut Out, notice: &Notice) -> io::Result<()> {
        let Notice::Search { task, tried, of, passing, .. } = notice else { return Ok(()) };
        if self.searched.is_some_and(|at| at.elapsed() < SEARCH_EVERY) {
            return Ok(());
        }
        self.searched = Some(std::time::Instant::now());
        out.line(&format!("           {task}  {}", search(*tried, *of, *passing)))
    }
}

fn search(tried: u64, of: Option<u64>, passing: u32) -> String {
    let of = of.map_or(String::new(), |of| format!(" of {}", phrase::grouped(of)));
    let tried = phrase::grouped(tried);
    format!("tried {tried}{of} candidates, {passing} pass so far")
}

/// The view on a terminal.
pub(crate) struct Live {
    all: MultiProgress,
    head: ProgressBar,
    tests: ProgressBar,
    cost: ProgressBar,
    roles: BTreeMap<TaskId, (Role, Option<StrandId>)>,
    teller: Teller,
    at_work: BTreeMap<TaskId, ProgressBar>,
    line: ProgressStyle,
    candidates: BTreeMap<TaskId, u64>,
    /// What it cost so far.
    fold: Option<Fold>,
    coloured: bool,
    first_ms: u64,
}

impl Live {
    /// A view of a mission that has not begun.
    pub(crate) fn new(coloured: bool) -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let plain = ProgressStyle::default_spinner;
        let styled = |template: &str| plain().template(template).unwrap_or_else(|_| plain());
        let (head_style, line) = (styled("{spinner} {msg}  {elapsed}"), styled("  {msg}"));
        let bar = |style: &ProgressStyle| all.add(ProgressBar::new_spinner().with_style(style.clone()));
        let (head, tests, cost) = (bar(&head_style), bar(&line), bar(&line));
        head.enable_steady_tick(Duration::from_millis(100));
        Self {
            all,
            head,
            tests,
            cost,
            roles: BTreeMap::new(),
            teller: Teller::default(),
            at_work: BTreeMap::new(),
            line,
            candidates: BTreeMap::new(),
            fold: None,
            coloured,
            first_ms: 0,
        }
    }

    fn text(&self, text: String) -> String {
        if self.coloured { text } else { anstream::adapter::strip_str(&text).to_string() }
    }

    fn record(&mut self, record: &Record) {
        self.fold.get_or_insert_with(|| Fold::new(record.mission.clone())).take(record);
        match &record.event {
            Event::MissionSubmitted { request, .. } => {
                self.first_ms = record.at_ms;
                self.head.set_message(format!("{}  {}", record.mission, brief(request, WIDTH - 20)));
                self.say_cost();
            }
            Event::PlanMade { tasks, .. } => {
                self.teller.hear(record);
                self.roles.extend(tasks.iter().map(|t| (t.id, (t.role, t.strand))));
            }
            Event::AttemptStarted { task, action, .. } => self.say(*task, action),
            Event::AttemptEnded { task, outcome, .. } => {
                if let Outcome::ChangeProposed { spent, .. } | Outcome::NoChangeFound { spent, .. } = outcome
                {
                    self.candidates.insert(*task, spent.candidates);
                }
                self.say_cost();
                if let Some(bar) = self.at_work.remove(task) {
                    bar.finish_and_clear();
                    self.all.remove(&bar);
                }
                // What stays on the screen is the story so far, a line for each attempt.
                let line = self.teller.line_of(record, self.first_ms);
                self.all.println(self.text(line)).ok();
            }
            Event::StagesPlanned { .. }
            | Event::StageEnded { .. }
            | Event::ApprovalAsked { .. }
            | Event::ApprovalGiven { .. } => {
                let line = self.teller.line_of(record, self.first_ms);
                self.all.println(self.text(line)).ok();
            }
            Event::MissionForked { .. }
            | Event::MissionResumed { .. }
            | Event::MissionConcluding {}
            | Event::OutcomeIgnored { .. }
            | Event::ViolationFound { .. }
            | Event::TaskSettled { .. }
            | Event::MissionCompleted { .. } => {}
        }
    }

    fn notice(&mut self, notice: &Notice) {
        match notice {
            Notice::Recorded(_) => {}
            Notice::Doing { task, what, .. } => self.say(*task, what),
            Notice::Tests { green, red, of, .. } => {
                let of = of.map_or(String::new(), |of| format!(" of {of}"));
                let green = painted(paint::GOOD, &format!("{green} green"));
                let red = painted(if *red > 0 { paint::BAD } else { paint::DIM }, &format!("{red} red"));
                self.tests.set_message(self.text(format!("{:<9} {green}  {red}{of}", "tests")));
            }
            Notice::Search { task, tried, of, passing, .. } => {
                self.candidates.insert(*task, *tried);
                self.say(*task, &search(*tried, *of, *passing));
                self.say_cost();
            }
        }
    }

    /// One line for each task at work: who does what.
    fn say(&mut self, task: TaskId, what: &str) {
        let (who, strand) = match self.roles.get(&task) {
            None => ("agent", None),
            Some((role, strand)) => (role.name(), *strand),
        };
        let what = strand.map_or_else(|| what.to_owned(), |strand| format!("strand {strand}: {what}"));
        let (all, tests, line) = (&self.all, &self.tests, &self.line);
        let bar = self
            .at_work
            .entry(task)
            .or_insert_with(|| all.insert_before(tests, ProgressBar::new_spinner().with_style(line.clone())));
        let bar = bar.clone();
        bar.set_message(self.text(format!(
            "{} {}",
            painted(paint::NAME, &format!("{who:<9}")),
            brief(&what, WIDTH)
        )));
    }

    fn say_cost(&self) {
        let tried = phrase::count(self.candidates.values().sum(), "candidate");
        let spent = self.fold.as_ref().map(Fold::spent).cloned().unwrap_or_default();
        let calls = phrase::count(spent.model_calls, "model call");
        self.cost.set_message(format!("{:<9} {tried} tried, {calls} ({})", "cost", dollars(spent.micro_usd)));
    }
}
