//! Where a span belongs, as it goes from one process to another: W3C Trace Context (`traceparent`, version 00).
//!
//! The ids of a mission's trace are hashes of its id, those of its spans hashes of that and their names (ADR 43): whoever knows the
//! mission knows them, so spans of any process meet in one trace, and one that is sent twice is the same span.

use std::cell::RefCell;
use std::fmt::{self, Write};

use coditect_types::span::Of;
use coditect_types::{AttemptId, MissionId};

use super::ROOT;

/// What the ids of the spans of a mission begin with, before they are hashed.
const OF_SPAN: &str = "coditect.span ";

/// A span, and the trace that it is in.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Context {
    trace: [u8; 16],
    span: [u8; 8],
    is_sampled: bool,
}

impl Context {
    /// A mission: the root of its trace.
    #[must_use]
    pub fn of_mission(mission: &MissionId) -> Self {
        Self::of_piece(mission, ROOT)
    }

    /// An attempt of a mission.
    #[must_use]
    pub fn of_attempt(mission: &MissionId, attempt: AttemptId) -> Self {
        Self::of_piece(mission, &attempt.to_string())
    }

    /// A piece of a mission, by its id.
    #[must_use]
    pub fn of_piece(mission: &MissionId, id: &str) -> Self {
        let span = blake3::hash(format!("{OF_SPAN}{mission} {id}").as_bytes());
        Self { trace: trace_of(mission), span: first(span.as_bytes()), is_sampled: true }
    }

    /// The same, for whoever tells of it, or does not.
    #[must_use]
    pub fn sampled(self, is_sampled: bool) -> Self {
        Self { is_sampled, ..self }
    }

    /// Whether the process that made it tells of it.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// The end of the trace's id, which is as good as random.
    pub(crate) fn randomness(&self) -> u64 {
        self.trace.last_chunk().map_or(0, |end| u64::from_be_bytes(*end))
    }

    /// A span below this one, by its id.
    #[must_use]
    pub fn below(&self, id: &str) -> Self {
        // An id is the same whoever tells of it.
        let above = self.sampled(true);
        let span = blake3::hash(format!("{OF_SPAN}{above} {id}").as_bytes());
        Self { span: first(span.as_bytes()), ..*self }
    }

    /// Reads a `traceparent`. None: it is none, and whoever got it goes on without it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // Later versions may say more behind this.
        let (version, rest) = text.split_once('-')?;
        let (trace, rest) = rest.split_once('-')?;
        let (span, flags) = rest.split_once('-')?;
        let [version] = bytes::<1>(version)?;
        let is_whole = match version {
            0 => flags.len() == 2,
            255 => false,
            _ => flags.len() == 2 || flags.get(2..3) == Some("-"),
        };
        let [flags] = bytes::<1>(flags.get(..2)?).filter(|_| is_whole)?;
        let (trace, span) = (bytes::<16>(trace)?, bytes::<8>(span)?);
        (trace != [0; 16] && span != [0; 8]).then_some(Self { trace, span, is_sampled: flags & 1 == 1 })
    }

    /// The trace, as other systems write it.
    #[must_use]
    pub fn trace_id(&self) -> String {
        hex(&self.trace)
    }

    /// The span, as other systems write it.
    #[must_use]
    pub fn span_id(&self) -> String {
        hex(&self.span)
    }

    /// The trace, as it goes over a wire.
    pub(crate) fn trace_bytes(&self) -> &[u8] {
        &self.trace
    }

    /// The span, as it goes over a wire.
    pub(crate) fn span_bytes(&self) -> &[u8] {
        &self.span
    }
}

/// As a `traceparent`.
impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-0{}", self.trace_id(), self.span_id(), u8::from(self.is_sampled))
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

