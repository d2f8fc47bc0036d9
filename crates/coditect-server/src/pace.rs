//! How much one user may ask of a server, so that none of them keeps it from the others.
//!
//! A leaky bucket each: so many at once, and so many a second on the average. What is more is refused with the time after which it is
//! worth asking again. Beside it [`Places`]: how much of one user may be under way at the same time.
//!
//! Several doors with the same users tell each other how much they let through ([`Pace::told`]), so that what a user may ask is the same however
//! many doors they ask at. What another let through in the last second is not known yet.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use coditect_types::{Deed, ErrorKind};

use crate::refusal::Oops;

/// How much at once, and a second.
type Rate = (f64, f64);
/// Requests of a user, and missions that they begin.
const ASKS: Rate = (400.0, 50.0);
const BEGINS: Rate = (20.0, 0.5);
/// Tokens that are tried from one address.
const TRIES: Rate = (20.0, 0.5);
/// Refusals that are written down: of a user who is known, and of all strangers together.
const REFUSALS: Rate = (300.0, 5.0);
const STRANGERS: Rate = (300.0, 2.0);
/// Buckets that others are told of, and bytes of that.
const TOLD: usize = 2_000;
const TOLD_BYTES: usize = 200 << 10;
/// What doors tell each other is as old as this as a rule, s.
const GAP_S: f64 = 1.0;
/// Doors that are listened to.
const DOORS: usize = 64;
/// Buckets that are kept; when there are more, those that are empty go.
const MOST: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Bucket {
    full: f64,
    since: Instant,
    a_second: f64,
    /// What was let through here since it is kept.
    poured: u64,
}

impl Bucket {
    fn drained(&self, now: Instant) -> f64 {
        (self.full - now.duration_since(self.since).as_secs_f64() * self.a_second).max(0.0)
    }
}

