//! A server that several people use, over HTTP: the dashboard and its JSON, for whoever shows a token.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use coditect_ports::{PortError, Stop, StopCause};
use coditect_server::{Ground, Grpc, Secrets, Server, Tls};
use coditect_types::ErrorKind;
use serde_json::json;
use tokio::sync::mpsc;

use super::{neighbours, takeover};
use crate::args::{DoorFlags, ServeArgs, SettingFlags};
use crate::commands::ui::{Lent, with_metrics};
use crate::commands::{Context, approvals};
use crate::environment::{Place, directory};
use crate::out::{paint, painted};
use crate::report::{Doing, Done, INTERRUPTED, Report};
use crate::settings;
use crate::signals::Signals;
use crate::telemetry::{self, Sending, Whose};
use crate::wiring;

const DOING: &str = "opening the door";
/// How long it answers on once it is told to stop: whoever asks every second whether it is ready hears that it is not.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);
/// Bytes of a PEM file.
const PEM_BYTES: u64 = 1 << 20;

pub(super) fn perform(cx: &mut Context, args: &ServeArgs) -> Done {
    let flags = &args.doors;
    let ground = ground(flags)?;
    let projects: Vec<PathBuf> = flags.projects.iter().map(|dir| directory(dir)).collect::<Result<_, _>>()?;
    let (site, archive) = (cx.site()?, cx.archive()?);
    let now_ms = wiring::now_ms();
    let tokens = wiring::tokens(&site).list().doing(DOING)?;
    if !tokens.iter().any(|token| token.past(now_ms).is_none()) {
        let cause = "there is no token that opens it, so nobody could come in";
        return Err(Report::new(ErrorKind::Invalid, DOING, cause)
            .hint("make one with `coditect token add NAME --role admin`, or use `coditect ui` for yourself alone")
            .into());
    }
    let secrets = secrets(args)?;
    let has_none = projects.is_empty();
    // What the person has chosen for all of their missions.
    let models = settings::load(&SettingFlags::default(), &cx.env, Path::new("/"))?.settings.models;
    let lent = Lent::new(site.clone(), archive, approvals::person(&cx.env))
        .for_users(projects.clone(), models)
        .with_missions(flags.missions.map(usize::from));
    if has_none {
        cx.note("no `--projects` are named: only admins may begin missions");
    }
    // There is nothing here that takes a while: it has figures, and no spans.
    let mut wanted = telemetry::wanted(&cx.env, Whose::Process);
    let mut sending = Sending::default();
    let lent = Arc::new(lent.with_tallies(sending.tallies()));
    let runtime = wiring::tokio_runtime()?;
    let stop = Stop::new();
    let done = runtime.block_on(async {
        let mut signals = Signals::listen()?;
        let mut server = Server::bind(flags.listen).await.doing(DOING)?;
        if let Some(address) = flags.grpc {
            let grpc = Grpc::bind(address, ground.tls.clone()).await.doing(DOING)?;
            server = server.with_grpc(grpc);
        }
        let (counted, of) = (server.metrics(), Arc::clone(&lent));
        sending.measure(&mut wanted, None, Box::new(move || counted.figures(of.as_ref()).ok()));
        wanted.notes.iter().for_each(|note| cx.note(note));
        tell(cx, (server.address(), server.grpc_address()), &ground)?;
        if let Place::Server(nats) = &site.journal {
            let (pace, open, stop) = (server.pace(), wiring::world(nats), stop.clone());
            std::thread::spawn(move || neighbours::tell(&pace, &open, &stop));
        }
        let (say, mut said) = mpsc::channel(64);
        if !flags.no_takeover {
            let stop = stop.clone();
            // A line that is lost was only a hint.
            let told = move |line| drop(say.try_send(line));
            std::thread::spawn(move || takeover::watch(&site, &projects, &stop, &told));
        }
        let until = async {
            loop {
                tokio::select! {
                    Some(line) = said.recv() => cx.note(&line),
                    () = signals.next() => return,
                }
            }
        };
        server.run(lent, secrets, ground, until).await;
        let sent = tokio::task::spawn_blocking(move || sending.finish());
        if let Ok(lost) = signals.or_exit(sent).await {
            lost.iter().for_each(|lost| cx.note(lost));
        }
        Ok(INTERRUPTED)
    });
    stop.raise(StopCause::Shutdown);
    // What still reads the journal is left to the end of the process.
    runtime.shutdown_background();
    done
}

