//! Worktrees for attempts that are at work at the same time: two of one mission never write to the same one.
//!
//! A worktree belongs to its purpose, and is brought back to a commit's content whenever it is asked for. So each attempt
//! takes a seat while it is at work, and its purposes are told apart by the seat's number; so are those of an attempt that
//! was given up and has not noticed yet. There are as many seats as attempts at once, and not as many as there are strands:
//! what is built in one is of use to the next.
//!
//! Of strands no more are at work than there are cores, however many agents there are: a test that shares a core with three
//! others takes four times as long, and would be taken for one that hangs.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use coditect_ports::{PortError, Stop};
use coditect_types::MissionId;

/// How often an attempt that waits for a seat looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// The seats that are taken.
#[derive(Debug, Default)]
pub(super) struct Seats {
    taken: Mutex<BTreeSet<(MissionId, usize)>>,
    left: Condvar,
}

/// One that is taken, until it is dropped.
#[derive(Debug)]
pub(super) struct Seat<'a> {
    seats: &'a Seats,
    mission: MissionId,
    number: usize,
}

impl Seats {
    /// The first seat of a mission that nobody has.
    pub(super) fn take(&self, mission: &MissionId) -> Seat<'_> {
        self.seat(self.lock(), mission)
    }

    /// The same once fewer than `most` are taken, by whatever missions.
    ///
    /// # Errors
    /// `Interrupted` where `stop` is raised before that.
    pub(super) fn wait(&self, mission: &MissionId, most: usize, stop: &Stop) -> Result<Seat<'_>, PortError> {
        let mut taken = self.lock();
        while taken.len() >= most.max(1) {
            if stop.is_raised() {
                return Err(crate::interrupted());
            }
            (taken, _) = self.left.wait_timeout(taken, LOOK).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(self.seat(taken, mission))
    }

    fn seat(&self, mut taken: MutexGuard<'_, BTreeSet<(MissionId, usize)>>, mission: &MissionId) -> Seat<'_> {
        let mut number = 0;
        while !taken.insert((mission.clone(), number)) {
            number += 1;
        }
        Seat { seats: self, mission: mission.clone(), number }
    }

    /// A lock that stays usable: a seat is in the set or it is not.
    fn lock(&self) -> MutexGuard<'_, BTreeSet<(MissionId, usize)>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat<'_> {
    /// What `name` is called at this seat. The first one has the names that an attempt alone has.
    pub(super) fn purpose(&self, name: &str) -> String {
        if self.number == 0 { name.to_owned() } else { format!("{name}-{}", self.number) }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.seats.lock().remove(&(self.mission.clone(), self.number));
        self.seats.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]
    use super::*;

    #[test]
    fn two_at_once_never_have_the_same_one() {
        let seats = Seats::default();
        let (one, other) = (MissionId::parse("m-one").unwrap(), MissionId::parse("m-other").unwrap());
        let first = seats.take(&one);
        let second = seats.take(&one);
        let elsewhere = seats.take(&other);
        let names = [&first, &second, &elsewhere].map(|seat| seat.purpose("reply"));
        assert_eq!(names, ["reply", "reply-1", "reply"]);
        drop(first);
        let (third, fourth) = (seats.take(&one), seats.take(&one));
        assert_eq!([third, fourth].map(|seat| seat.purpose("reply")), ["reply", "reply-2"]);
    }

    #[test]
    fn whoever_waits_gets_the_seat_that_is_left_or_stops() {
        let (seats, stop) = (Seats::default(), Stop::new());
        let mission = MissionId::parse("m-one").unwrap();
        let (first, second) = (seats.take(&mission), seats.wait(&mission, 2, &stop).unwrap());
        std::thread::scope(|scope| {
            let third = scope.spawn(|| seats.wait(&mission, 2, &stop).unwrap().purpose("reply"));
            drop(first);
            assert_eq!(third.join().unwrap(), "reply");
        });
        stop.raise(coditect_ports::StopCause::Cancelled);
        assert!(seats.wait(&mission, 1, &stop).is_err());
        drop(second);
        assert!(seats.wait(&mission, 1, &stop).is_ok());
    }

    #[test]
    fn a_seat_is_free_again_also_where_its_attempt_broke() {
        let seats = Seats::default();
        let mission = MissionId::parse("m-one").unwrap();
        let broke = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _seat = seats.take(&mission);
            panic!("it breaks");
        }));
        assert!(broke.is_err());
        assert_eq!(seats.take(&mission).purpose("reply"), "reply");
    }
}
