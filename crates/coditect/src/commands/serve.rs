//! `coditect serve`: a server for several people, or a process of a fleet.

mod doors;
mod neighbours;
mod takeover;

use std::sync::Arc;

use coditect_ports::{Stop, StopCause};
use coditect_server::{Scrape, Vitals};
use coditect_types::{ErrorKind, Refusal};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::Context;
use super::ui::metrics_token;
use crate::args::{Part, ServeArgs};
use crate::environment::Place;
use crate::host;
use crate::out::harmless;
use crate::report::{Doing, Done, Report};
use crate::signals::Signals;
use crate::telemetry::{self, Sending, Wanted, Whose, logs};
use crate::wiring::{self, Counted, Hear, Joined, OtlpSpan, Pulse};

const DOING: &str = "joining the fleet";

pub(crate) fn perform(cx: &mut Context, args: &ServeArgs) -> Done {
    match args.role {
        None => doors::perform(cx, args),
        Some(Part::Worker) => join(cx, args),
    }
}

/// Works for a fleet.
fn join(cx: &mut Context, args: &ServeArgs) -> Done {
    let site = cx.site()?;
    let nats = match &site.journal {
        Place::Server(nats) => nats.clone(),
        Place::Unknown(report) => return Err(Report::clone(report).into()),
        Place::Files => {
            let cause = "no server is named";
            return Err(Report::new(ErrorKind::Invalid, DOING, cause)
                .hint("name it with `--nats nats://HOST:4222`, or in your settings as `nats`")
                .into());
        }
    };
    let name = name(args)?;
    let slots = args.slots.map_or_else(host::cores, usize::from);
    let token = args.metrics_token_file.as_deref().map(|file| metrics_token(file, DOING)).transpose()?;
    // What comes here is nobody's once this process ends.
    let lodging = wiring::lodging(&site)?;
    let runtime = wiring::tokio_runtime()?;
    let mut watched = Watched::begin(cx, &name);
    let hear = watched.hear();
    let at = wiring::sealed_at(&nats, &site, "worker.key").doing(DOING)?;
    let key = at.seal.public().unwrap_or_default();
    let joined = wiring::join(&lodging.site, &at, (&name, slots), &mut |what| cx.note(&what), hear)?;
    watched.measure(&joined.counted);
    joined.worker.notes().iter().for_each(|note| cx.note(note));
    watched.wanted.notes.iter().for_each(|note| cx.note(note));
    let at = format!("worker {name} has joined at {}, with {slots} slots; it signs with {key}", nats.url);
    let done = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let door = match args.metrics {
            Some(address) => Some(Scrape::bind(address, token.as_deref()).await.doing(DOING)?),
            None => None,
        };
        tell(cx, "worker.joined", &name, &at)?;
        let read = watched.read(&joined.counted);
        let stop = Stop::new();
        let duty = Arc::new(Duty { pulse: joined.worker.pulse(), stop: stop.clone() });
        let Some(door) = door else { return work(cx, joined, (&name, &stop), &mut signals).await };
        let at = format!("metrics are at http://{}/metrics", door.address());
        tell(cx, "worker.metrics", &name, &at)?;
        let (ended, end) = oneshot::channel::<()>();
        // Also where the work broke off.
        let answering = door.run((read, duty), async {
            end.await.ok();
        });
        let working = async {
            let done = work(cx, joined, (&name, &stop), &mut signals).await;
            drop(ended);
            done
        };
        let (done, ()) = tokio::join!(working, answering);
        done
    });
    watched.end(cx);
    runtime.shutdown_background();
    done
}

/// What the worker is called.
fn name(args: &ServeArgs) -> Result<String, Report> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => format!("{}-{}", host::name(), std::process::id()),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 100 || !name.chars().all(is_name) {
        let cause = format!("`{}` is no name of a worker", name.escape_default());
        return Err(
            Report::new(ErrorKind::Invalid, DOING, cause).hint("letters, digits, `-`, `_` and `.` make one")
        );
    }
    Ok(name)
}

/// Whether a worker takes orders, for whoever watches it from outside.
#[derive(Debug)]
struct Duty {
    pulse: Pulse,
    stop: Stop,
}

