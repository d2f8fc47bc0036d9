//! Which missions have no process any more, so that somebody is to go on with them: decided from what is seen of them at each look.
//!
//! It reads no clock and no journal. Whoever looks says what time it is and answers what is asked, so that the simulator drives the same
//! code as `coditect serve`.

use std::collections::{BTreeMap, BTreeSet};

use coditect_types::MissionId;

/// How often it is looked, ms.
pub const LOOK_EVERY_MS: u64 = 2_000;
/// How long a process is with others on a server before it believes what it hears there, ms: each says every few seconds what it has.
pub const LISTENS_FOR_MS: u64 = 8_000;
/// A mission is taken up that no process had at so many looks in a row: one that has just begun, or is about to end, is let be.
const LOOKS: u32 = 2;
/// Nor one that wrote something so short a time ago, ms: a fork is copied before its process has it.
const QUIET_MS: u64 = 30_000;
/// How often a mission is taken up that comes no further; one whose process dies each time is a person's to look at.
pub const TRIES: u32 = 8;
/// Between two tries lies twice as much as before that, from the first pause on and up to the longest, ms.
const PAUSE_MS: u64 = 5_000;
const LONGEST_MS: u64 = 300_000;
/// Missions that are taken up at one look: each is a process.
const AT_ONCE: usize = 4;

/// What can be seen of missions, by whoever looks.
pub trait Eyes {
    /// Whether no process is known to have the mission.
    fn is_free(&self, mission: &MissionId) -> bool;
    /// Whether it can be gone on with here. It may take a while to say, and is asked last.
    fn is_at_hand(&self, mission: &MissionId) -> bool;
    /// How long ago its newest record was written, by the clock of whoever wrote it and ours, ms. None: nobody knows.
    fn newest_age_ms(&self, mission: &MissionId, last_seq: u64) -> Option<u64>;
    /// Whether an attempt has ended behind this record.
    fn came_further(&self, mission: &MissionId, behind: u64) -> bool;
}

/// What one process knows of missions that may have none.
#[derive(Debug, Default)]
pub struct Lookout {
    /// At how many looks in a row they had none.
    alone: BTreeMap<MissionId, u32>,
    tried: BTreeMap<MissionId, Tried>,
    /// Where they stood, and since when.
    seen: BTreeMap<MissionId, (u64, u64)>,
}

/// How often a mission was taken up.
#[derive(Clone, Copy, Debug)]
struct Tried {
    /// Where it stood the last time.
    seq: u64,
    times: u32,
    /// Not again before, ms.
    until_ms: u64,
}

impl Lookout {
    /// Looks at the missions that have not ended, each with the number of its newest record, and gives those that are to be taken up
    /// now. `now_ms` is of a clock of this process that never goes back.
    pub fn look(
        &mut self,
        now_ms: u64,
        open: &[(MissionId, u64)],
        eyes: &impl Eyes,
    ) -> Vec<(MissionId, u64)> {
        for (mission, last_seq) in open {
            self.looks_at(now_ms, mission, *last_seq, eyes);
        }
        let is_alone = |(mission, last_seq): &&(MissionId, u64)| {
            self.may_try(now_ms, mission)
                && eyes.is_free(mission)
                && self.is_quiet(now_ms, mission, *last_seq, eyes)
                && eyes.is_at_hand(mission)
        };
        let alone: BTreeMap<MissionId, u64> = open.iter().filter(is_alone).cloned().collect();
        let is_open: BTreeSet<&MissionId> = open.iter().map(|(mission, _)| mission).collect();
        self.seen.retain(|mission, _| is_open.contains(mission));
        self.alone.retain(|mission, _| alone.contains_key(mission));
        alone.keys().for_each(|mission| *self.alone.entry(mission.clone()).or_default() += 1);
        let long = alone.into_iter().filter(|(mission, _)| self.alone.get(mission) >= Some(&LOOKS));
        let due: Vec<(MissionId, u64)> = long.take(AT_ONCE).collect();
        self.alone.retain(|mission, _| due.iter().all(|(taken, _)| taken != mission));
        due
    }

    /// Nothing could be seen: whoever was alone may have a process by now.
    pub fn sees_nothing(&mut self) {
        self.alone.clear();
    }

    /// Counts one more try, and gives how many there were since the mission came further: the last one is [`TRIES`].
    pub fn tries(&mut self, now_ms: u64, mission: &MissionId, last_seq: u64) -> u32 {
        let fresh = Tried { seq: last_seq, times: 0, until_ms: now_ms };
        let tried = self.tried.entry(mission.clone()).or_insert(fresh);
        tried.seq = last_seq;
        tried.until_ms = now_ms + LONGEST_MS.min(PAUSE_MS << tried.times.min(8));
        tried.times += 1;
        tried.times
    }

    /// Whether it was taken up as often as it is, and came no further.
    #[must_use]
    pub fn gave_up(&self, mission: &MissionId) -> bool {
        self.tried.get(mission).is_some_and(|tried| tried.times >= TRIES)
    }

