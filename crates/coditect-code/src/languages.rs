//! The languages that we read: one table of their names, file names, tests and syntax.
//!
//! Nothing here knows how a language is repaired or how its tests are run; it is what those who do have in common.

use std::ops::Range;

use tree_sitter::{Node, Tree};

use crate::syntax::{Syntax, children, text_of};

pub use self::bodies::{Body, function_bodies};
pub(crate) use self::bodies::{is_function, name_of};
pub use self::tests_of::{is_test_code, is_test_path, test_regions};

mod bodies;
#[cfg(test)]
mod tests;
mod tests_of;

/// A language whose syntax is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Python 3.
    Python,
    /// Rust.
    Rust,
    /// JavaScript, with JSX.
    JavaScript,
    /// TypeScript without JSX: there `<T>x` is a cast.
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
    /// Go.
    Go,
    /// Java.
    Java,
}

impl Language {
    /// Every language.
    pub const ALL: &'static [Self] =
        &[Self::Python, Self::Rust, Self::JavaScript, Self::TypeScript, Self::Tsx, Self::Go, Self::Java];

    /// The language of a file, by its name. None: no language that we read.
    #[must_use]
    pub fn of_path(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or_default();
        let (stem, extension) = name.rsplit_once('.')?;
        let found = Self::ALL.iter().find(|language| language.extensions().contains(&extension))?;
        (!stem.is_empty()).then_some(*found)
    }

    /// Its name, as people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Python => "Python",
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::TypeScript => "TypeScript",
            Self::Tsx => "TSX",
            Self::Go => "Go",
            Self::Java => "Java",
        }
    }

    /// Extensions of its files, without the dot.
    #[must_use]
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Python => &["py"],
            Self::Rust => &["rs"],
            Self::JavaScript => &["js", "mjs", "cjs", "jsx"],
            Self::TypeScript => &["ts", "mts", "cts"],
            Self::Tsx => &["tsx"],
            Self::Go => &["go"],
            Self::Java => &["java"],
        }
    }

    /// Its grammar.
    #[must_use]
    pub fn grammar(self) -> tree_sitter::Language {
        match self {
            Self::Python => tree_sitter_python::LANGUAGE.into(),
            Self::Rust => tree_sitter_rust::LANGUAGE.into(),
            Self::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
            Self::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
            Self::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
            Self::Go => tree_sitter_go::LANGUAGE.into(),
            Self::Java => tree_sitter_java::LANGUAGE.into(),
        }
    }

    /// A parser for it. None: see [`Syntax::new`].
    #[must_use]
    pub fn syntax(self) -> Option<Syntax> {
        Syntax::new(&self.grammar())
    }

    /// True for JavaScript and what is made of it.
    #[must_use]
    pub fn is_script(self) -> bool {
        matches!(self, Self::JavaScript | Self::TypeScript | Self::Tsx)
    }
}

/// True where a node is a comment, in any of the grammars.
#[must_use]
pub fn is_comment(node: Node<'_>) -> bool {
    matches!(node.kind(), "comment" | "line_comment" | "block_comment" | "html_comment")
}
