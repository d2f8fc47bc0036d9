//! `coditect bench`: measures this build on this machine. The measuring is done by the crates that know how.

mod dispatch;
mod events;
mod faults;
mod graph;
mod journal;
mod memory;
mod retrieval;
mod reuse;
mod sandbox;
mod search;
mod steps;
mod tasks;
mod watch;
mod world;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::Context;
use crate::args::{BenchArgs, Size, Suite};
use crate::environment::{Environment, Site};
use crate::host::{self, Host};
use crate::out::{paint, painted};
use crate::report::{Done, Report};

/// What a suite found. Names and shape are fixed: other programs read them.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Bench {
    bench: &'static str,
    version: &'static str,
    /// True for a build without optimisation, whose figures mean little.
    debug_build: bool,
    host: Host,
    params: BTreeMap<&'static str, Value>,
    results: BTreeMap<&'static str, Figure>,
    compared: BTreeMap<&'static str, Figure>,
}

/// One figure.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Figure {
    /// A value.
    One {
        /// Such as `1/s`.
        unit: &'static str,
        /// The value.
        value: f64,
    },
    /// A distribution.
    Spread {
        /// Such as `ms`.
        unit: &'static str,
        /// The median.
        p50: f64,
        /// 95 of 100 are not above.
        p95: f64,
        /// 99 of 100 are not above.
        p99: f64,
        /// Samples.
        n: usize,
    },
}

impl Figure {
    /// The spread of samples; they are sorted on the way.
    pub(crate) fn spread(unit: &'static str, samples: &mut [f64]) -> Self {
        samples.sort_by(f64::total_cmp);
        let at = |percent| at_rank(samples, percent).unwrap_or(f64::NAN);
        Self::Spread { unit, p50: at(50), p95: at(95), p99: at(99), n: samples.len() }
    }

    /// The value, or the median.
    pub(crate) fn middle(&self) -> f64 {
        match self {
            Self::One { value, .. } => *value,
            Self::Spread { p50, .. } => *p50,
        }
    }
}

/// The sample that `percent` of 100 are not above; `sorted` is. None: there are no samples.
pub(crate) fn at_rank<T: Copy>(sorted: &[T], percent: usize) -> Option<T> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// What one suite gives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) params: BTreeMap<&'static str, Value>,
    pub(crate) results: BTreeMap<&'static str, Figure>,
    pub(crate) compared: BTreeMap<&'static str, Figure>,
}

pub(crate) fn perform(cx: Context, args: &BenchArgs) -> Done {
    if cfg!(debug_assertions) {
        cx.note("this is a debug build: its figures mean little; build with `--release`");
    }
    match &args.suite {
        Suite::Sandbox(size) => figures(cx, "sandbox", *size, sandbox::measure),
        Suite::Journal(size) => figures(cx, "journal", *size, |_, site, quick| journal::measure(site, quick)),
        Suite::Events(args) => {
            figures(cx, "events", args.size, |_, site, quick| events::measure(site, args, quick))
        }
        Suite::Steps(args) => figures(cx, "steps", args.size, |_, site, quick| match args.telemetry {
            true => steps::compare(site, quick),
            false => steps::measure(site, quick),
        }),
        Suite::Dispatch(size) => {
            figures(cx, "dispatch", *size, |_, site, quick| dispatch::measure(site, quick))
        }
        Suite::Watch(size) => figures(cx, "watch", *size, |_, site, quick| watch::measure(site, quick)),
        Suite::Search(args) => {
            figures(cx, "search", args.size, |env, site, quick| search::measure(env, site, args, quick))
        }
        Suite::Faults(args) => faults::perform(cx, args),
        Suite::World(args) => figures(cx, "world", args.size, |_, _, quick| world::measure(args, quick)),
        Suite::Graph(args) => figures(cx, "graph", args.size, |_, _, quick| graph::measure(args, quick)),
        Suite::Memory(args) => {
            figures(cx, "memory", args.size, |_, site, quick| memory::measure(site, args, quick))
        }
        Suite::Retrieval(args) => {
            figures(cx, "retrieval", Size { quick: false }, |env, _, _| retrieval::measure(env, args))
        }
        Suite::Reuse(args) => {
            figures(cx, "reuse", args.size, |env, site, quick| reuse::measure(env, site, args, quick))
        }
        Suite::Tasks(args) => tasks::perform(cx, args),
    }
}

/// Measures, and prints the figures.
fn figures(
    mut cx: Context,
    name: &'static str,
    size: Size,
    measure: impl FnOnce(&Environment, &Site, bool) -> Result<Measured, Report>,
) -> Done {
    let measured = measure(&cx.env, &cx.site()?, size.quick)?;
    let bench = Bench {
        bench: name,
        version: env!("CARGO_PKG_VERSION"),
        debug_build: cfg!(debug_assertions),
        host: host::host(),
        params: measured.params,
        results: measured.results,
        compared: measured.compared,
    };
    if cx.out.json {
        cx.out.object(&bench)?;
    } else {
        print(&mut cx, &bench)?;
    }
    Ok(0)
}

fn print(cx: &mut Context, bench: &Bench) -> std::io::Result<()> {
    let host = &bench.host;
    cx.out.line(&format!(
        "{} {} on {}, {} cores, {}",
        bench.bench, bench.version, host.cpu, host.cores, host.kernel
    ))?;
    let params: Vec<_> = bench.params.iter().map(|(name, value)| format!("{name} {value}")).collect();
    cx.out.line(&painted(paint::DIM, &params.join(", ")))?;
    let header =
        format!("{:<24} {:>8} {:>14} {:>12} {:>12} {:>10}", "", "unit", "value or p50", "p95", "p99", "n");
    cx.out.line(&painted(paint::LABEL, &header))?;
    for (name, figure) in bench
        .results
        .iter()
        .chain(bench.compared.iter().filter(|(name, _)| !bench.results.contains_key(*name)))
    {
        cx.out.line(&match figure {
            Figure::One { unit, value } => format!("{name:<24} {unit:>8} {:>14}", number(*value)),
            Figure::Spread { unit, p50, p95, p99, n } => {
                format!(
                    "{name:<24} {unit:>8} {:>14} {:>12} {:>12} {n:>10}",
                    number(*p50),
                    number(*p95),
                    number(*p99)
                )
            }
        })?;
    }
    Ok(())
}

/// Large numbers in groups, small ones with three places.
fn number(value: f64) -> String {
    if value >= 1000.0 {
        // Truncation is meant: a figure is never rounded up.
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "bounded below by the test above"
        )]
        let whole = value as u64;
        crate::phrase::grouped(whole)
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    #[test]
    fn a_spread_gives_ranks_that_were_measured() {
        let mut samples: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        let Figure::Spread { p50, p95, p99, n, .. } = Figure::spread("ms", &mut samples) else {
            unreachable!("a spread is a spread")
        };
        assert_eq!((p50, p95, p99, n), (100.0, 190.0, 198.0, 200));
    }
}
