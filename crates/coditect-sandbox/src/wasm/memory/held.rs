//! Objects of the interpreter that stay for as long as its memory is kept, and their counts of references.
//!
//! CPython counts references in the object itself, so a run writes to nearly every page that holds an object which it as
//! much as looks at, and leaves it as it was. From a certain count on it takes an object for immortal (PEP 683) and counts no
//! more. The guest tells which objects it holds for good (`python/hot.py`), and here they are given such a count.

use serde::Deserialize;

/// What CPython 3.14 gives immortal objects where pointers have 32 bits (`_Py_IMMORTAL_INITIAL_REFCNT`).
const IMMORTAL: u32 = 5 << 28;

/// From here on it takes a count for that of an immortal object (`_Py_IMMORTAL_MINIMUM_REFCNT`).
const LEAST: u32 = 1 << 30;

/// Where the counts of such objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wasm) struct Held {
    /// Address of the list of their addresses, 32 bits each.
    list: u32,
    count: u32,
    /// An object, and what its count must be, if objects are laid out as they are expected to be.
    probe: (u32, u32),
}

impl Held {
    /// What the guest says of them in its answer.
    pub(in crate::wasm) fn told(answer: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer {
            held: Option<[u32; 4]>,
        }
        let Answer { held } = serde_json::from_str(answer).ok()?;
        let [list, count, place, references] = held?;
        Some(Self { list, count, probe: (place, references) })
    }

    /// Gives these objects a count that is never changed again. Nothing is changed where the memory is not as it was told:
    /// the guest is as good as before, and slower.
    pub(super) fn make_lasting(self, memory: &mut [u8]) {
        if let Some(places) = self.places(memory) {
            for place in places {
                memory[place..place + 4].copy_from_slice(&IMMORTAL.to_le_bytes());
            }
        }
    }

    /// Where counts are to be changed: all within the memory, and counts by their looks.
    fn places(self, memory: &[u8]) -> Option<Vec<usize>> {
        let word = |place: usize| {
            let bytes = memory.get(place..place.checked_add(4)?)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        let (probe, references) = self.probe;
        if word(probe as usize)? != references {
            return None;
        }
        let mut places = Vec::with_capacity(self.count.min(1 << 20) as usize);
        for number in 0..self.count as usize {
            let place = word(self.list as usize + number * 4)? as usize;
            match word(place)? {
                // Nobody has it, and yet it is held.
                0 => return None,
                LEAST.. => {}
                1.. => places.push(place),
            }
        }
        Some(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Vec<u8> {
        let words: [u32; 8] = [0, 3, 7, IMMORTAL, 4, 8, 12, 2];
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn told(held: &str) -> Held {
        Held::told(&format!("{{\"exit_code\":0,\"held\":{held}}}")).unwrap()
    }

    #[test]
    fn counts_are_made_lasting() {
        let mut changed = memory();
        told("[16, 3, 28, 2]").make_lasting(&mut changed);
        let words: Vec<u32> =
            changed.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
        assert_eq!(words, [0, IMMORTAL, IMMORTAL, IMMORTAL, 4, 8, 12, 2]);
    }

    #[test]
    fn a_memory_that_is_not_as_it_was_told_is_left_alone() {
        // The probe has another count; the list leaves the memory; an address does; a count of zero.
        for held in
            ["[16, 3, 28, 5]", "[16, 30, 28, 2]", "[8, 2, 28, 2]", "[0, 1, 28, 2]", "[4294967295, 2, 28, 2]"]
        {
            let mut same = memory();
            told(held).make_lasting(&mut same);
            assert_eq!(same, memory(), "{held}");
        }
        for answer in ["", "{}", "{\"held\":null}", "{\"held\":[1,2,3]}", "{\"held\":[-1,2,3,4]}"] {
            assert_eq!(Held::told(answer), None, "{answer}");
        }
    }
}
