//! Which traces are told, by the standard variables. Whether one is lies in its id, so that every process decides the same of it.

use coditect_ports::PortError;
use coditect_types::{ErrorKind, MissionId};

use crate::trace::Context;

/// What it is called in errors, and the name of its share.
const VARIABLE: &str = "OTEL_TRACES_SAMPLER";
const SHARE: &str = "OTEL_TRACES_SAMPLER_ARG";
/// The random part of an id has so many bits (W3C Trace Context 2, "random trace id").
const BITS: u32 = 56;

/// Chooses traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampler {
    /// Ids from here on are told (OpenTelemetry's consistent probability sampling: the threshold of what is not).
    from: u64,
    /// What the process above decided counts, where there is one.
    by_parent: bool,
}

impl Default for Sampler {
    /// `parentbased_always_on`, as the standard has it where nobody says.
    fn default() -> Self {
        Self { from: 0, by_parent: true }
    }
}

impl Sampler {
    /// What `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` say; `get` reads one.
    ///
    /// # Errors
    /// `Invalid`: it is none that is known here, or its share is no number from 0 to 1.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, PortError> {
        let get = |name: &str| get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let Some(name) = get(VARIABLE) else { return Ok(Self::default()) };
        let (own, by_parent) = match name.strip_prefix("parentbased_") {
            Some(own) => (own, true),
            None => (name.as_str(), false),
        };
        let share = match own {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => get(SHARE).map_or(Ok(1.0), |text| share(&text))?,
            _ => {
                let cause = format!("{VARIABLE}: `{name}` is not known here");
                return Err(PortError::new(ErrorKind::Invalid, cause).with_hint(
                    "use `always_on`, `always_off` or `traceidratio`, each also behind `parentbased_`",
                ));
            }
        };
        let all = 1_u64 << BITS;
        Ok(Self { from: all - (share * all as f64) as u64, by_parent })
    }

    /// Whether a mission's trace is told. Nothing is above it.
    #[must_use]
    pub fn keeps_mission(&self, mission: &MissionId) -> bool {
        self.keeps_id(&Context::of_mission(mission))
    }

    /// Whether what is below a span is told.
    #[must_use]
    pub fn keeps_below(&self, above: &Context) -> bool {
        if self.by_parent { above.is_sampled() } else { self.keeps_id(above) }
    }

    fn keeps_id(&self, context: &Context) -> bool {
        context.randomness() & ((1 << BITS) - 1) >= self.from
    }
}

fn share(text: &str) -> Result<f64, PortError> {
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| {
        PortError::new(ErrorKind::Invalid, format!("{SHARE}: `{text}` is no number from 0 to 1"))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test panics")]

    use super::*;

    fn of(name: &str, share: &str) -> Result<Sampler, PortError> {
        Sampler::from_variables(|variable| match variable {
            VARIABLE => Some(name.to_owned()),
            SHARE => Some(share.to_owned()),
            _ => None,
        })
    }

    fn mission(n: usize) -> MissionId {
        MissionId::parse(&format!("m-{n:06}")).unwrap()
    }

    #[test]
    fn so_many_traces_are_told_as_is_said_and_the_same_ones_everywhere() {
        assert_eq!(Sampler::from_variables(|_| None).unwrap(), of("parentbased_always_on", "0").unwrap());
        for (name, share, told) in [
            ("always_on", "", 4_000..=4_000),
            ("always_off", "1", 0..=0),
            ("traceidratio", "", 4_000..=4_000),
            ("traceidratio", "0", 0..=0),
            ("parentbased_traceidratio", "0.25", 850..=1_150),
        ] {
            let sampler = of(name, share).unwrap();
            let kept = (0..4_000).filter(|n| sampler.keeps_mission(&mission(*n))).count();
            assert!(told.contains(&kept), "{name}: {kept}");
        }
        let (few, more) = (of("traceidratio", "0.1").unwrap(), of("traceidratio", "0.5").unwrap());
        assert!((0..999).all(|n| !few.keeps_mission(&mission(n)) || more.keeps_mission(&mission(n))));
    }

    #[test]
    fn whoever_is_above_decides_where_it_counts() {
        let (kept, left) =
            (Context::of_mission(&mission(1)), Context::of_mission(&mission(1)).sampled(false));
        let by_parent = of("parentbased_always_on", "").unwrap();
        assert!(by_parent.keeps_below(&kept) && !by_parent.keeps_below(&left));
        assert!(of("parentbased_always_off", "").unwrap().keeps_below(&kept));
        assert!(of("always_on", "").unwrap().keeps_below(&left));
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for (name, share) in
            [("jaeger_remote", ""), ("traceidratio", "2"), ("traceidratio", "NaN"), ("on", "")]
        {
            assert_eq!(of(name, share).unwrap_err().kind, ErrorKind::Invalid, "{name} {share}");
        }
    }
}