/// What a bucket is of: requests, missions, tokens that are tried.
type Of = (&'static str, String);

/// Another door, as it was heard last.
#[derive(Debug)]
struct Other {
    at: Instant,
    poured: BTreeMap<Of, u64>,
    /// It had more to tell than it does: what is new in its list may be old.
    is_cut: bool,
}

/// The buckets of all.
#[derive(Debug, Default)]
pub struct Pace {
    buckets: Mutex<BTreeMap<Of, Bucket>>,
    /// What other doors said last of what they let through, by their names.
    others: Mutex<BTreeMap<String, Other>>,
    /// Refusals since the last one that was written down.
    unwritten: Mutex<u64>,
}

impl Pace {
    /// Takes one request of a user into account, or refuses it.
    pub(crate) fn take(&self, user: &str, deed: Deed) -> Result<(), Oops> {
        self.pour("asks", user, ASKS)?;
        if deed == Deed::Begin { self.pour("begins", user, BEGINS) } else { Ok(()) }
    }

    /// Takes a token into account that was tried from an address.
    pub(crate) fn try_token(&self, address: Option<IpAddr>) -> Result<(), Oops> {
        self.pour("tries", &address.map_or_else(String::new, network), TRIES)
    }

    /// Whether one more refusal, of a user or a stranger, is written down, and how many before it were not.
    pub(crate) fn refusals(&self, user: Option<&str>) -> Option<u64> {
        let is_written = match user {
            Some(user) => self.pour("refusals", user, REFUSALS).is_ok(),
            None => self.pour("strangers", "", STRANGERS).is_ok(),
        };
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        if is_written {
            return Some(std::mem::take(&mut unwritten));
        }
        *unwritten += 1;
        None
    }

    /// Refusals that could not be written after all.
    pub(crate) fn put_back(&self, refusals: u64) {
        *self.unwritten.lock().unwrap_or_else(PoisonError::into_inner) += refusals;
    }

    fn pour(&self, what: &'static str, whose: &str, (most, a_second): Rate) -> Result<(), Oops> {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST {
            buckets.retain(|_, bucket| bucket.drained(now) > 0.0);
            if buckets.len() >= MOST {
                // Strangers from everywhere: they get no more room than this.
                buckets.retain(|(what, _), _| *what != "tries");
            }
        }
        let new = Bucket { full: 0.0, since: now, a_second, poured: 0 };
        let bucket = buckets.entry((what, whose.to_owned())).or_insert(new);
        let full = bucket.drained(now);
        *bucket = Bucket { full, poured: bucket.poured, ..new };
        if full + 1.0 > most {
            // Some seconds: far below what a u64 holds, and never below 0.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
            let seconds = ((full + 1.0 - most) / a_second).ceil().clamp(1.0, 3_600.0) as u64;
            let oops = Oops::new(ErrorKind::Exhausted, format!("this is more than {most} at once"));
            return Err(oops.hint(format!("ask again in {seconds} s")).again_after(seconds));
        }
        bucket.full = full + 1.0;
        bucket.poured += 1;
        Ok(())
    }

    /// How much was let through here since it is kept, for other doors: JSON, a list of what, whose and how often. Of many, those that asked
    /// last.
    #[must_use]
    pub fn told(&self) -> Vec<u8> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let poured = buckets.iter().filter(|(of, bucket)| rate(of.0).is_some() && bucket.poured > 0);
        let mut poured: Vec<_> = poured.collect();
        if poured.len() > TOLD {
            poured.sort_by_key(|(_, bucket)| std::cmp::Reverse(bucket.since));
        }
        let mut bytes = 0;
        let told = poured.into_iter().map(|((what, whose), bucket)| (*what, whose.as_str(), bucket.poured));
        let told = told.take(TOLD).take_while(|(_, whose, _)| {
            bytes += whose.len() + 40;
            bytes <= TOLD_BYTES
        });
        serde_json::to_vec(&told.collect::<Vec<_>>()).unwrap_or_default()
    }

    /// Takes into account what other doors say that they let through. Of a door that is new, only what it lets through from now on: how
    /// much of that has drained already is not known. Nobody is held back for longer than by a full bucket, whatever is said.
    pub fn hear(&self, said: &[(String, Vec<u8>)]) {
        let now = Instant::now();
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        others.retain(|door, _| said.iter().any(|(there, _)| there == door));
        for (door, bytes) in said.iter().take(DOORS) {
            let Ok(told) = serde_json::from_slice::<Vec<(String, String, u64)>>(bytes) else { continue };
            let is_new = !others.contains_key(door);
            let fresh = || Other { at: now, poured: BTreeMap::new(), is_cut: false };
            let other = others.entry(door.clone()).or_insert_with(fresh);
            other.is_cut |= told.len() >= TOLD || bytes.len() + 1_024 >= TOLD_BYTES;
            if other.poured.len() >= MOST {
                (other.poured, other.is_cut) = (BTreeMap::new(), true);
            }
            // What was let through in a long gap has drained in it.
            let gap_s = (now.duration_since(other.at).as_secs_f64() - GAP_S).max(0.0);
            other.at = now;
            for (what, whose, poured) in told.into_iter().take(TOLD) {
                let Some((what, rate)) = rate(&what) else { continue };
                let before = other.poured.insert((what, whose.clone()), poured);
                // A number that is smaller is one that began anew.
                let more = match before {
                    None if is_new || other.is_cut => 0,
                    None => poured,
                    Some(before) if poured < before => poured,
                    Some(before) => poured - before,
                };
                if more > 0 {
                    self.add(what, whose, (more, gap_s), rate);
                }
            }
        }
    }

    /// Fills a bucket by what was let through elsewhere.
    fn add(&self, what: &'static str, whose: String, (more, gap_s): (u64, f64), (most, a_second): Rate) {
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST && !buckets.contains_key(&(what, whose.clone())) {
            return;
        }
        let new = Bucket { full: 0.0, since: now, a_second, poured: 0 };
        let bucket = buckets.entry((what, whose)).or_insert(new);
        // Some thousands at most: exact.
        #[allow(clippy::cast_precision_loss, reason = "bounded by the bucket")]
        let more = (more as f64 - gap_s * a_second).max(0.0);
        let full = (bucket.drained(now) + more).min(most);
        *bucket = Bucket { full, poured: bucket.poured, ..new };
    }
}

/// What several doors have in common, and its rate. Refusals are written down by each for itself.
fn rate(what: &str) -> Option<(&'static str, Rate)> {
    [("asks", ASKS), ("begins", BEGINS), ("tries", TRIES)].into_iter().find(|(name, _)| *name == what)
}

/// The network that one has to oneself: an address of version 4, the first half of one of version 6.
pub(crate) fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("{:x?}", &v6.segments()[..4]),
    }
}

/// What is under way, by what it is and whose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<Mutex<BTreeMap<(&'static str, String), usize>>>);

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    of: Places,
    key: (&'static str, String),
}

