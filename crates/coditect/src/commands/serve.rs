//! `coditect serve`: a server for several people, or a process of a fleet.

mod doors;
mod takeover;

use std::sync::Arc;

use coditect_ports::{Stop, StopCause};
use coditect_types::ErrorKind;
use serde_json::json;
use tokio::sync::mpsc;

use super::Context;
use crate::args::{Part, ServeArgs};
use crate::environment::Place;
use crate::host;
use crate::out::harmless;
use crate::report::{Doing, Done, Report};
use crate::signals::Signals;
use crate::wiring::{self, Joined};

const DOING: &str = "joining the fleet";

pub(crate) fn perform(cx: &mut Context, args: &ServeArgs) -> Done {
    match args.role {
        None => doors::perform(cx, &args.doors),
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
    let name = match &args.name {
        Some(name) => name.clone(),
        None => format!("{}-{}", host::name(), std::process::id()),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.len() > 100 || !name.chars().all(is_name) {
        let cause = format!("`{}` is no name of a worker", name.escape_default());
        return Err(Report::new(ErrorKind::Invalid, DOING, cause)
            .hint("letters, digits, `-`, `_` and `.` make one")
            .into());
    }
    let slots = args.slots.map_or_else(host::cores, usize::from);
    // What comes here is nobody's once this process ends.
    let lodging = wiring::lodging(&site)?;
    let runtime = wiring::tokio_runtime()?;
    let joined = wiring::join(&lodging.site, &nats, (&name, slots), &mut |what| cx.note(&what))?;
    let done = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        tell(
            cx,
            "worker.joined",
            &name,
            &format!("worker {name} has joined at {}, with {slots} slots", nats.url),
        )?;
        work(cx, joined, &name, &mut signals).await
    });
    runtime.shutdown_background();
    done
}

/// Works until it is told to end.
async fn work(cx: &mut Context, joined: Joined, name: &str, signals: &mut Signals) -> Done {
    let (stop, (say, mut said)) = (Stop::new(), mpsc::channel(64));
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
