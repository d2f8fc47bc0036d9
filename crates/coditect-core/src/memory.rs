//! The policy of memory: which episodes are put away, had at hand again, dropped.

use coditect_types::memory::{MemoryLimits, Moves, Shelf, Standing};

const DAY_MS: u64 = 86_400_000;
/// An episode that is put away and was of use so lately is had at hand again.
const PROMOTED_MS: u64 = 7 * DAY_MS;
/// Episodes that one round moves: a round is over soon, and another one follows.
const MOST: usize = 100_000;

/// What is to be moved, by age, use and room. The one that matters least goes first.
#[must_use]
pub fn moves(standings: &[Standing], limits: &MemoryLimits, now_ms: u64) -> Moves {
    let mut moves = Moves::default();
    let lately = |standing: &Standing| standing.ended_ms.max(standing.used_ms);
    let age = |at: u64| now_ms.saturating_sub(at);
    let (mut near, mut cold): (Vec<&Standing>, Vec<&Standing>) = (Vec::new(), Vec::new());
    for standing in standings {
        let is_used = standing.used_ms > 0 && age(standing.used_ms) < PROMOTED_MS;
        if !standing.proved && age(lately(standing)) > limits.unproved_days * DAY_MS {
            moves.evict.push(standing.number);
        } else if standing.shelf == Shelf::Warm || is_used {
            near.push(standing);
        } else {
            cold.push(standing);
        }
    }
    // A proved one before one that is not, a useful one before one that is not, the later one before the earlier.
    let worth = |standing: &&Standing| (standing.proved, standing.uses.1, lately(standing), standing.number);
    near.sort_unstable_by_key(worth);
    let over = near.len().saturating_sub(usize::try_from(limits.warm_episodes).unwrap_or(usize::MAX));
    for (at, standing) in near.into_iter().enumerate() {
        let belongs = at >= over && age(lately(standing)) <= limits.warm_days * DAY_MS;
        match (standing.shelf, belongs) {
            (Shelf::Warm, false) => moves.demote.push(standing.number),
            (Shelf::Cold, true) => moves.promote.push(standing.number),
            (Shelf::Cold, false) => cold.push(standing),
            (Shelf::Warm, true) => {}
        }
    }
    cold.sort_unstable_by_key(worth);
    let mut bytes: u64 = cold.iter().map(|standing| standing.bytes).sum();
    for standing in cold {
        if bytes <= limits.cold_bytes {
            break;
        }
        bytes -= standing.bytes;
        moves.evict.push(standing.number);
    }
    for list in [&mut moves.demote, &mut moves.promote, &mut moves.evict] {
        list.truncate(MOST);
        list.sort_unstable();
    }
    moves
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn standing(number: u64, shelf: Shelf, ended_days: u64) -> Standing {
        let ended_ms = ended_days * DAY_MS;
        Standing { number, shelf, proved: true, ended_ms, used_ms: 0, uses: (0, 0), bytes: 100 }
    }

    #[test]
    fn the_old_ones_go_and_the_useful_stay() {
        let limits = MemoryLimits { warm_days: 10, ..MemoryLimits::default() };
        let used = Standing { used_ms: 99 * DAY_MS, ..standing(2, Shelf::Warm, 1) };
        let all = [standing(1, Shelf::Warm, 1), used, standing(3, Shelf::Warm, 95)];
        assert_eq!(moves(&all, &limits, 100 * DAY_MS), Moves { demote: vec![1], ..Moves::default() });
    }

    #[test]
    fn room_is_made_by_the_least_worth() {
        let limits = MemoryLimits { warm_episodes: 2, cold_bytes: 150, ..MemoryLimits::default() };
        let won = Standing { uses: (3, 2), ..standing(1, Shelf::Warm, 90) };
        let all = [
            won,
            standing(2, Shelf::Warm, 91),
            standing(3, Shelf::Warm, 92),
            standing(4, Shelf::Cold, 3),
            standing(5, Shelf::Cold, 4),
        ];
        let moves = moves(&all, &limits, 100 * DAY_MS);
        assert_eq!(moves, Moves { demote: vec![2], promote: Vec::new(), evict: vec![4] });
    }

    #[test]
    fn what_was_of_use_comes_back_and_what_proved_nothing_goes() {
        let limits = MemoryLimits::default();
        let back = Standing { used_ms: 399 * DAY_MS, ..standing(1, Shelf::Cold, 3) };
        let spent = Standing { proved: false, ..standing(2, Shelf::Cold, 3) };
        let moves = moves(&[back, spent], &limits, 400 * DAY_MS);
        assert_eq!(moves, Moves { demote: Vec::new(), promote: vec![1], evict: vec![2] });
    }

    proptest! {
        /// Whatever there is, after enough rounds nothing is left to move, and no one is asked to be in two places.
        #[test]
        fn moves_come_to_an_end(
            seeds in prop::collection::vec((any::<bool>(), any::<bool>(), 0..500_u64, 0..500_u64, 0..9_u32), 0..60),
            warm_episodes in 0..40_u64,
            cold_bytes in 0..4_000_u64,
        ) {
            let limits = MemoryLimits { warm_episodes, cold_bytes, ..MemoryLimits::default() };
            let mut all: Vec<Standing> = (1..).zip(&seeds).map(|(number, (warm, proved, ended, used, uses))| Standing {
                number, proved: *proved, uses: (*uses, uses / 2), bytes: 100,
                shelf: if *warm { Shelf::Warm } else { Shelf::Cold },
                ended_ms: ended * DAY_MS, used_ms: used * DAY_MS,
            }).collect();
            let before = all.len();
            let mut dropped = 0;
            for _ in 0..before + 2 {
                let now = moves(&all, &limits, 500 * DAY_MS);
                let sum = now.demote.len() + now.promote.len() + now.evict.len();
                let mut numbers = [now.demote.clone(), now.promote.clone(), now.evict.clone()].concat();
                numbers.sort_unstable();
                numbers.dedup();
                prop_assert_eq!(numbers.len(), sum);
                dropped += now.evict.len();
                all.retain(|standing| !now.evict.contains(&standing.number));
                for standing in &mut all {
                    if now.demote.contains(&standing.number) { standing.shelf = Shelf::Cold; }
                    if now.promote.contains(&standing.number) { standing.shelf = Shelf::Warm; }
                }
            }
            prop_assert_eq!(before, all.len() + dropped);
            let cold: u64 = all.iter().filter(|standing| standing.shelf == Shelf::Cold).map(|standing| standing.bytes).sum();
            prop_assert!(cold <= cold_bytes);
            let warm = all.iter().filter(|standing| standing.shelf == Shelf::Warm).count();
            prop_assert!(warm as u64 <= warm_episodes);
            prop_assert_eq!(moves(&all, &limits, 500 * DAY_MS), Moves::default());
        }
    }
}
