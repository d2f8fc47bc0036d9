//! What is known of each task of a mission, in little room: a plan has many tasks of few kinds, and whoever folds a thousand missions at once
//! looks at another one's with each record.

use coditect_types::TaskId;

/// Kinds, and which tasks are of them.
#[derive(Debug)]
pub struct Kinds<K> {
    kinds: Vec<K>,
    /// By their numbers, in the order of these.
    of: Vec<(TaskId, u32)>,
}

impl<K> Default for Kinds<K> {
    fn default() -> Self {
        Self { kinds: Vec::new(), of: Vec::new() }
    }
}

impl<K: PartialEq> Kinds<K> {
    /// A task is of this kind, whatever it was before.
    pub fn set(&mut self, id: TaskId, kind: K) {
        // What was planned last is alike, as a rule.
        let known = self.kinds.iter().rposition(|one| *one == kind);
        let at = known.unwrap_or_else(|| {
            self.kinds.push(kind);
            self.kinds.len() - 1
        });
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        // They are numbered in the order of planning: this is the end, as a rule.
        match self.of.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(place) => self.of[place].1 = at,
            Err(place) => self.of.insert(place, (id, at)),
        }
    }

    /// The kind of a task.
    #[must_use]
    pub fn get(&self, id: TaskId) -> Option<&K> {
        // Their numbers are their places, as a rule.
        let place = (id.0 as usize).wrapping_sub(1);
        let at = match self.of.get(place) {
            Some((known, at)) if *known == id => *at,
            Some(_) | None => {
                let place = self.of.binary_search_by_key(&id, |(id, _)| *id).ok()?;
                self.of.get(place)?.1
            }
        };
        self.kinds.get(at as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_task_has_its_own_kind_whatever_its_number() {
        let mut kinds = Kinds::default();
        for (id, kind) in [(1, "a"), (2, "b"), (3, "a"), (7, "c"), (5, "a"), (u32::MAX, "b"), (2, "c")] {
            kinds.set(TaskId(id), kind);
        }
        let of = |id: u32| kinds.get(TaskId(id)).copied();
        let all = [1, 2, 3, 4, 5, 6, 7, 0, u32::MAX].map(of);
        let wanted = [Some("a"), Some("c"), Some("a"), None, Some("a"), None, Some("c"), None, Some("b")];
        assert_eq!(all, wanted);
        assert_eq!(kinds.kinds.len(), 3);
    }
}