thread_local! {
    /// The name of a span, before it is hashed: memory that a thread has at hand.
    static NAME: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The trace of a mission, for whoever tells many of its spans: the same contexts as [`Context::of_piece`] gives, with what they have
/// alike made once.
#[derive(Clone, Copy, Debug)]
pub struct MissionTrace {
    root: Context,
}

impl MissionTrace {
    /// The trace of a mission.
    #[must_use]
    pub fn new(mission: &MissionId) -> Self {
        Self { root: Context::of_mission(mission) }
    }

    /// The mission itself.
    #[must_use]
    pub fn root(&self) -> Context {
        self.root
    }

    /// A span of the mission, which is to be the same.
    #[must_use]
    pub fn span(&self, mission: &MissionId, of: Of) -> Context {
        if of == Of::Mission {
            return self.root;
        }
        let span = NAME.with_borrow_mut(|name| {
            name.clear();
            name.extend([OF_SPAN, mission.as_str(), " "]);
            // Writing to a text never fails.
            write!(name, "{of}").ok();
            blake3::hash(name.as_bytes())
        });
        Context { span: first(span.as_bytes()), ..self.root }
    }

    /// What a span of the mission is a part of. None: it is the root.
    #[must_use]
    pub fn above(&self, mission: &MissionId, of: Of) -> Option<Context> {
        of.above().map(|above| self.span(mission, above))
    }
}

fn trace_of(mission: &MissionId) -> [u8; 16] {
    first(blake3::hash(format!("coditect.trace {mission}").as_bytes()).as_bytes())
}

fn first<const N: usize>(hash: &[u8; 32]) -> [u8; N] {
    std::array::from_fn(|at| hash[at])
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |four: u8| char::from(DIGITS[usize::from(four & 15)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// Bytes of lower-case hexadecimal, which is the only kind that the standard has.
fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failing test panics")]

    use super::*;

    fn mission() -> MissionId {
        MissionId::parse("m-abc").unwrap()
    }

    #[test]
    fn a_context_survives_the_way() {
        let attempt = Context::of_attempt(&mission(), AttemptId(3));
        assert_eq!(Context::parse(&attempt.to_string()), Some(attempt));
        assert_eq!(attempt.trace_id(), Context::of_mission(&mission()).trace_id());
        assert_ne!(attempt.span_id(), Context::of_mission(&mission()).span_id());
        let below = attempt.below("fetch");
        assert_eq!((below.trace_id(), below), (attempt.trace_id(), attempt.below("fetch")));
        // Also of one that is not told.
        let left = attempt.sampled(false);
        assert!(left.to_string().ends_with("-00") && Context::parse(&left.to_string()) == Some(left));
        assert_eq!(
            (left.below("fetch").span_id(), left.below("fetch").is_sampled()),
            (below.span_id(), false)
        );
        assert_ne!(below.span_id(), attempt.below("perform").span_id());
        assert_ne!(Context::of_mission(&MissionId::parse("m-other").unwrap()).trace_id(), attempt.trace_id());
    }

    #[test]
    fn the_spans_of_a_mission_are_those_of_its_trace() {
        let trace = MissionTrace::new(&mission());
        let span = |of: Of| trace.span(&mission(), of);
        assert_eq!(span(Of::Attempt(AttemptId(3))), Context::of_attempt(&mission(), AttemptId(3)));
        let question = Context::of_piece(&mission(), "question 12");
        assert_eq!(span(Of::Approval(coditect_types::ApprovalId(12))), question);
        assert_eq!((span(Of::Mission), trace.root()), (Context::of_mission(&mission()), trace.root));
        let run = |n: u32| Of::Run(AttemptId(3), n);
        assert_eq!(span(run(0)), Context::of_piece(&mission(), "a3 run 0"));
        assert_ne!(span(run(0)), span(run(1)));
        let above = |of: Of| trace.above(&mission(), of);
        assert_eq!(above(run(1)), Some(span(Of::Attempt(AttemptId(3)))));
        assert_eq!((above(Of::Attempt(AttemptId(3))), above(Of::Mission)), (Some(trace.root), None));
    }

    #[test]
    fn only_what_the_standard_has_is_a_context() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        for good in [format!("00-{trace}-{span}-01"), format!("01-{trace}-{span}-00-more of it")] {
            let context = Context::parse(&good).unwrap();
            assert_eq!((context.trace_id().as_str(), context.span_id().as_str()), (trace, span));
        }
        for bad in [
            String::new(),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-01-more"),
            format!("00-{trace}-{span}-1"),
            format!("01-{trace}-{span}-00x"),
            format!("ff-{trace}-{span}-01"),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{trace}-{span}-é1"),
            "-".repeat(1_000),
        ] {
            assert_eq!(Context::parse(&bad), None, "{bad}");
        }
    }
}
