//! The git workspace against real repositories in temporary directories, made by the real git.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test that cannot be set up has nothing better to do than to panic"
)]

mod apply;
mod carry;
mod commit;
mod crash;
mod hand_over;
mod hostile;
mod moment;
mod odd_repositories;
mod packs;
mod snapshot;
mod support;
mod worktree;
