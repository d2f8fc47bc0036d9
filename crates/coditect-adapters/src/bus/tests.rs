use coditect_ports::{Bus, Notice};
use coditect_types::{MissionId, TaskId};

use super::LocalBus;

fn notice(green: u32) -> Notice {
    let mission = MissionId::from_parts(0, 1);
    Notice::Tests { mission, task: TaskId(1), green, red: 0, of: None }
}

#[test]
fn every_watcher_sees_every_notice_in_order() {
    let bus = LocalBus::new();
    bus.announce(notice(0));
    let (mut one, mut two) = (bus.subscribe(), bus.subscribe());
    bus.announce(notice(1));
    bus.announce(notice(2));
    for watcher in [&mut one, &mut two] {
        assert_eq!(watcher.try_next().as_deref(), Some(&notice(1)));
        assert_eq!(watcher.next_blocking().as_deref(), Some(&notice(2)));
        assert_eq!(watcher.try_next(), None);
        assert_eq!(watcher.missed(), 0);
    }
}

#[test]
fn a_slow_watcher_misses_the_oldest_and_knows_how_many() {
    let bus = LocalBus::with_waiting(4);
    let mut slow = bus.subscribe();
    for green in 0..10 {
        bus.announce(notice(green));
    }
    assert_eq!(slow.try_next().as_deref(), Some(&notice(6)));
    assert_eq!(slow.missed(), 6);
}

#[tokio::test]
async fn a_watcher_ends_with_its_bus() {
    let bus = LocalBus::new();
    let mut watcher = bus.subscribe();
    bus.announce(notice(1));
    drop(bus);
    assert!(watcher.next().await.is_some());
    assert!(watcher.next().await.is_none());
}
