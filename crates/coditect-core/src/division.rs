//! How the work of a mission falls into strands: red tests that need different files. Pure, from what was found out about
//! each test.

use std::collections::{BTreeMap, BTreeSet};

use coditect_types::{Reach, Strand, StrandId};

/// Strands of one mission at most.
const MOST: usize = 64;
/// Sets of tests that are looked at; a project with more red ones is not in parts but broken.
const MOST_SETS: usize = 512;
/// A file that more than this part of the sets reach, in quarters, tells nothing of where one of them is red.
const NEARLY_ALL: usize = 3;
/// Fewer sets than this share no file by mere custom: where two need the same file, that may be the one to change.
const FEW: usize = 3;

/// Tests that need the same files.
struct Needs<'a> {
    /// Places of the tests in the list of red ones.
    tests: Vec<usize>,
    files: BTreeSet<&'a str>,
}

/// The strands that the `red` tests fall into, at most `most`, in the order of their tests. None: the work is one piece,
/// or it cannot be told.
///
/// Sets of tests that need a file in common are one strand; files that nearly all reach count only where an error was
/// raised in them. A test that needs nothing but files of several strands looks at their sum: it belongs to none of them.
#[must_use]
pub fn divide(reach: &[Reach], red: &[String], most: usize) -> Option<Vec<Strand>> {
    let mut sets = needs(reach, red)?;
    // The ones that need least say what the pieces are.
    sets.sort_by_key(|set| (set.files.len(), set.tests.first().copied()));
    let mut pieces: Vec<Needs<'_>> = Vec::new();
    for set in sets {
        let touches = |piece: &Needs<'_>| !piece.files.is_disjoint(&set.files);
        let known = |file: &&str| pieces.iter().any(|piece| piece.files.contains(file));
        let touched = pieces.iter().filter(|piece| touches(piece)).count();
        if touched > 1 && set.files.iter().all(known) {
            continue;
        }
        let (near, mut others): (Vec<_>, Vec<_>) = pieces.into_iter().partition(touches);
        others.push(near.into_iter().fold(set, joined));
        pieces = others;
    }
    pieces.iter_mut().for_each(|piece| piece.tests.sort_unstable());
    pieces.sort_by_key(|piece| piece.tests.first().copied());
    let strands = packed(pieces, most.min(MOST)).into_iter().zip(1..);
    let strands: Vec<Strand> = strands.map(|(piece, id)| strand(piece, StrandId(id), red)).collect();
    (strands.len() > 1).then_some(strands)
}

/// What each set of red tests needs. None: of some it cannot be told.
fn needs<'a>(reach: &'a [Reach], red: &[String]) -> Option<Vec<Needs<'a>>> {
    let places: BTreeMap<&str, usize> = red.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    let mut known = BTreeSet::new();
    let mut sets: Vec<(&Reach, Vec<usize>)> = Vec::new();
    for one in reach {
        let tests: Vec<usize> = one.tests.iter().filter_map(|id| places.get(id.as_str()).copied()).collect();
        if !tests.is_empty() {
            known.extend(tests.iter().copied());
            sets.push((one, tests));
        }
    }
    if known.len() < red.len() || sets.len() < 2 || sets.len() > MOST_SETS {
        return None;
    }
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    for (one, _) in &sets {
        let files: BTreeSet<&str> = one.files.iter().map(String::as_str).collect();
        files.into_iter().for_each(|file| *count.entry(file).or_insert(0) += 1);
    }
    let all = sets.len();
    let is_shared = |file: &str| all >= FEW && count.get(file).is_some_and(|n| n * 4 > all * NEARLY_ALL);
    let of = |(one, tests): (&'a Reach, Vec<usize>)| {
        let own = one.files.iter().map(String::as_str).filter(|file| !is_shared(file));
        let files: BTreeSet<&str> = own.chain(one.raised.iter().map(String::as_str)).collect();
        (!files.is_empty()).then_some(Needs { tests, files })
    };
    sets.into_iter().map(of).collect()
}

fn joined<'a>(mut one: Needs<'a>, other: Needs<'a>) -> Needs<'a> {
    one.tests.extend(other.tests);
    one.files.extend(other.files);
    one
}

/// At most `most` pieces: neighbours are put together.
fn packed(pieces: Vec<Needs<'_>>, most: usize) -> Vec<Needs<'_>> {
    let (all, most) = (pieces.len(), most.max(1));
    if all <= most {
        return pieces;
    }
    let mut packed: Vec<Needs<'_>> = Vec::new();
    for (at, piece) in pieces.into_iter().enumerate() {
        let begins = packed.len() <= at * most / all;
        match packed.pop() {
            Some(last) if !begins => packed.push(joined(last, piece)),
            last => packed.extend(last.into_iter().chain([piece])),
        }
    }
    packed
}

fn strand(piece: Needs<'_>, id: StrandId, red: &[String]) -> Strand {
    let tests = piece.tests.iter().filter_map(|at| red.get(*at).cloned()).collect();
    Strand { id, tests, files: piece.files.into_iter().map(str::to_owned).collect() }
}

#[cfg(test)]
mod tests;
