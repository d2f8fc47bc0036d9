//! Numbers, times and names as people read them: the same in a terminal and in a browser. Never rounded up.

use coditect_types::breaker::Standing;
use coditect_types::{Enforced, Event};

/// `1 test`, `3 tests`, `12,345 tests`.
#[must_use]
pub fn count(n: u64, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{} {noun}s", grouped(n)) }
}

/// `count` of a length.
#[must_use]
pub fn count_of(n: usize, noun: &str) -> String {
    count(n as u64, noun)
}

/// `1234567` as `1,234,567`.
#[must_use]
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A span of time: `820 ms`, `4.2 s`, `3 min 20 s`, `2 h 5 min`.
#[must_use]
pub fn span(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        60_000..3_600_000 => format!("{} min {} s", ms / 60_000, ms / 1000 % 60),
        _ => format!("{} h {} min", ms / 3_600_000, ms / 60_000 % 60),
    }
}

/// A moment, UTC: `2026-11-23 06:31:07`.
#[must_use]
pub fn moment(at_ms: u64) -> String {
    i64::try_from(at_ms)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map_or_else(|| "at an unknown time".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// A probability: `98 %`, `99.9 %`.
#[must_use]
pub fn percent(p: f64) -> String {
    let text = format!("{:.1}", p * 100.0);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

/// Where a breaker stands, in a phrase.
#[must_use]
pub fn breaker(standing: Standing, now_ms: u64) -> String {
    match standing {
        Standing::Closed { failures, .. } => {
            format!("{} in a row without an answer", count(failures.into(), "call"))
        }
        Standing::Open { until_ms, .. } if until_ms > now_ms => {
            format!("left alone for {}", span(until_ms - now_ms))
        }
        Standing::Open { .. } => "left alone until somebody asks".to_owned(),
        Standing::HalfOpen { .. } => "tried by one call".to_owned(),
    }
}

/// What a sandbox enforced, in a phrase.
#[must_use]
pub fn enforced(enforced: &Enforced) -> String {
    let mut parts = Vec::new();
    let mut say = |held: bool, phrase: &str| {
        if held {
            parts.push(phrase.to_owned());
        }
    };
    say(enforced.network, "no network");
    say(enforced.file_writes, "no writes outside");
    say(enforced.file_reads, "no reads outside");
    say(enforced.processes, "no outside process");
    parts.extend(enforced.wall_ms.map(|ms| format!("at most {}", span(ms))));
    parts.extend(enforced.memory_bytes.map(|bytes| format!("at most {} MiB", bytes >> 20)));
    if parts.is_empty() { "nothing enforced".to_owned() } else { parts.join(", ") }
}

/// The type of an event, as in its JSON.
#[must_use]
pub fn kind(event: &Event) -> &'static str {
    match event {
        Event::MissionSubmitted { .. } => "mission.submitted",
        Event::MissionForked { .. } => "mission.forked",
        Event::MissionResumed { .. } => "mission.resumed",
        Event::MissionConcluding {} => "mission.concluding",
        Event::PlanMade { .. } => "plan.made",
        Event::StagesPlanned { .. } => "stages.planned",
        Event::StageEnded { .. } => "stage.ended",
        Event::AttemptStarted { .. } => "attempt.started",
        Event::AttemptEnded { .. } => "attempt.ended",
        Event::OutcomeIgnored { .. } => "outcome.ignored",
        Event::ViolationFound { .. } => "violation.found",
        Event::ApprovalAsked { .. } => "approval.asked",
        Event::ApprovalGiven { .. } => "approval.given",
        Event::TaskSettled { .. } => "task.settled",
        Event::MissionCompleted { .. } => "mission.completed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_counts_read_well() {
        let check = |ms, expect: &str| assert_eq!(span(ms), expect);
        check(0, "0 ms");
        check(999, "999 ms");
        check(4_251, "4.2 s");
        check(200_000, "3 min 20 s");
        check(7_500_000, "2 h 5 min");
        assert_eq!(count(1, "test"), "1 test");
        assert_eq!(count(1_234_567, "test"), "1,234,567 tests");
        assert_eq!((grouped(100), grouped(1000)), ("100".to_owned(), "1,000".to_owned()));
        assert_eq!(
            (percent(0.98), percent(0.999), percent(1.0)),
            ("98 %".into(), "99.9 %".into(), "100 %".into())
        );
        assert_eq!(moment(1_795_415_467_000), "2026-11-23 06:31:07");
    }

    #[test]
    fn breakers_say_for_how_long() {
        let open = Standing::Open { until_ms: 9_000, open_ms: 5_000 };
        assert_eq!(breaker(open, 4_000), "left alone for 5.0 s");
        assert_eq!(breaker(open, 9_000), "left alone until somebody asks");
        assert_eq!(
            breaker(Standing::Closed { failures: 1, last_ms: 0 }, 0),
            "1 call in a row without an answer"
        );
        assert_eq!(breaker(Standing::HalfOpen { until_ms: 9, open_ms: 5 }, 0), "tried by one call");
    }
}