impl Vitals for Duty {
    fn startup(&self) -> Result<(), Refusal> {
        if self.pulse.has_begun() {
            return Ok(());
        }
        let cause = "it has not asked its server for orders yet".to_owned();
        Err(Refusal { kind: ErrorKind::Unavailable, cause, hint: None })
    }

    fn ready(&self) -> Result<(), Refusal> {
        if self.stop.is_wanted() {
            let cause = "it takes no more orders, and ends".to_owned();
            return Err(Refusal { kind: ErrorKind::Interrupted, cause, hint: None });
        }
        self.startup()?;
        if self.pulse.is_connected() && self.pulse.can_ask() {
            return Ok(());
        }
        if self.pulse.is_connected() {
            let cause = "it cannot ask for orders".to_owned();
            let hint = Some("the log of the worker says why".to_owned());
            return Err(Refusal { kind: ErrorKind::Unavailable, cause, hint });
        }
        let cause = "its server does not answer".to_owned();
        let hint = Some("it connects again by itself once the server is there".to_owned());
        Err(Refusal { kind: ErrorKind::Unavailable, cause, hint })
    }
}

/// What is told of a worker to whoever watches it from outside.
struct Watched {
    wanted: Wanted,
    sending: Sending,
    began_ms: u64,
}

impl Watched {
    /// What is wrong with the variables is said, and stops nothing.
    fn begin(cx: &Context, name: &str) -> Self {
        logs::of_worker(name);
        let mut wanted = telemetry::wanted(&cx.env, Whose::Worker(name));
        let sending = Sending::start(&mut wanted);
        Self { wanted, sending, began_ms: wiring::now_ms() }
    }

    /// Who hears of spans, where they are sent.
    fn hear(&self) -> Option<Hear> {
        let (spans, sampler) = (self.sending.spans()?, self.sending.sampler());
        Some(Box::new(move |above, piece| {
            if sampler.keeps_below(&above) {
                spans.offer(OtlpSpan::below(above, piece));
            }
        }))
    }

    /// Sends figures, where that is wanted.
    fn measure(&mut self, counted: &Counted) {
        let (counted, began_ms) = (counted.clone(), self.began_ms);
        // What is sent with them is added where they are sent.
        let read = move || {
            let mut figures = coditect_server::of_process(began_ms);
            figures.extend(counted.figures());
            Some(figures)
        };
        self.sending.measure(&mut self.wanted, Some(began_ms), Box::new(read));
    }

    /// Reads figures for a scraper.
    fn read(&self, counted: &Counted) -> coditect_server::Read {
        let (counted, began_ms, tallies) = (counted.clone(), self.began_ms, self.sending.tallies());
        Arc::new(move || {
            let mut figures = coditect_server::of_process(began_ms);
            figures.extend(counted.figures());
            figures.extend(tallies.figures());
            figures
        })
    }

    fn end(&self, cx: &Context) {
        self.sending.finish().iter().for_each(|lost| cx.note(lost));
    }
}

/// Works until it is told to end.
async fn work(cx: &mut Context, joined: Joined, (name, stop): (&str, &Stop), signals: &mut Signals) -> Done {
    let (say, mut said) = mpsc::channel(64);
    let (flag, joined) = (stop.clone(), Arc::new(joined));
    let mut working = tokio::task::spawn_blocking(move || {
        // A line that is lost was only a hint.
        joined.worker.run(&flag, &move |what| drop(say.try_send(what)))
    });
    loop {
        tokio::select! {
            Some(what) = said.recv() => tell(cx, "worker.did", name, &what)?,
            () = signals.next() => {
                if stop.is_wanted() {
                    stop.raise(StopCause::Shutdown);
                    cx.note("what is under way is handed back");
                } else {
                    stop.hurry();
                    cx.note("no more is taken; what is under way is finished (again: it is handed back)");
                }
            }
            ended = &mut working => {
                ended
                    .map_err(|error| Report::new(ErrorKind::Bug, DOING, format!("a thread broke: {error}")))?
                    .doing("working for the fleet")?;
                tell(cx, "worker.left", name, &format!("worker {name} has left"))?;
                return Ok(0);
            }
        }
    }
}

fn tell(cx: &mut Context, kind: &str, name: &str, what: &str) -> std::io::Result<()> {
    match cx.out.json {
        true => cx.out.object(&json!({ "type": kind, "worker": name, "what": what })),
        false => cx.out.line(&harmless(what)),
    }
}
