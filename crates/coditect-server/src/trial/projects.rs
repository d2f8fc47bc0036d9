//! A fleet and a graph for tests, as hostile as can be.

use std::collections::BTreeMap;

use coditect_types::breaker::{BreakerSeen, Remote, RemoteKind, Standing};
use coditect_types::fleet::{FleetView, Here, Job, OrderQueue, WorkerSeen, WorkerStanding};
use coditect_types::{AttemptId, TaskId};

use super::{HOSTILE, id};
use crate::house::graph::{
    Around, Block, Curve, Explored, Few, GraphAnswer, GraphAsked, GraphNode, GraphSize, HotFile, Neighbour,
    Neighbours, Picture, Reached, Whole,
};

/// Two workers, one of which has become silent, and orders that wait.
pub(crate) fn fleet() -> FleetView {
    let now = 1_795_415_467_000;
    let job = |mission: &str| Job {
        mission: id(mission),
        task: TaskId(1),
        attempt: AttemptId(2),
        role: HOSTILE.to_owned(),
        since_ms: now - 3_000,
    };
    let worker = |name: &str, standing, jobs| WorkerSeen {
        name: name.to_owned(),
        standing,
        roles: vec!["coder".to_owned(), HOSTILE.to_owned()],
        slots: 2,
        busy: Some(1),
        version: HOSTILE.to_owned(),
        heard_at_ms: now - 500,
        jobs,
    };
    FleetView {
        at_ms: now,
        here: Some(Here { machine: "desk".to_owned(), cores: 4, hands_out: true }),
        server: Some("nats://10.0.0.7:4222".to_owned()),
        workers: vec![
            worker("one", WorkerStanding::Here, vec![job("m-adas"), job("m-own")]),
            worker("two", WorkerStanding::Silent, Vec::new()),
        ],
        queue: Some(OrderQueue {
            waiting: 3,
            waiting_since_ms: Some(now - 4_000),
            under_way: 2,
            again: 1,
            since_ms: Some(now - 9_000),
            by_role: BTreeMap::from([("coder".to_owned(), 2), (HOSTILE.to_owned(), 3)]),
            dead: 5,
        }),
        breakers: vec![BreakerSeen {
            remote: Remote::new(RemoteKind::Model, HOSTILE),
            standing: Standing::Open { until_ms: now + 9_000, open_ms: 10_000 },
        }],
        ..FleetView::default()
    }
}

fn node(kind: &'static str, name: &str) -> GraphNode {
    GraphNode {
        kind,
        name: name.to_owned(),
        path: HOSTILE.to_owned(),
        lines: (1, 2),
        says: HOSTILE.to_owned(),
    }
}

fn few<T>(list: Vec<T>) -> Few<T> {
    Few { list, left_out: 7 }
}

/// What a project says whose every name is hostile: as a whole, of one thing, of several that have one name (`many`), of nothing
/// (`nothing`).
pub(crate) fn explored(dir: &str, asked: &GraphAsked) -> Explored {
    let picture = Picture {
        size: (100, 60),
        box_height: 26,
        boxes: vec![Block {
            x: 1,
            y: 2,
            width: 50,
            text: HOSTILE.to_owned(),
            node: node("function", HOSTILE),
        }],
        curves: vec![Curve { path: "M1 2C3 4 5 6 7 8".to_owned(), kind: "calls", is_faint: true }],
        left_out: 5,
    };
    let reached = || Reached { node: node("test", HOSTILE), strength: 0.5, steps: 1 };
    let answer = match asked.name.as_str() {
        "" => GraphAnswer::Whole(Box::new(Whole {
            hot: few(vec![HotFile { path: HOSTILE.to_owned(), score: 1.0, commits: 2, used_by: 3 }]),
            dead: few(vec![node("function", HOSTILE)]),
            picture,
        })),
        "many" => GraphAnswer::Several(few(vec![node("function", HOSTILE), node("type", HOSTILE)])),
        "nothing" => GraphAnswer::Several(Few::default()),
        _ => GraphAnswer::One(Box::new(Around {
            nodes: Few::of(vec![node("function", HOSTILE)], 1),
            neighbours: vec![Neighbours {
                way: "called by",
                nodes: few(vec![Neighbour { node: node("function", HOSTILE), sure: 60 }]),
            }],
            tests: few(vec![reached()]),
            symbols: few(vec![reached()]),
            files: few(vec![(HOSTILE.to_owned(), 0.5)]),
            picture,
        })),
    };
    Explored {
        directory: dir.to_owned(),
        size: GraphSize { files: 2, symbols: 3, tests: 1, ..GraphSize::default() },
        notes: vec![HOSTILE.to_owned()],
        answer,
    }
}