impl Places {
    /// A place of a user, of `most`.
    pub(crate) fn take(&self, what: &'static str, user: &str, most: usize) -> Result<Place, Oops> {
        let key = (what, user.to_owned());
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(key.clone()).or_default();
        if *count >= most {
            let oops =
                Oops::new(ErrorKind::Exhausted, format!("{most} {what} of yours are under way already"));
            return Err(oops.hint("wait for one of them, or close a page").again_after(1));
        }
        *count += 1;
        Ok(Place { of: self.clone(), key })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_is_held_back_and_the_others_are_not() {
        let pace = Pace::default();
        let refused = (0..60).filter(|_| pace.take("ada", Deed::Begin).is_err()).count();
        assert!((30..=40).contains(&refused), "{refused}");
        assert!(pace.take("eve", Deed::Begin).is_ok());
        assert!(pace.take("ada", Deed::Look).is_ok(), "who may begin no more may look");
    }

    #[test]
    fn refusals_that_are_not_written_are_counted_and_a_users_are_not_hidden_by_strangers() {
        let pace = Pace::default();
        let unwritten = (0..500_u64).filter(|_| pace.refusals(None).is_none()).count() as u64;
        assert!(unwritten > 100, "{unwritten}");
        assert_eq!(pace.refusals(Some("eve")), Some(unwritten));
        pace.put_back(7);
        assert_eq!(pace.refusals(Some("eve")), Some(7));
    }

    #[test]
    fn buckets_have_a_bound_and_a_network_is_one_stranger() {
        let pace = Pace::default();
        for n in 0..u32::try_from(MOST).unwrap() + 50 {
            pace.try_token(Some(IpAddr::from(n.to_be_bytes()))).ok();
        }
        assert!(pace.buckets.lock().unwrap().len() <= MOST);
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:10.0.0.1"), "10.0.0.1");
    }

    #[test]
    fn doors_that_tell_each_other_let_one_user_through_as_if_they_were_one() {
        let (one, other) = (Pace::default(), Pace::default());
        let begun =
            |pace: &Pace, count: u32| (0..count).filter(|_| pace.take("ada", Deed::Begin).is_ok()).count();
        let say = |from: &Pace, to: &Pace| to.hear(&[("door".to_owned(), from.told())]);
        // They are there before anybody asks.
        say(&one, &other);
        assert_eq!(begun(&one, 12), 12);
        say(&one, &other);
        assert_eq!(begun(&other, 12), 8, "20 at once, at both of them");
        say(&one, &other);
        assert_eq!(begun(&other, 1), 0, "what was heard before counts once");
        assert!(other.take("eve", Deed::Begin).is_ok(), "others are not held back");
        // One that is new is not asked to pay for what has drained elsewhere.
        let late = Pace::default();
        say(&one, &late);
        assert_eq!(begun(&late, 5), 5);
        assert!(one.take("eve", Deed::Begin).is_ok());
        one.buckets.lock().unwrap().values_mut().for_each(|bucket| bucket.full = 0.0);
        say(&one, &late);
        assert_eq!(begun(&one, 1), 1);
        say(&one, &late);
        assert_eq!(
            begun(&late, 20),
            14,
            "what was let through long ago is not paid for: five here, and one there"
        );
    }

    #[test]
    fn what_others_say_has_bounds_whatever_it_is() {
        let pace = Pace::default();
        let say = |text: &str| pace.hear(&[("door".to_owned(), text.as_bytes().to_vec())]);
        for odd in ["", "{}", "[]", "[[1,2,3]]", r#"[["asks","ada",-1]]"#, r#"[["other","ada",5]]"#] {
            say(odd);
        }
        say("[]");
        say(r#"[["begins","ada",18446744073709551615]]"#);
        let Err(oops) = pace.take("ada", Deed::Begin) else { panic!("it is full") };
        assert!(format!("{oops:?}").contains("ask again in 2 s"), "{oops:?}");
        let many: Vec<_> = (0..MOST + 50).map(|n| ("asks", n.to_string(), 5)).collect();
        for part in many.chunks(TOLD) {
            pace.hear(&[("door".to_owned(), serde_json::to_vec(part).unwrap())]);
        }
        assert!(pace.buckets.lock().unwrap().len() <= MOST);
        assert!(pace.told().len() <= TOLD_BYTES + 2);
    }

    #[test]
    fn a_place_is_given_back() {
        let places = Places::default();
        let one = places.take("streams", "ada", 1).unwrap();
        assert!(places.take("streams", "ada", 1).is_err() && places.take("streams", "eve", 1).is_ok());
        drop(one);
        assert!(places.take("streams", "ada", 1).is_ok());
        assert!(places.0.lock().unwrap().is_empty());
    }
}
