//! How fast the adapters are on the machine at hand.

pub mod events;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use coditect_ports::{AppendError, Journal, PortError};
use coditect_types::{ErrorKind, MissionId};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::journal::Segments;

/// Bytes of one event.
pub const EVENT_BYTES: usize = 128;
/// Records read at once in the replay.
const PAGE: usize = 4096;

/// A distribution of times, ms.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// Half took no longer.
    pub p50: f64,
    /// 95 of 100 took no longer.
    pub p95: f64,
    /// 99 of 100 took no longer.
    pub p99: f64,
    /// How many were measured.
    pub n: usize,
}

/// What the embedded journal can do here. Every event counted was acknowledged as durable.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalBench {
    /// Events a second that were durable when they were acknowledged: `producers` streams, `batch` events an
    /// append.
    pub durable_events_per_s: f64,
    /// One append of one event at a time, and nobody else: ms.
    pub append_ms: Spread,
    /// 1,000 tasks that each append one event at a time: ms an append.
    pub crowd_append_ms: Spread,
    /// Durable events a second in that crowd.
    pub crowd_events_per_s: f64,
    /// Events a second read back after opening the journal again, opening included.
    pub replay_events_per_s: f64,
    /// Opening a journal of `missions` finished streams and listing them, ms.
    pub open_ms: f64,
    /// Streams in the journal that is opened.
    pub missions: usize,
    /// Events in the durable and the replay measurement.
    pub events: usize,
    /// Streams that were appended to at once.
    pub producers: usize,
    /// Events an append.
    pub batch: usize,
    /// Bytes of one event.
    pub event_bytes: usize,
}

/// Measures the embedded journal in `dir`, an empty directory on the disk in question. `quick` measures less.
///
/// # Errors
/// The directory cannot be used, or an append fails.
pub fn journal(dir: &Path, quick: bool) -> Result<JournalBench, PortError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| PortError::from_io("starting the bench's runtime", &error))?;
    let (producers, batch) = (64, 512);
    let appends = if quick { 20 } else { 125 };
    let events = producers * batch * appends;
    let fast = dir.join("fast");
    let seconds = crowd(&runtime, &fast, &Load { producers, batch, appends })?.0;
    let replay_s = replay(&fast, events)?;
    let alone = Load { producers: 1, batch: 1, appends: if quick { 300 } else { 3000 } };
    let append_ms = spread(crowd(&runtime, &dir.join("alone"), &alone)?.1);
    let many = Load { producers: 1000, batch: 1, appends: if quick { 5 } else { 50 } };
    let (crowd_s, crowd_ms) = crowd(&runtime, &dir.join("crowd"), &many)?;
    let missions = if quick { 1000 } else { 10_000 };
    let finished = dir.join("finished");
    crowd(&runtime, &finished, &Load { producers: missions, batch: 10, appends: 1 })?;
    let open_ms = open(&finished, missions)?;
    Ok(JournalBench {
        durable_events_per_s: events as f64 / seconds,
        append_ms,
        crowd_append_ms: spread(crowd_ms),
        crowd_events_per_s: (many.producers * many.appends) as f64 / crowd_s,
        replay_events_per_s: events as f64 / replay_s,
        open_ms,
        missions,
        events,
        producers,
        batch,
        event_bytes: EVENT_BYTES,
    })
}

/// Who appends how much.
#[derive(Clone, Copy)]
struct Load {
    producers: usize,
    batch: usize,
    appends: usize,
}

/// All producers at once, each one append after the other. Gives the seconds for all, and the ms of each append.
fn crowd(runtime: &Runtime, dir: &Path, load: &Load) -> Result<(f64, Vec<f64>), PortError> {
    let journal = Arc::new(Segments::open(dir)?);
    let load = *load;
    runtime.block_on(async {
        // A first append for each: its lease is not what is measured.
        let mut first = JoinSet::new();
        for producer in 0..load.producers {
            first.spawn(produce(Arc::clone(&journal), stream_of(producer), 0, Load { appends: 1, ..load }));
        }
        collect(first).await?;
        let start = Instant::now();
        let mut rest = JoinSet::new();
        for producer in 0..load.producers {
            rest.spawn(produce(Arc::clone(&journal), stream_of(producer), load.batch as u64, load));
        }
        let times = collect(rest).await?;
        Ok((start.elapsed().as_secs_f64(), times))
    })
}

async fn collect(mut tasks: JoinSet<Result<Vec<f64>, AppendError>>) -> Result<Vec<f64>, PortError> {
    let mut times = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        let bug = |error: String| PortError::new(ErrorKind::Bug, error);
        times.extend(ended.map_err(|error| bug(error.to_string()))?.map_err(|error| bug(error.to_string()))?);
    }
    Ok(times)
}

async fn produce(
    journal: Arc<Segments>,
    stream: MissionId,
    mut last: u64,
    load: Load,
) -> Result<Vec<f64>, AppendError> {
    let mut times = Vec::with_capacity(load.appends);
    for _ in 0..load.appends {
        let records = (0..load.batch).map(|i| vec![(last as usize + i) as u8; EVENT_BYTES]).collect();
        let start = Instant::now();
        last = journal.append(&stream, last, records).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Opens the journal as `coditect list` does. Gives the ms.
fn open(dir: &Path, missions: usize) -> Result<f64, PortError> {
    let start = Instant::now();
    let found = Segments::open_read_only(dir)?.streams()?.len();
    let ms = start.elapsed().as_secs_f64() * 1e3;
    if found == missions {
        Ok(ms)
    } else {
        Err(PortError::new(ErrorKind::Bug, format!("{found} streams were found, not {missions}")))
    }
}

/// Opens the journal and reads every record of every stream. Gives the seconds for all.
fn replay(dir: &Path, at_least: usize) -> Result<f64, PortError> {
    let start = Instant::now();
    let journal = Segments::open_read_only(dir)?;
    let (mut events, mut bytes) = (0, 0);
    for info in journal.streams()? {
        let mut next = 1;
        while next <= info.last_seq {
            let page = journal.read(&info.stream, next, PAGE)?;
            next += page.len() as u64;
            events += page.len();
            bytes += page.iter().map(|(_, record)| record.len()).sum::<usize>();
        }
    }
    if events < at_least || bytes != events * EVENT_BYTES {
        return Err(PortError::new(ErrorKind::Bug, format!("replay found {events} events, not {at_least}")));
    }
    Ok(start.elapsed().as_secs_f64() * at_least as f64 / events as f64)
}

fn stream_of(producer: usize) -> MissionId {
    MissionId::from_parts(1_700_000_000_000, producer as u64)
}

fn spread(mut times: Vec<f64>) -> Spread {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (times.len() as f64 * share) as usize;
        times.get(place.min(times.len().saturating_sub(1))).copied().unwrap_or(0.0)
    };
    Spread { p50: at(0.5), p95: at(0.95), p99: at(0.99), n: times.len() }
}