/// The secrets of its forms and of whoever scrapes it.
fn secrets(args: &ServeArgs) -> Result<Secrets, Report> {
    let secrets = Secrets::users(&wiring::secret()?)
        .ok_or_else(|| Report::new(ErrorKind::Bug, DOING, "a secret of ours is none"))?;
    with_metrics(secrets, args.metrics_token_file.as_deref(), DOING)
}

/// What it is called, and by what it proves that.
fn ground(flags: &DoorFlags) -> Result<Ground, Report> {
    let tls = match (&flags.tls_cert, &flags.tls_key) {
        (Some(chain), Some(key)) => {
            must_be_ours(key)?;
            let clients = flags.client_ca.as_deref().map(pem).transpose()?;
            Some(Tls::new(&pem(chain)?, &pem(key)?, clients.as_deref()).doing(DOING)?)
        }
        (None, None) => None,
        // The flags need one another.
        (Some(_), None) | (None, Some(_)) => {
            return Err(Report::new(ErrorKind::Bug, DOING, "half of a certificate"));
        }
    };
    let mut hosts = flags.host.clone();
    let outside = flags.grpc.iter().chain([&flags.listen]).find(|address| !address.ip().is_loopback());
    if let Some(outside) = outside {
        if tls.is_none() {
            let cause = format!(
                "`{}` can be reached from other machines, and tokens would go there in the clear",
                outside.ip()
            );
            return Err(Report::new(ErrorKind::Invalid, DOING, cause).hint(
                "give it a certificate with `--tls-cert` and `--tls-key`, or listen on `127.0.0.1` behind a proxy that has one, with `--behind-tls`",
            ));
        }
        if !flags.listen.ip().is_unspecified() && !flags.listen.ip().is_loopback() {
            hosts.push(host_of(flags.listen));
        }
    }
    Ok(Ground { hosts, tls, is_behind_tls: flags.behind_tls, leaves_within: LEAVES_WITHIN })
}

/// An address as it stands in `Host`.
fn host_of(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    }
}

fn pem(file: &Path) -> Result<Vec<u8>, Report> {
    let failed = |error: std::io::Error| PortError::from_io(&format!("`{}`", file.display()), &error);
    if fs::metadata(file).map_err(failed).doing(DOING)?.len() > PEM_BYTES {
        let cause = format!("`{}` is larger than a PEM file is", file.display());
        return Err(Report::new(ErrorKind::Invalid, DOING, cause));
    }
    fs::read(file).map_err(failed).doing(DOING)
}

/// A key that others may read is none.
fn must_be_ours(key: &Path) -> Result<(), Report> {
    let failed = |error: std::io::Error| PortError::from_io(&format!("`{}`", key.display()), &error);
    let mode = fs::metadata(key).map_err(failed).doing(DOING)?.permissions().mode();
    if mode & 0o027 == 0 {
        return Ok(());
    }
    let cause = format!("`{}` can be read by others, so what is in it is no secret", key.display());
    Err(Report::new(ErrorKind::Denied, DOING, cause)
        .hint("`chmod 600` it if nobody has read it, or make another"))
}

/// Says where it listens, and where for gRPC, if there.
fn tell(
    cx: &mut Context,
    (address, grpc): (SocketAddr, Option<SocketAddr>),
    ground: &Ground,
) -> std::io::Result<()> {
    let scheme = if ground.tls.is_some() { "https" } else { "http" };
    let host = ground.hosts.first();
    let url = |address: SocketAddr| match host.filter(|_| !address.ip().is_loopback()) {
        Some(host) => format!("{scheme}://{host}:{}", address.port()),
        None => format!("{scheme}://{address}"),
    };
    let grpc = grpc.map(|address| (address, url(address)));
    let url = url(address);
    if cx.out.json {
        let mut told = json!({ "type": "serve.listening", "address": address, "url": url });
        if let Some((address, url)) = grpc {
            told["grpc"] = json!({ "address": address, "url": url });
        }
        return cx.out.object(&told);
    }
    cx.out.line(&format!("{}  {url}", painted(paint::LABEL, "serving")))?;
    if let Some((_, url)) = grpc {
        cx.out.line(&format!("{}     {url}", painted(paint::LABEL, "gRPC")))?;
    }
    cx.out.line(
        "         users sign in with their tokens; `coditect audit` tells what was asked; Ctrl-C stops it",
    )
}
