//! What a person narrows a search to, and in which form they want its result.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::MissionId;

/// Runners-up that are told where nobody asked for more.
pub const RUNNERS_UP: u32 = 5;

/// Where to look and what to turn green. Empty lists narrow nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Focus {
    /// Only these files are changed: paths below the person's directory; a directory stands for what is in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Only functions with these names are changed (`total`, or `Ledger.total` for a method).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// Only these tests are to turn green, see [`Focus::wants_test`]; other red ones may stay red.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<String>,
    /// Also tell every other change that passes, each with a proof of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all: bool,
    /// Test snapshots, which tests compare with, may be written anew where they are stale.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub test_snapshots: bool,
    /// Ground that an earlier search covered and that need not be looked at again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covered: Option<Ground>,
    /// What a change is to be, by the rules that read the request.
    #[serde(skip_serializing_if = "Aim::is_default")]
    pub aim: Aim,
}

/// What a change is to be, as far as tests and texts can show it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Aim {
    /// Red tests turn green.
    #[default]
    TurnTestsGreen,
    /// The code is written another way and does what it did: no test changes its result.
    KeepBehaviour,
    /// Comments and documents change, and no code does.
    KeepCode,
    /// Tests are added that pass on the code as it is.
    AddTests,
    /// A name is replaced by another one wherever it stands.
    Rename {
        /// The name as it is.
        from: String,
        /// The name as it is to be.
        to: String,
    },
}

impl Aim {
    /// Its kind, without what it is about.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::TurnTestsGreen => "turn_tests_green",
            Self::KeepBehaviour => "keep_behaviour",
            Self::KeepCode => "keep_code",
            Self::AddTests => "add_tests",
            Self::Rename { .. } => "rename",
        }
    }

    /// True where it is what every mission aimed at before there were others.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::TurnTestsGreen
    }

    /// True where a change may touch files of tests.
    #[must_use]
    pub fn touches_tests(&self) -> bool {
        matches!(self, Self::AddTests | Self::Rename { .. })
    }
}

impl Focus {
    /// True where a test is one of those that are to turn green: none is where the change aims at something else. A test is
    /// named by its whole id, by the beginning of one up to a `::` (a file, a class), or by its end after one.
    #[must_use]
    pub fn wants_test(&self, id: &str) -> bool {
        self.aim.is_default() && (self.tests.is_empty() || self.tests.iter().any(|name| is_named(id, name)))
    }

    /// The names of tests that fit none of these ids.
    #[must_use]
    pub fn unknown_tests<'a>(&'a self, ids: &[&str]) -> Vec<&'a str> {
        let unknown = |name: &&String| !ids.iter().any(|id| is_named(id, name));
        self.tests.iter().filter(unknown).map(String::as_str).collect()
    }
}

fn is_named(id: &str, name: &str) -> bool {
    let ends_at = |rest: Option<&str>| rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    let begins_at = |rest: Option<&str>| rest.is_some_and(|rest| rest.is_empty() || rest.ends_with("::"));
    !name.is_empty() && (ends_at(id.strip_prefix(name)) || begins_at(id.strip_suffix(name)))
}

/// How far a search has come: candidates come in an order that only the problem decides, so their number says which
/// ones they were.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ground {
    /// Which problem: BLAKE3 over this build, the files, the tests, the suspects, the words and the seed (hex).
    pub problem: String,
    /// Single candidates of that order that were judged, from the first on, none of which is a repair.
    pub judged: u64,
    /// Numbers in that order of those that did something: they are worth another look in pairs.
    pub near: Vec<u64>,
    /// The mission that covered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<MissionId>,
}

/// In which form the person gets a change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// A branch, or a patch file where there is no repository or it takes none.
    #[default]
    Branch,
    /// A patch file in the mission's own directory; nothing is added to the person's repository.
    Patch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_named_by_its_parts() {
        let focus = |name: &str| Focus { tests: vec![name.to_owned()], ..Focus::default() };
        let id = "tests/test_a.py::TestA::test_one";
        for name in [id, "tests/test_a.py", "tests/test_a.py::TestA", "test_one", "TestA::test_one"] {
            assert!(focus(name).wants_test(id), "{name}");
        }
        for name in ["", "tests/test_a", "one", "test_a.py", "TestA"] {
            assert!(!focus(name).wants_test(id), "{name}");
        }
        assert!(Focus::default().wants_test(id));
        assert_eq!(focus("test_two").unknown_tests(&[id]), ["test_two"]);
    }
}
