//! `coditect bench tasks`: works on folders of tasks, each as a mission of its own, and counts what is solved.

mod crew;
mod folder;
mod results;
mod row;
mod tree;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use coditect_types::ErrorKind;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::{LadderFlags, PaceFlags, SettingFlags, TapeFlags, TasksArgs};
use crate::commands::Context;
use crate::environment::directory;
use crate::host;
use crate::models::Choice;
use crate::out::{brief, paint, painted};
use crate::phrase;
use crate::report::{Done, Fault, Report};
use crate::settings;
use crate::signals::Signals;
use crate::watch::{self, STOP_WITHIN};
use crate::wiring::{self, House, Lodging};

use crew::{Crew, Terms};
use folder::Task;
use results::Results;
use row::{End, How, Line, Row, Summary};

/// Characters of a summary in a row for people.
const WIDTH: usize = 72;

pub(super) fn perform(mut cx: Context, args: &TasksArgs) -> Done {
    let dir = directory(&args.dir)?;
    let out = apart(&dir, &args.out)?;
    let tasks = folder::read(&dir)?;
    let mut results = Results::open(&out)?;
    let cores = host::cores();
    let jobs = args.jobs.map_or(cores / 2, usize::from).max(1);
    let mut run = Run {
        shown: Shown::new(tasks.len()),
        rows: Vec::new(),
        waiting: VecDeque::new(),
        began: Instant::now(),
        jobs,
        threads: (cores / jobs).max(1),
        budget_s: args.budget_s,
        ladder: args.ladder.clone(),
        tapes: args.tapes.clone(),
    };
    for task in tasks {
        match task.map(|task| (results.of(&task).filter(|_| !args.again), task)) {
            Ok((Some(row), _)) => run.ended(&mut cx, row)?,
            Ok((None, task)) => run.waiting.push_back(task),
            Err(bad) => {
                let row = Row { budget_s: run.budget_s, no_model: run.ladder.no_model, ..Row::bad(&bad) };
                run.ended(&mut cx, row)?;
            }
        }
    }
    // Which models the settings name is not known here, so only what was said counts.
    let is_other = |row: &Row| match (run.ladder.no_model, run.ladder.model.as_slice()) {
        (true, _) => !row.models.is_empty(),
        (false, []) => false,
        (false, named) => row.models != named,
    };
    if run.rows.iter().any(|row| row.resumed && (row.budget_s != run.budget_s || is_other(row))) {
        cx.note(
            "some tasks were done in an earlier run with another budget or other models; `--again` does all of them anew",
        );
    }
    if !run.waiting.is_empty() {
        let lodging = wiring::lodging(&cx.site()?)?;
        let runtime = wiring::tokio_runtime()?;
        let worked = runtime.block_on(run.work(&mut cx, &mut results, &lodging));
        runtime.shutdown_background();
        run.shown.bar.finish_and_clear();
        worked?;
    }
    run.tell(&mut cx)
}

/// The directory of solutions, absolute: neither in the directory of tasks nor around it.
fn apart(dir: &Path, out: &Path) -> Result<PathBuf, Report> {
    let doing = "opening the directory of solutions";
    let invalid = |cause: String| Report::new(ErrorKind::Invalid, doing, cause);
    let absolute =
        std::path::absolute(out).map_err(|error| invalid(format!("{}: {error}", out.display())))?;
    // What is there already may be a link; what is not there yet cannot.
    let there = absolute.ancestors().find(|above| above.exists()).unwrap_or(&absolute);
    let real = there.canonicalize().map_err(|error| invalid(format!("{}: {error}", there.display())))?;
    let real = match absolute.strip_prefix(there) {
        Ok(rest) if !rest.as_os_str().is_empty() => real.join(rest),
        Ok(_) | Err(_) => real,
    };
    if real.exists() && !real.is_dir() {
        return Err(invalid(format!("`{}` is not a directory", out.display())));
    }
    if real.starts_with(dir) || dir.starts_with(&real) {
        let cause = format!("`{}` and `{}` lie one in the other", out.display(), dir.display());
        return Err(invalid(cause).hint("name a directory beside that of the tasks with `--out`"));
    }
    Ok(real)
}

