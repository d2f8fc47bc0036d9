//! What every place for circuit breakers must do.

use std::sync::Arc;

use coditect_ports::Breakers;
use coditect_types::breaker::{Remote, RemoteKind, Standing};

/// Holds a place for breakers to its promises. `open` gives a handle on the same place each time, as another process has one; the place is
/// empty at first.
///
/// # Panics
/// At the first promise that is broken.
pub fn breakers(open: &dyn Fn() -> Arc<dyn Breakers>) {
    let (one, other) = (open(), open());
    let of = Remote::new(RemoteKind::Model, "a/model");
    assert!(one.all().is_empty(), "nothing was moved yet");

    let mut seen = Vec::new();
    let mut look = |from: &dyn Breakers, of: &Remote| {
        from.change(of, &mut |standing| {
            seen.push(standing);
            standing
        });
        seen.len()
    };
    assert_eq!(look(one.as_ref(), &of), 1, "a change is made once");
    assert_eq!(look(other.as_ref(), &of), 2, "a change is made once");
    assert_eq!(seen, [Standing::default(); 2], "one that was never moved is closed");

    let open_until = |until_ms: u64| Standing::Open { until_ms, open_ms: 5_000 };
    one.change(&of, &mut |_| open_until(7));
    other.change(&of, &mut |standing| {
        assert_eq!(standing, open_until(7), "what one kept is what the other one finds");
        open_until(8)
    });
    one.change(&of, &mut |standing| {
        assert_eq!(standing, open_until(8), "whoever kept it first finds what came after");
        standing
    });

    // A name alone does not make it the same thing.
    let graph = Remote::new(RemoteKind::Graph, "a/model");
    one.change(&graph, &mut |standing| {
        assert_eq!(standing, Standing::default(), "another kind of thing has a breaker of its own");
        Standing::HalfOpen { until_ms: 9, open_ms: 5_000 }
    });
    let strange = Remote::new(RemoteKind::Embeddings, "\"quoted\"\n\u{1f600} \u{0}");
    other.change(&strange, &mut |_| Standing::Closed { failures: 3, last_ms: 4 });
    let all = open().all();
    let told: Vec<_> = all.iter().map(|one| (one.remote.clone(), one.standing)).collect();
    let mut wanted = vec![
        (of, open_until(8)),
        (graph, Standing::HalfOpen { until_ms: 9, open_ms: 5_000 }),
        (strange, Standing::Closed { failures: 3, last_ms: 4 }),
    ];
    wanted.sort_by(|one, two| one.0.cmp(&two.0));
    assert_eq!(told, wanted, "all that were moved are told, in order");
}
