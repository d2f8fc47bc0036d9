//! Which pages of a memory are written in run after run, and which only now and then.
//!
//! A page that stays private is copied back after every run, whether it was written or not: nobody tells. What a single run
//! wrote, a long output say, would be copied thousands of times. So a page is kept only when it has been written in a good
//! part of the runs; any other is given back, and the next run that wants it takes a page fault.

use std::collections::HashMap;
use std::ops::Range;

use super::HOST_PAGE;

/// A page is kept when one of so many runs wrote to it. A fault and the scan after it cost a run about as much as it costs to
/// copy a few hundred pages, so even rare ones are kept while they are few.
const OFTEN: u32 = 150;

/// Runs that must have found a page private before it is kept.
const AT_LEAST: u32 = 2;

#[derive(Debug, Default)]
pub(super) struct Often {
    runs: u32,
    /// The addresses of pages that are kept, in order.
    kept: Vec<Range<usize>>,
    /// In how many runs a page that is not kept was private, by its address.
    seen: HashMap<usize, u32>,
}

impl Often {
    /// The pages that are kept.
    pub(super) fn kept(&self) -> &[Range<usize>] {
        &self.kept
    }

    /// A run ended that made no page private.
    pub(super) fn same(&mut self) {
        self.runs = self.runs.saturating_add(1);
    }

    /// A run ended after which these pages are private, in order; the kept ones are among them. The answer: those that are
    /// to be given back.
    pub(super) fn divide(&mut self, private: &[Range<usize>]) -> Vec<Range<usize>> {
        self.same();
        let mut kept = std::mem::take(&mut self.kept).into_iter().flat_map(pages).peekable();
        let (mut keep, mut give_back) = (Vec::new(), Vec::new());
        for page in private.iter().cloned().flat_map(pages) {
            while kept.next_if(|known| *known < page).is_some() {}
            let is_kept = kept.next_if_eq(&page).is_some() || self.is_often(page);
            join(if is_kept { &mut keep } else { &mut give_back }, page);
        }
        drop(kept);
        self.kept = keep;
        give_back
    }

    fn is_often(&mut self, page: usize) -> bool {
        let seen = self.seen.entry(page).or_default();
        *seen = seen.saturating_add(1);
        let is_often = *seen >= AT_LEAST && seen.saturating_mul(OFTEN) >= self.runs;
        if is_often {
            self.seen.remove(&page);
        }
        is_often
    }
}

fn pages(range: Range<usize>) -> impl Iterator<Item = usize> {
    range.step_by(HOST_PAGE)
}

/// Adds a page behind all others.
fn join(ranges: &mut Vec<Range<usize>>, page: usize) {
    match ranges.last_mut() {
        Some(last) if last.end == page => last.end += HOST_PAGE,
        Some(_) | None => ranges.push(page..page + HOST_PAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: usize, end: usize) -> Range<usize> {
        first * HOST_PAGE..end * HOST_PAGE
    }

    #[test]
    fn a_page_is_kept_from_the_second_time_on() {
        let mut often = Often::default();
        assert_eq!(often.divide(&[range(3, 6), range(9, 10)]), [range(3, 6), range(9, 10)]);
        assert!(often.kept().is_empty());
        assert_eq!(often.divide(&[range(2, 5), range(9, 10)]), [range(2, 3)]);
        assert_eq!(often.kept(), [range(3, 5), range(9, 10)]);
        // What is kept is private ever after, next to what is not.
        assert_eq!(often.divide(&[range(2, 6), range(9, 11)]), [range(10, 11)]);
        assert_eq!(often.kept(), [range(2, 6), range(9, 10)]);
    }

    #[test]
    fn a_page_that_is_written_now_and_then_is_given_back_each_time() {
        let mut often = Often::default();
        for _ in 0..20 {
            assert_eq!(often.divide(&[range(7, 8)]).len(), usize::from(often.kept().is_empty()));
            assert_eq!(often.divide(&[range(7, 8), range(100, 101)]).last(), Some(&range(100, 101)));
            for _ in 0..OFTEN * 2 {
                often.same();
            }
        }
        assert_eq!(often.kept(), [range(7, 8)]);
    }
}
