//! Changes written as text: whole files in fenced blocks, blocks to search and replace, unified diffs. They are read
//! leniently, since whoever wrote them forgets a fence or indents too far, and applied exactly: a change of which it is not
//! certain where it belongs is refused with the reason.
//!
//! The forms are those that people and models write: fenced blocks of Markdown (CommonMark 0.31, 4.5), blocks with the
//! markers of a merge conflict, and the unified format of diff (POSIX.1-2024, `diff -u`).

mod apply;
mod parts;
mod paths;
mod read;

pub use apply::{Applied, Refused, apply, apply_in_part};
pub use parts::{Shown, may_be_in_part};
pub use read::{needs, read, read_functions};

/// A change of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The whole new text of a file.
    Whole {
        /// The file.
        path: String,
        /// Its text.
        text: String,
    },
    /// Lines that others take the place of.
    Replace {
        /// The file.
        path: String,
        /// The lines that stand there; empty for a new file.
        search: String,
        /// The lines to put there.
        replace: String,
    },
    /// The hunks of a diff, each the lines that stand there and those to put there.
    Hunks {
        /// The file.
        path: String,
        /// Line where it is said to stand (from 1), old lines, new lines.
        hunks: Vec<(usize, String, String)>,
    },
    /// A block that ended with the text and not with its fence: what is missing is not known.
    Broken {
        /// The file.
        path: String,
    },
}

impl Change {
    /// The file that it changes.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Whole { path, .. }
            | Self::Replace { path, .. }
            | Self::Hunks { path, .. }
            | Self::Broken { path } => path,
        }
    }
}

#[cfg(test)]
mod tests;