    /// Notes whether a mission has grown, and whether it came further since it was taken up.
    fn looks_at(&mut self, now_ms: u64, mission: &MissionId, last_seq: u64, eyes: &impl Eyes) {
        let seen = self.seen.entry(mission.clone()).or_insert((last_seq, now_ms));
        if seen.0 != last_seq {
            *seen = (last_seq, now_ms);
        }
        let Some(tried) = self.tried.get_mut(mission).filter(|tried| tried.times > 0 && tried.seq < last_seq)
        else {
            return;
        };
        if eyes.came_further(mission, tried.seq) {
            tried.times = 0;
        }
        tried.seq = last_seq;
    }

    /// Whether nothing was written to a mission for a while: by the clock of whoever wrote it, or, since that may be wrong, by our own.
    fn is_quiet(&self, now_ms: u64, mission: &MissionId, last_seq: u64, eyes: &impl Eyes) -> bool {
        self.seen.get(mission).is_some_and(|(_, since_ms)| now_ms.saturating_sub(*since_ms) >= QUIET_MS)
            || eyes.newest_age_ms(mission, last_seq).is_some_and(|age_ms| age_ms >= QUIET_MS)
    }

    fn may_try(&self, now_ms: u64, mission: &MissionId) -> bool {
        self.tried.get(mission).is_none_or(|tried| tried.times < TRIES && tried.until_ms <= now_ms)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use super::*;

    struct Seen {
        free: bool,
        age_ms: Option<u64>,
        further: bool,
    }

    impl Eyes for Seen {
        fn is_free(&self, _: &MissionId) -> bool {
            self.free
        }

        fn is_at_hand(&self, _: &MissionId) -> bool {
            true
        }

        fn newest_age_ms(&self, _: &MissionId, _: u64) -> Option<u64> {
            self.age_ms
        }

        fn came_further(&self, _: &MissionId, _: u64) -> bool {
            self.further
        }
    }

    fn mission() -> MissionId {
        MissionId::parse("m-1").unwrap()
    }

    #[test]
    fn a_mission_that_comes_no_further_is_left_to_a_person() {
        let (mut lookout, mission) = (Lookout::default(), mission());
        let quiet = Seen { free: true, age_ms: Some(QUIET_MS), further: false };
        let mut now_ms = 0;
        for times in 1..=TRIES {
            // Each writes that it was taken up, and what it began, and comes to no end of that.
            let last_seq = 7 * u64::from(times);
            let mut due = Vec::new();
            while due.is_empty() {
                now_ms += LOOK_EVERY_MS;
                assert!(now_ms < 3_600_000, "it rests for too long before try {times}");
                due = lookout.look(now_ms, &[(mission.clone(), last_seq)], &quiet);
            }
            assert_eq!(lookout.tries(now_ms, &mission, last_seq), times);
            assert!(!lookout.may_try(now_ms, &mission), "it rests");
            assert!(lookout.may_try(now_ms + LONGEST_MS, &mission) == (times < TRIES));
        }
        assert!(lookout.gave_up(&mission));
        now_ms += LONGEST_MS;
        assert_eq!(lookout.look(now_ms, &[(mission.clone(), 60)], &quiet), []);
        // A person went on with it, and it came further.
        let further = Seen { free: false, further: true, ..quiet };
        lookout.look(now_ms, &[(mission.clone(), 70)], &further);
        assert!(!lookout.gave_up(&mission));
        assert_eq!(lookout.tries(now_ms, &mission, 99), 1);
        assert!(lookout.may_try(now_ms + PAUSE_MS, &mission));
    }

    #[test]
    fn only_what_is_alone_and_quiet_twice_in_a_row_is_taken_up() {
        let (mut lookout, open) = (Lookout::default(), [(mission(), 5)]);
        let lively = Seen { free: true, age_ms: Some(10), further: false };
        let quiet = Seen { age_ms: Some(QUIET_MS), ..lively };
        let held = Seen { free: false, age_ms: Some(QUIET_MS), further: false };
        assert_eq!(lookout.look(0, &open, &lively), []);
        assert_eq!(lookout.look(2_000, &open, &quiet), []);
        assert_eq!(lookout.look(4_000, &open, &held), [], "it has a process again");
        assert_eq!(lookout.look(6_000, &open, &quiet), []);
        lookout.sees_nothing();
        assert_eq!(lookout.look(8_000, &open, &quiet), []);
        assert_eq!(lookout.look(10_000, &open, &quiet), open);
    }

    #[test]
    fn a_clock_that_is_ahead_hides_nothing_for_ever() {
        let (mut lookout, open) = (Lookout::default(), [(mission(), 5)]);
        // Whoever wrote it lives a day later than we do.
        let ahead = Seen { free: true, age_ms: Some(0), further: false };
        let due = (0..30).find(|look| !lookout.look(look * LOOK_EVERY_MS, &open, &ahead).is_empty());
        assert!(due.is_some_and(|look| look * LOOK_EVERY_MS >= QUIET_MS), "{due:?}");
    }
}
