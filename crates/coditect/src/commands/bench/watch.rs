//! A long mission that goes on while many watch it: what its page takes, and how long an event is under way to them.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use coditect_ports::{Agent, PortError, Work};
use coditect_runtime::{Ports, Settings, Shell};
use coditect_server::{Ground, Secrets, Server};
use coditect_types::{Action, Command, ErrorKind, MissionId, Outcome, Role};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::{Notify, oneshot};

use super::{Figure, Measured};
use crate::commands::ui::Lent;
use crate::environment::Site;
use crate::report::{Doing, Report};
use crate::wiring;

const DOING: &str = "watching a mission";
/// Records of one step: begun, ended, settled.
const RECORDS: u32 = 3;
/// How often something happens while it is watched.
const STEP_EVERY: Duration = Duration::from_millis(20);

/// How much there is.
#[derive(Clone, Copy)]
struct Sizes {
    events: u32,
    watchers: u32,
    steps: u32,
    pages: u32,
}

/// Does nothing: at once up to a number of steps, and then when it is let.
#[derive(Debug)]
struct Idler {
    free: u32,
    done: AtomicU32,
    is_long: Arc<Notify>,
    let_on: Mutex<Receiver<()>>,
}

impl Agent for Idler {
    fn roles(&self) -> &[Role] {
        &[Role::Analyzer]
    }

    fn perform(&self, _: &Action, _: &Work) -> Outcome {
        if self.done.fetch_add(1, Ordering::Relaxed) >= self.free {
            self.is_long.notify_one();
            // Nobody lets it any more when the bench is over; then it goes on to its end.
            self.let_on.lock().unwrap_or_else(PoisonError::into_inner).recv().ok();
        }
        Outcome::NothingDone
    }
}

pub(super) fn measure(site: &Site, quick: bool) -> Result<Measured, Report> {
    let sizes = match quick {
        true => Sizes { events: 1_000, watchers: 20, steps: 50, pages: 20 },
        false => Sizes { events: 10_000, watchers: 100, steps: 300, pages: 100 },
    };
    let (_dir, site) = wiring::bench_site(site)?;
    let runtime = wiring::tokio_runtime()?;
    let mut seen = runtime.block_on(watched(&site, sizes))?;
    runtime.shutdown_background();
    let mut measured = Measured::default();
    measured.params.insert("events", json!(sizes.events));
    measured.params.insert("watchers", json!(sizes.watchers));
    measured.params.insert("steps_watched", json!(sizes.steps));
    measured.results.insert("first_page_ms", Figure::One { unit: "ms", value: seen.first_ms });
    measured.results.insert("page_ms", Figure::spread("ms", &mut seen.pages_ms));
    measured.results.insert("past_page_ms", Figure::spread("ms", &mut seen.past_ms));
    measured.results.insert("event_to_screen_ms", Figure::spread("ms", &mut seen.events_ms));
    measured.results.insert("page_bytes", Figure::One { unit: "B", value: seen.page_bytes as f64 });
    Ok(measured)
}

/// What was seen.
struct Seen {
    /// The first page: all records are folded for it.
    first_ms: f64,
    /// Pages while everybody watches.
    pages_ms: Vec<f64>,
    /// Pages of the mission as it stood halfway: half of the records are folded for each.
    past_ms: Vec<f64>,
    /// Each event on its way to each watcher.
    events_ms: Vec<f64>,
    page_bytes: usize,
}

async fn watched(site: &Site, sizes: Sizes) -> Result<Seen, Report> {
    let free = sizes.events / RECORDS;
    let (permits, let_on) = sync_channel(sizes.steps as usize);
    let is_long = Arc::new(Notify::new());
    let idler =
        Idler { free, done: AtomicU32::new(0), is_long: Arc::clone(&is_long), let_on: Mutex::new(let_on) };
    let shell = shell(site, idler)?;
    let mission = shell.new_mission_id();
    let command = Command::SubmitNoOps { mission: mission.clone(), steps: free + sizes.steps };
    shell.submit(mission.clone(), command).await.doing(DOING)?;
    is_long.notified().await;

    let archive = wiring::archive(site)?;
    let known = archive.journal().streams().doing(DOING)?;
    let newest = known.iter().find(|info| info.stream == mission).map_or(0, |info| info.last_seq);
    let token = wiring::secret()?;
    let secrets = Secrets::new(&token, &wiring::secret()?)
        .ok_or_else(|| Report::new(ErrorKind::Bug, DOING, "a secret of ours is none"))?;
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.doing(DOING)?;
    let door = Door { address: server.address(), token, mission };
    let (stop, stopped) = oneshot::channel::<()>();
    let lent = Arc::new(Lent::new(site.clone(), archive, "bench".to_owned()));
    let serving = server.run(lent, secrets, Ground::default(), async {
        // Also where the bench broke off.
        stopped.await.ok();
    });
    let measuring = async {
        let done = figures(&door, sizes, newest, permits).await;
        drop(stop);
        done
    };
    let ((), done) = tokio::join!(serving, measuring);
    shell.shut_down(Duration::from_millis(500)).await;
    done.map_err(|error| Report::from(PortError::from_io(DOING, &error)))
}