/// One run over all tasks.
struct Run {
    shown: Shown,
    rows: Vec<Row>,
    waiting: VecDeque<Task>,
    began: Instant,
    jobs: usize,
    threads: usize,
    budget_s: u64,
    ladder: LadderFlags,
    tapes: TapeFlags,
}

impl Run {
    /// Works on what waits, until nothing does or a signal comes.
    async fn work(
        &mut self,
        cx: &mut Context,
        results: &mut Results,
        lodging: &Lodging,
    ) -> Result<(), Fault> {
        let mut signals = Signals::listen()?;
        let keep = cx.global.home.is_some();
        let mut site = if keep { cx.site()? } else { lodging.site.clone() };
        // What a task takes is to be seen, so nothing is taken from an earlier run, unless that is asked for.
        let reply_cache = self.ladder.reply_cache.clone().or_else(|| Some("off".to_owned()));
        let ladder = LadderFlags { reply_cache, ..self.ladder.clone() };
        let flags =
            SettingFlags { pace: PaceFlags { ladder, ..PaceFlags::default() }, ..SettingFlags::default() };
        let settings = settings::load(&flags, &cx.env, &lodging.copies)?.settings;
        let mut policy = settings.unattended();
        // Answers that are kept are kept where the person's are: the bench's own directory goes.
        let kept = cx.site()?;
        let choice = Choice::at(&kept, &cx.env, (&settings, &self.tapes));
        site.models = choice.of(&settings.models, &mut policy)?;
        let models = policy.models.clone();
        policy.agents = u32::try_from(self.jobs).unwrap_or(u32::MAX);
        let bar = self.shown.bar.clone();
        let mut say = |what: &str| {
            bar.set_message(what.to_owned());
            Ok(())
        };
        let house = watch::prepare(site, policy, self.threads, &mut signals, &mut say).await?;
        bar.set_message("");
        for note in &house.notes {
            cx.note(note);
        }
        let terms = Terms {
            env: cx.env.clone(),
            copies: lodging.copies.clone(),
            budget_s: self.budget_s,
            flags,
            models,
            keep,
        };
        let crew = Crew::start(&house, terms)?;
        let worked = self.shift(cx, results, &crew, &mut signals).await;
        signals.or_exit(crew.shell.shut_down(STOP_WITHIN)).await;
        drop::<House>(house);
        worked
    }

    /// Keeps as many missions under way as may be.
    async fn shift(
        &mut self,
        cx: &mut Context,
        results: &mut Results,
        crew: &Crew,
        signals: &mut Signals,
    ) -> Result<(), Fault> {
        let mut at_work = FuturesUnordered::new();
        loop {
            while at_work.len() < self.jobs
                && let Some(task) = self.waiting.pop_front()
            {
                let solution = results.solution(&task.id);
                at_work.push(crew.work_on(task, solution));
            }
            tokio::select! {
                biased;
                () = signals.next() => return Err(interrupted(self.rows.len()).into()),
                ended = at_work.next() => match ended {
                    None => return Ok(()),
                    Some(None) => return Err(interrupted(self.rows.len()).into()),
                    Some(Some(row)) => {
                        let row = Row { no_model: self.ladder.no_model, ..row };
                        results.keep(&row)?;
                        self.ended(cx, row)?;
                    }
                },
            }
        }
    }

    /// Shows a row and counts it.
    fn ended(&mut self, cx: &mut Context, row: Row) -> Result<(), Fault> {
        self.shown.row(cx, &row)?;
        self.rows.push(row);
        Ok(())
    }

