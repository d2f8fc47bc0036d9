//! More at once than the server can do: nobody waits for nothing, and nobody is lost.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::join_all;
use serde_json::json;

use super::*;

/// After how many seconds an answer says that it is worth asking again.
fn again_s(answer: &Answer) -> u64 {
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

/// Ten times as many as there is room for: each is begun, or told when to come again, and comes in in the end.
#[tokio::test(start_paused = true)]
async fn hundreds_that_begin_missions_at_once_all_get_in_by_coming_again() {
    let door = Door::open();
    let sent_away = AtomicUsize::new(0);
    let begins = async |n: usize| {
        loop {
            let request = asked("/api/missions").method("POST").header("origin", OWN);
            let request = request.header("content-type", "application/json");
            let body = json!({ "request": format!("number {n}"), "dir": "/srv/project" }).to_string();
            let answer = door.told(request.body(Body::from(body)).unwrap()).await;
            if answer.status == StatusCode::CREATED {
                return;
            }
            assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{}", answer.text);
            assert!(answer.text.contains("nothing was done"), "{}", answer.text);
            sent_away.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(again_s(&answer))).await;
        }
    };
    join_all((0..400).map(begins)).await;
    let mut begun = door.asked_of_it();
    begun.sort();
    begun.dedup();
    assert_eq!(begun.len(), 400);
    assert!(sent_away.load(Ordering::Relaxed) > 0, "there was room for all of them");
    assert!(door.trial.most_beginning.load(Ordering::SeqCst) <= BEGINNING.0);
}

#[tokio::test]
async fn who_comes_to_a_journal_that_hangs_is_sent_away_once_enough_wait() {
    let door = Door::open();
    door.trial.is_stuck.store(true, Ordering::Relaxed);
    let (room, more) = (READING.0 + READING.1, 50);
    let sent_away = AtomicUsize::new(0);
    let asks = join_all((0..room + more).map(async |_| {
        let answer = door.get("/api/missions").await;
        if answer.status == StatusCode::SERVICE_UNAVAILABLE {
            assert!(again_s(&answer) > 0);
            sent_away.fetch_add(1, Ordering::Relaxed);
        }
        answer.status
    }));
    let goes_on = async {
        while sent_away.load(Ordering::Relaxed) < more {
            tokio::task::yield_now().await;
        }
        door.trial.is_stuck.store(false, Ordering::Relaxed);
    };
    let (asked, ()) = tokio::join!(asks, goes_on);
    assert_eq!(asked.iter().filter(|status| **status == StatusCode::OK).count(), room);
}
