//! Doors with the same users tell each other how much each user was let through, where missions are on a server that they share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coditect_ports::{PortError, Stop, WorldStore};
use coditect_server::Pace;
use coditect_types::{Expected, FactKey};

use crate::wiring::{self, Open};

/// What facts of doors are called.
const KIND: &str = "pace";
/// How often they tell each other, and how long a door is remembered that tells nothing any more.
const EVERY: Duration = Duration::from_secs(1);
const KEPT: Duration = Duration::from_secs(60);
/// How long a store that did not answer is left alone: until then each door goes by what it let through itself.
const LEFT_ALONE: Duration = Duration::from_secs(10);

/// Tells it and listens, until it is to stop.
pub(super) fn tell(pace: &Pace, open: &Open, stop: &Stop) {
    let mut door = Door { name: wiring::new_instance(), store: None, last: None };
    while !stop.is_wanted() {
        let rest = match door.exchange(pace, open) {
            Ok(()) => EVERY,
            Err(error) => {
                tracing::debug!(%error, "what other doors let through is not known");
                // What it lets through meanwhile has drained by the time that it is told: it comes back as another one.
                (door.name, door.last) = (wiring::new_instance(), None);
                LEFT_ALONE
            }
        };
        let until = Instant::now() + rest;
        while !stop.is_wanted() && Instant::now() < until {
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }
}

/// This door, as the others know it.
struct Door {
    name: String,
    store: Option<Arc<dyn WorldStore>>,
    /// What it told last, and when.
    last: Option<(Instant, Vec<u8>)>,
}

impl Door {
    fn exchange(&mut self, pace: &Pace, open: &Open) -> Result<(), PortError> {
        let store = match &self.store {
            Some(store) => Arc::clone(store),
            None => Arc::clone(self.store.insert(open()?)),
        };
        let told = pace.told();
        // What is as it was is told again before it is forgotten.
        let is_known = self.last.as_ref().is_some_and(|(at, last)| *last == told && at.elapsed() < KEPT / 2);
        if !is_known && let Some(key) = FactKey::new(KIND, &self.name) {
            store.put(&key, &told, Expected::Anything, KEPT)?;
            self.last = Some((Instant::now(), told));
        }
        let (own, doors): (Vec<_>, Vec<_>) =
            store.all(KIND)?.into_iter().partition(|fact| fact.name == self.name);
        if own.is_empty() {
            // The store lost it.
            self.last = None;
        }
        pace.hear(&doors.into_iter().map(|fact| (fact.name, fact.value)).collect::<Vec<_>>());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use coditect_testkit::memory_world::MemoryWorld;
    use coditect_types::ErrorKind;

    use super::*;

    #[test]
    fn doors_hear_of_each_other_and_not_of_themselves() {
        let world = Arc::new(MemoryWorld::default());
        let given = Arc::clone(&world);
        let open: Open = Arc::new(move || Ok(Arc::clone(&given) as Arc<dyn WorldStore>));
        let door = |name: &str| Door { name: name.to_owned(), store: None, last: None };
        let (mut one, mut other) = (door("one"), door("other"));
        let (here, there) = (Pace::default(), Pace::default());
        let all = |one: &mut Door, other: &mut Door| {
            one.exchange(&here, &open).unwrap();
            other.exchange(&there, &open).unwrap();
        };
        all(&mut one, &mut other);
        assert_eq!(world.all(KIND).unwrap().len(), 2);
        let versions = || world.all(KIND).unwrap().into_iter().map(|fact| fact.version).collect::<Vec<_>>();
        let before = versions();
        all(&mut one, &mut other);
        assert_eq!(versions(), before, "what is as it was is not told anew");
        world.fail(Some(PortError::new(ErrorKind::Unavailable, "away")));
        assert!(one.exchange(&here, &open).is_err());
        world.fail(None);
        world.lose_everything();
        all(&mut one, &mut other);
        all(&mut one, &mut other);
        assert_eq!(world.all(KIND).unwrap().len(), 2, "what was lost is told again");
    }
}