    /// The end: what it all comes to.
    fn tell(&self, cx: &mut Context) -> Done {
        let how = How {
            budget_s: self.budget_s,
            no_model: self.ladder.no_model,
            jobs: self.jobs,
            threads: self.threads,
            wall_s: self.began.elapsed().as_secs_f64(),
            version: env!("CARGO_PKG_VERSION"),
            debug_build: cfg!(debug_assertions),
            host: host::host(),
        };
        let summary = Summary::of(&self.rows, how);
        if cx.out.json {
            cx.out.object(&Line::Summary(&summary))?;
        } else {
            print(cx, &summary)?;
        }
        Ok(u8::from(summary.crashed > 0))
    }
}

fn interrupted(done: usize) -> Report {
    let cause = format!("stopped by a signal; {} recorded", phrase::count_of(done, "row"));
    Report::new(ErrorKind::Interrupted, "working on tasks", cause)
        .hint("the same command goes on with the others")
}

/// What is shown while tasks are worked on: rows on standard output, a bar on a terminal's standard error.
struct Shown {
    bar: ProgressBar,
}

impl Shown {
    fn new(tasks: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(tasks as u64), ProgressDrawTarget::stderr());
        if let Ok(style) =
            ProgressStyle::default_bar().template("{bar:30} {pos} of {len} tasks  {elapsed}  {msg}")
        {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    fn row(&self, cx: &mut Context, row: &Row) -> std::io::Result<()> {
        self.bar.inc(1);
        self.bar
            .suspend(|| if cx.out.json { cx.out.object(&Line::Task(row)) } else { cx.out.line(&line(row)) })
    }
}

/// A row for people.
fn line(row: &Row) -> String {
    let style = match row.status {
        End::Solved => paint::GOOD,
        End::Unsolved => paint::WARN,
        End::Failed | End::Crashed => paint::BAD,
    };
    let again = if row.resumed { " (earlier run)" } else { "" };
    format!(
        "{} {:<28} {:>7.1} s {:>9}  {}{again}",
        painted(style, &format!("{:<8}", row.status.word())),
        brief(&row.id, 28),
        row.seconds,
        phrase::grouped(row.candidates),
        brief(&row.summary, WIDTH)
    )
}

fn print(cx: &mut Context, summary: &Summary) -> std::io::Result<()> {
    let entry =
        |label: &str, text: String| format!("{} {text}", painted(paint::LABEL, &format!("{label:<14}")));
    let or_none = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |s| format!("{s:.1}"));
    let rungs: Vec<_> =
        summary.solved_by.iter().map(|(rung, n)| format!("{} {n}", phrase::rung(*rung))).collect();
    let how = &summary.how;
    let mut lines = vec![
        String::new(),
        entry(
            "tasks",
            format!(
                "{}: {} solved, {} unsolved, {} failed, {} crashed",
                summary.tasks, summary.solved, summary.unsolved, summary.failed, summary.crashed
            ),
        ),
        entry(
            "seconds",
            format!("p50 {}, p95 {} a task", or_none(summary.seconds.p50), or_none(summary.seconds.p95)),
        ),
        entry(
            "candidates",
            format!(
                "{}, {:.0} a second of search",
                phrase::grouped(summary.candidates),
                summary.candidates_per_s
            ),
        ),
        entry("solved by", if rungs.is_empty() { "nothing".to_owned() } else { rungs.join(", ") }),
        entry(
            "lines changed",
            summary.lines_changed.map_or_else(|| "none".to_owned(), |lines| format!("median {lines}")),
        ),
        entry("tests touched", summary.tests_touched.to_string()),
        entry(
            "models",
            format!(
                "{}, {} tokens in and {} out (${:.2})",
                phrase::count(summary.model_calls, "call"),
                phrase::grouped(summary.tokens_in),
                phrase::grouped(summary.tokens_out),
                summary.money_usd
            ),
        ),
    ];
    let threads = phrase::count_of(how.threads, "thread");
    lines.push(entry("how", format!("{} at a time on {threads} each, at most {} s", how.jobs, how.budget_s)));
    lines.iter().try_for_each(|line| cx.out.line(line))
}
