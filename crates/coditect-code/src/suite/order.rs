//! Another order of tests: what a test leaves behind shows where others run after it that ran before it.

use std::collections::BTreeMap;

use coditect_types::Project;
use coditect_types::project::Framework;

/// Whether the order of a run can be chosen without changing the project. Of other frameworks the order is their own business: libtest
/// of stable Rust, Node's own runner and Mocha know no other.
#[must_use]
pub fn can_order(project: &Project) -> bool {
    match project.framework {
        Framework::GoTest | Framework::Junit | Framework::Jest | Framework::Vitest => true,
        Framework::CargoTest | Framework::NodeTest | Framework::Mocha | Framework::Command => false,
        Framework::Unittest | Framework::Pytest | Framework::Doctest => orders_selected(project),
    }
}

/// Whether tests run in the order in which they are selected, as those of Python's runner do.
#[must_use]
pub fn orders_selected(project: &Project) -> bool {
    matches!(project.framework, Framework::Unittest | Framework::Pytest | Framework::Doctest)
}

/// The tests in another order, the same one for the same seed: files, groups within them and tests within these are shuffled, so that
/// what is set up for a group is still set up once.
#[must_use]
pub fn shuffled(ids: &[String], seed: u64) -> Vec<String> {
    let mut numbers = Numbers(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0x9e37_79b9_7f4a_7c15);
    let mut files: BTreeMap<&str, BTreeMap<&str, Vec<&String>>> = BTreeMap::new();
    for id in ids {
        let file = id.split("::").next().unwrap_or_default();
        let group = id.rsplit_once("::").map_or("", |(group, _)| group);
        files.entry(file).or_default().entry(group).or_default().push(id);
    }
    let mut files: Vec<_> = files.into_values().collect();
    numbers.shuffle(&mut files);
    let mut order = Vec::with_capacity(ids.len());
    for groups in files {
        let mut groups: Vec<_> = groups.into_values().collect();
        numbers.shuffle(&mut groups);
        for mut tests in groups {
            numbers.shuffle(&mut tests);
            order.extend(tests.into_iter().cloned());
        }
    }
    order
}

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from((z ^ (z >> 31)) % end).unwrap_or(0)
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_the_same_for_a_seed_and_keeps_groups_together() {
        let ids: Vec<String> = ["a.py::A::t1", "a.py::A::t2", "a.py::B::t1", "b.py::t", "c.py::C::t"]
            .map(str::to_owned)
            .to_vec();
        let orders: Vec<Vec<String>> = (1..=8).map(|seed| shuffled(&ids, seed)).collect();
        for order in &orders {
            let mut sorted = order.clone();
            sorted.sort();
            assert_eq!(sorted, ids);
            let place = |id: &str| order.iter().position(|other| other == id).unwrap();
            assert_eq!(place("a.py::A::t1").abs_diff(place("a.py::A::t2")), 1, "{order:?}");
        }
        assert_eq!(orders[0], shuffled(&ids, 1));
        let different: std::collections::BTreeSet<&Vec<String>> = orders.iter().collect();
        assert!(different.len() > 4, "{orders:?}");
        assert!(orders.iter().any(|order| order[0] != ids[0]) && shuffled(&[], 1).is_empty());
    }
}
