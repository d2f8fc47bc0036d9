//! Spans of a mission's trace: values, which the adapters write in the forms that others read.

use std::borrow::Cow;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::ids::{ApprovalId, AttemptId, TaskId};

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A word of ours, or a name.
    Text(Cow<'static, str>),
    /// Several of these.
    Texts(Vec<Cow<'static, str>>),
    /// A task, by its id.
    Task(TaskId),
    /// An attempt, by its id.
    Attempt(AttemptId),
    /// A count.
    Count(u64),
    /// A measure.
    Measure(f64),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Texts(texts) => to.collect_seq(texts),
            Self::Task(task) => to.collect_str(task),
            Self::Attempt(attempt) => to.collect_str(attempt),
            Self::Count(n) => to.serialize_u64(*n),
            Self::Measure(measure) => to.serialize_f64(*measure),
        }
    }
}

impl From<&'static str> for Value {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }
}

impl From<Vec<String>> for Value {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts.into_iter().map(Cow::Owned).collect())
    }
}

impl From<TaskId> for Value {
    fn from(task: TaskId) -> Self {
        Self::Task(task)
    }
}

impl From<AttemptId> for Value {
    fn from(attempt: AttemptId) -> Self {
        Self::Attempt(attempt)
    }
}

impl From<u64> for Value {
    fn from(n: u64) -> Self {
        Self::Count(n)
    }
}

impl From<f64> for Value {
    fn from(n: f64) -> Self {
        Self::Measure(n)
    }
}

/// Attributes, in the order in which they were set.
pub type Attributes = Vec<(&'static str, Value)>;

/// Attributes of most spans: there is room for so many from the beginning.
const USUAL: usize = 10;

/// What a span is of. Written, it is what tells the span from the others of its mission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// The whole mission: the root.
    Mission,
    /// An attempt.
    Attempt(AttemptId),
    /// A question to a person.
    Approval(ApprovalId),
    /// A run in a sandbox, of those that an attempt tells of, by its place among them.
    Run(AttemptId, u32),
}

impl Of {
    /// What it is a part of. None: it is the whole.
    #[must_use]
    pub fn above(self) -> Option<Self> {
        match self {
            Self::Mission => None,
            Self::Attempt(_) | Self::Approval(_) => Some(Self::Mission),
            Self::Run(attempt, _) => Some(Self::Attempt(attempt)),
        }
    }
}

impl fmt::Display for Of {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mission => f.write_str("mission"),
            Self::Attempt(attempt) => attempt.fmt(f),
            Self::Approval(approval) => write!(f, "question {approval}"),
            Self::Run(attempt, n) => write!(f, "{attempt} run {n}"),
        }
    }
}

/// Something that happened within a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Happened {
    /// When, ms since 1970.
    pub at_ms: u64,
    /// What.
    pub name: &'static str,
    /// More of it.
    pub attributes: Attributes,
}

/// A piece of work with a beginning and an end.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// What it is of.
    pub of: Of,
    /// Its name.
    pub name: Cow<'static, str>,
    /// When it began, µs since 1970. Records have ms: only of what is within an attempt more is known.
    pub start_us: u64,
    /// When it ended; None: it has not.
    pub end_us: Option<u64>,
    /// What is known of it.
    pub attributes: Attributes,
    /// What happened meanwhile.
    pub events: Vec<Happened>,
    /// Why it is taken for a failure, if it is.
    pub error: Option<String>,
}

impl Span {
    /// One that begins.
    #[must_use]
    pub fn new(of: Of, name: impl Into<Cow<'static, str>>, start_us: u64) -> Self {
        let (name, attributes) = (name.into(), Vec::with_capacity(USUAL));
        Self { of, name, start_us, end_us: None, attributes, events: Vec::new(), error: None }
    }

    /// Says more of it.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        self.attributes.push((name, value.into()));
    }

    /// Whether a model is asked in it.
    #[must_use]
    pub fn asks_model(&self) -> bool {
        self.name.starts_with("chat ")
    }

    /// Whether it waits for somebody outside: a model, a person.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.asks_model() || matches!(self.of, Of::Approval(_))
    }
}
