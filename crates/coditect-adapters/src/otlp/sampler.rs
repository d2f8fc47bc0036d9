//! Which traces are told, by the standard variables. Whether one is lies in its id, so that every process decides the same of it.

use coditect_types::MissionId;

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
    /// What `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` say, and what is wrong with them; `get` reads one. What is not known here
    /// counts as if it were not set, as the standard wants it.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> (Self, Option<String>) {
        let get = |name: &str| get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let Some(name) = get(VARIABLE) else { return (Self::default(), None) };
        let (own, by_parent) = match name.strip_prefix("parentbased_") {
            Some(own) => (own, true),
            None => (name.as_str(), false),
        };
        let (share, wrong) = match own {
            "always_on" => (1.0, None),
            "always_off" => (0.0, None),
            "traceidratio" => get(SHARE).map_or((1.0, None), |text| share(&text)),
            _ => {
                let wrong = format!(
                    "{VARIABLE}: `{name}` is not known here, so all traces are told; use `always_on`, `always_off` or \
                     `traceidratio`, each also behind `parentbased_`"
                );
                return (Self::default(), Some(wrong));
            }
        };
        let all = 1_u64 << BITS;
        (Self { from: all - (share * all as f64) as u64, by_parent }, wrong)
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

/// The share of traces that is told, and what is wrong with it.
fn share(text: &str) -> (f64, Option<String>) {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    let wrong = || format!("{SHARE} is no number from 0 to 1, so all traces are told");
    share.map_or_else(|| (1.0, Some(wrong())), |share| (share, None))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test panics")]

    use super::*;

    fn of(name: &str, share: &str) -> Sampler {
        let (sampler, wrong) = told(name, share);
        assert_eq!(wrong, None, "{name} {share}");
        sampler
    }

    fn told(name: &str, share: &str) -> (Sampler, Option<String>) {
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
        assert_eq!(Sampler::from_variables(|_| None), (of("parentbased_always_on", "0"), None));
        for (name, share, told) in [
            ("always_on", "", 4_000..=4_000),
            ("always_off", "1", 0..=0),
            ("traceidratio", "", 4_000..=4_000),
            ("traceidratio", "0", 0..=0),
            ("parentbased_traceidratio", "0.25", 850..=1_150),
        ] {
            let sampler = of(name, share);
            let kept = (0..4_000).filter(|n| sampler.keeps_mission(&mission(*n))).count();
            assert!(told.contains(&kept), "{name}: {kept}");
        }
        let (few, more) = (of("traceidratio", "0.1"), of("traceidratio", "0.5"));
        assert!((0..999).all(|n| !few.keeps_mission(&mission(n)) || more.keeps_mission(&mission(n))));
    }

    #[test]
    fn whoever_is_above_decides_where_it_counts() {
        let (kept, left) =
            (Context::of_mission(&mission(1)), Context::of_mission(&mission(1)).sampled(false));
        let by_parent = of("parentbased_always_on", "");
        assert!(by_parent.keeps_below(&kept) && !by_parent.keeps_below(&left));
        assert!(of("parentbased_always_off", "").keeps_below(&kept));
        assert!(of("always_on", "").keeps_below(&left));
    }

    #[test]
    fn what_is_not_known_counts_as_not_set_and_is_said() {
        for (name, share, variable) in [
            ("jaeger_remote", "", VARIABLE),
            ("on", "", VARIABLE),
            ("traceidratio", "2", SHARE),
            ("traceidratio", "NaN", SHARE),
        ] {
            let (sampler, wrong) = told(name, share);
            assert!(wrong.is_some_and(|wrong| wrong.starts_with(variable)), "{name} {share}");
            assert!((0..99).all(|n| sampler.keeps_mission(&mission(n))), "{name} {share}: all are told");
        }
        assert_eq!(told("jaeger_remote", "").0, Sampler::default());
    }
}