fn shell(site: &Site, idler: Idler) -> Result<Shell, Report> {
    let ports = Ports {
        journal: wiring::keeper(site)?,
        bus: wiring::silent_bus(),
        clock: wiring::clock(),
        entropy: wiring::entropy(),
        agents: vec![Arc::new(idler)],
        models: Vec::new(),
        breakers: wiring::own_breakers(),
        fleet: None,
    };
    Shell::start(ports, Settings::default()).doing("starting the shell")
}

/// Everybody watches, while the mission goes on and its page is asked for again and again.
async fn figures(door: &Door, sizes: Sizes, newest: u64, permits: SyncSender<()>) -> std::io::Result<Seen> {
    let (first_ms, _) = door.page("").await?;
    let watchers = try_join_all((0..sizes.watchers).map(|_| door.watch(newest))).await?;
    let paced = async {
        let mut step = tokio::time::interval(STEP_EVERY);
        for _ in 0..sizes.steps {
            step.tick().await;
            // There is room for all of them.
            permits.try_send(()).ok();
        }
        Ok(())
    };
    let paged = async {
        let (mut pages_ms, mut past_ms, mut page_bytes) = (Vec::new(), Vec::new(), 0);
        for n in 0..sizes.pages {
            let (ms, bytes) = door.page("").await?;
            pages_ms.push(ms);
            page_bytes = bytes;
            if n % 10 == 0 {
                past_ms.push(door.page(&format!("?at={}", newest / 2)).await?.0);
            }
        }
        Ok((pages_ms, past_ms, page_bytes))
    };
    let seen = try_join_all(watchers.into_iter().map(until_the_end));
    let ((pages_ms, past_ms, page_bytes), seen, ()) = tokio::try_join!(paged, seen, paced)?;
    let expected = (sizes.steps * RECORDS) as usize;
    let events_ms: Vec<f64> = seen.into_iter().flatten().collect();
    if events_ms.len() < expected * sizes.watchers as usize {
        let text = format!("{} events were seen, where {expected} happened", events_ms.len());
        return Err(std::io::Error::other(text));
    }
    Ok(Seen { first_ms, pages_ms, past_ms, events_ms, page_bytes })
}

/// The way in.
struct Door {
    address: SocketAddr,
    token: String,
    mission: MissionId,
}

impl Door {
    /// Asks for something. HTTP/1.0: nothing comes in pieces, and the end is the end.
    async fn ask(&self, path: &str) -> std::io::Result<BufReader<TcpStream>> {
        let mut stream = TcpStream::connect(self.address).await?;
        let (address, token, mission) = (self.address, &self.token, &self.mission);
        let head = format!("host: {address}\r\nauthorization: Bearer {token}\r\n");
        let request = format!("GET /missions/{mission}{path} HTTP/1.0\r\n{head}\r\n");
        stream.write_all(request.as_bytes()).await?;
        Ok(BufReader::new(stream))
    }

    /// How long a page takes, ms, and how many bytes it has.
    async fn page(&self, query: &str) -> std::io::Result<(f64, usize)> {
        let (began, mut text) = (Instant::now(), String::new());
        self.ask(query).await?.read_to_string(&mut text).await?;
        match text.split(' ').nth(1) {
            Some("200") => Ok((began.elapsed().as_secs_f64() * 1000.0, text.len())),
            Some(_) | None => Err(std::io::Error::other("the page was refused")),
        }
    }

    /// A stream that was begun: its head is there.
    async fn watch(&self, newest: u64) -> std::io::Result<BufReader<TcpStream>> {
        let mut stream = self.ask(&format!("/events?from={}", newest + 1)).await?;
        let mut line = String::new();
        while stream.read_line(&mut line).await? > 0 && line != "\r\n" {
            line.clear();
        }
        Ok(stream)
    }
}

/// Reads a stream to its end, and says of each event how long it was under way, ms: from when it was decided, so that the disk
/// is in it.
async fn until_the_end(mut stream: BufReader<TcpStream>) -> std::io::Result<Vec<f64>> {
    let (mut samples, mut line) = (Vec::new(), String::new());
    while stream.read_line(&mut line).await? > 0 {
        if let Some(data) = line.strip_prefix("data: ") {
            let now_ms = wiring::now_ms();
            let record: Value = serde_json::from_str(data)?;
            let at_ms = record["at_ms"].as_u64().unwrap_or(now_ms);
            samples.push(now_ms.saturating_sub(at_ms) as f64);
        }
        line.clear();
    }
    Ok(samples)
}
