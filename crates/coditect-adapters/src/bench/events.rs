//! How many events a second a journal keeps, whichever it is, and how long one waits for that.

use std::sync::Arc;
use std::time::Duration;

use coditect_ports::{AppendError, Journal, PortError};
use coditect_types::{ErrorKind, MissionId};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::{EVENT_BYTES, Spread, spread, stream_of};

/// Who appends how much, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Missions that append at the same time, each one append after the other.
    pub producers: usize,
    /// Events of one append.
    pub batch: usize,
    /// How long each measurement takes.
    pub time: Duration,
}

/// What a journal keeps. Every event counted was acknowledged, and was there afterwards.
#[derive(Clone, Debug, PartialEq)]
pub struct EventsBench {
    /// Events a second in batches.
    pub durable_events_per_s: f64,
    /// One append of a batch, while a tenth of that is offered, ms.
    pub latency_ms: Spread,
    /// Events a second that were offered then.
    pub offered_per_s: f64,
    /// Events a second, each an append of its own.
    pub unbatched_per_s: f64,
    /// Events that were kept in all.
    pub events: u64,
}

/// Missions that append one event at a time at the same time.
pub const UNBATCHED_PRODUCERS: usize = 256;

/// Measures an empty journal.
///
/// # Errors
/// An append fails, or an event that was acknowledged is not there.
pub fn measure(journal: &Arc<dyn Journal>, load: Load) -> Result<EventsBench, PortError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| PortError::from_io("starting the bench's runtime", &error))?;
    let (full, low, single) = runtime.block_on(async {
        let full = crowd(journal, load, 0, None).await?;
        let appends_per_s = full.per_s() / load.batch as f64 / 10.0;
        let every = Duration::from_secs_f64(load.producers as f64 / appends_per_s.max(1e-3));
        let low = crowd(journal, load, load.producers, Some(every)).await?;
        let alone = Load { producers: UNBATCHED_PRODUCERS, batch: 1, ..load };
        let single = crowd(journal, alone, 2 * load.producers, None).await?;
        Ok::<_, PortError>((full, low, single))
    })?;
    let events = full.events + low.events + single.events;
    let there: u64 = journal.streams()?.iter().map(|info| info.last_seq).sum();
    if there != events {
        let cause = format!("{events} events were acknowledged, and {there} are there");
        return Err(PortError::new(ErrorKind::Bug, cause));
    }
    Ok(EventsBench {
        durable_events_per_s: full.per_s(),
        offered_per_s: low.per_s(),
        latency_ms: spread(low.times_ms),
        unbatched_per_s: single.per_s(),
        events,
    })
}

/// What a crowd kept.
#[derive(Debug, Default)]
struct Kept {
    events: u64,
    /// Events of before the clock was started.
    first: u64,
    seconds: f64,
    times_ms: Vec<f64>,
}

impl Kept {
    fn per_s(&self) -> f64 {
        (self.events - self.first) as f64 / self.seconds.max(1e-9)
    }
}

/// All producers at once, those from number `from` on: as fast as they can, or an append `every` so often.
async fn crowd(
    journal: &Arc<dyn Journal>,
    load: Load,
    from: usize,
    every: Option<Duration>,
) -> Result<Kept, PortError> {
    let mut kept = Kept::default();
    // A first append for each: what it costs to begin a mission is not what is measured.
    let mut first = JoinSet::new();
    for producer in from..from + load.producers {
        first.spawn(produce(Arc::clone(journal), stream_of(producer), 0, load.batch, Pace::Once));
    }
    collect(first, &mut kept).await?;
    kept.first = kept.events;
    kept.times_ms.clear();
    let start = Instant::now();
    let end = start + load.time;
    let mut rest = JoinSet::new();
    for number in 0..load.producers {
        let pace = match every {
            None => Pace::Free { end },
            // Spread evenly, so that they do not all come at once.
            Some(every) => {
                Pace::Every { next: start + every.mul_f64(number as f64 / load.producers as f64), every, end }
            }
        };
        let stream = stream_of(from + number);
        rest.spawn(produce(Arc::clone(journal), stream, load.batch as u64, load.batch, pace));
    }
    collect(rest, &mut kept).await?;
    kept.seconds = start.elapsed().as_secs_f64();
    Ok(kept)
}

async fn collect(
    mut tasks: JoinSet<Result<(u64, Vec<f64>), AppendError>>,
    kept: &mut Kept,
) -> Result<(), PortError> {
    let bug = |error: String| PortError::new(ErrorKind::Bug, error);
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.map_err(|error| bug(error.to_string()))?;
        let (events, times) = ended.map_err(|error| match error {
            AppendError::Held(error) | AppendError::Unknown(error) | AppendError::NotKept(error) => error,
            AppendError::Conflict { .. } => bug(error.to_string()),
        })?;
        kept.events += events;
        kept.times_ms.extend(times);
    }
    Ok(())
}

/// When a producer appends.
#[derive(Clone, Copy)]
enum Pace {
    Once,
    Free { end: Instant },
    Every { next: Instant, every: Duration, end: Instant },
}

/// Appends at its pace. Gives the events that were kept, and the ms of each append.
async fn produce(
    journal: Arc<dyn Journal>,
    stream: MissionId,
    mut last: u64,
    batch: usize,
    mut pace: Pace,
) -> Result<(u64, Vec<f64>), AppendError> {
    let (mut events, mut times) = (0, Vec::new());
    loop {
        let records = (0..batch).map(|i| vec![(last as usize + i) as u8; EVENT_BYTES]).collect();
        let mut start = Instant::now();
        match &mut pace {
            Pace::Once => {}
            Pace::Free { end } if start >= *end => return Ok((events, times)),
            Pace::Free { .. } => {}
            Pace::Every { next, end, .. } if *next >= *end => return Ok((events, times)),
            Pace::Every { next, every, .. } => {
                // Where the append before took too long, this one has waited since its time; what the timer is
                // late is no wait for the journal.
                if *next > start {
                    sleep_until(*next).await;
                    start = Instant::now();
                } else {
                    start = *next;
                }
                *next += *every;
            }
        }
        last = journal.append(&stream, last, records).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        events += batch as u64;
        if matches!(pace, Pace::Once) {
            return Ok((events, times));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

    use coditect_testkit::memory_journal::MemoryJournal;

    use super::*;

    #[test]
    fn every_event_that_is_counted_is_there() {
        let journal: Arc<dyn Journal> = Arc::new(MemoryJournal::default());
        let load = Load { producers: 3, batch: 10, time: Duration::from_millis(50) };
        let found = measure(&journal, load).unwrap();
        assert!(found.durable_events_per_s > 0.0 && found.unbatched_per_s > 0.0, "{found:?}");
        assert!(found.offered_per_s < found.durable_events_per_s, "{found:?}");
        assert!(found.latency_ms.n > 0 && found.latency_ms.p50 <= found.latency_ms.p99, "{found:?}");
    }
}
