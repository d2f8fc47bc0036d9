use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use coditect_ports::Clock;
use coditect_types::ErrorKind;
use coditect_types::breaker::{Remote, RemoteKind};
use coditect_types::graph::{EdgeKind, NodeKind, Traits};

use super::*;
use crate::breakers::OwnBreakers;
use crate::hand::Hand;

/// A chain of nodes, each of which calls the next; it may be told to fail, and counts what it is asked.
#[derive(Debug, Default)]
struct Chain {
    fails: AtomicBool,
    asked: AtomicU64,
}

const LENGTH: u32 = 5;

fn node(id: u32) -> Node {
    Node {
        id: NodeId(id),
        kind: NodeKind::Function,
        name: format!("f{id}"),
        path: "a.py".into(),
        full: format!("a.py::f{id}"),
        lines: (id, id),
        traits: Traits::default(),
        shape: [0; 16],
        loose: 0,
    }
}

impl Chain {
    fn answers(&self) -> Result<(), PortError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.fails.load(Ordering::SeqCst) {
            true => Err(PortError::new(ErrorKind::Unavailable, "nobody is there")),
            false => Ok(()),
        }
    }
}

impl Graph for Chain {
    fn look(&self, ids: &[NodeId], each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError> {
        self.answers()?;
        ids.iter().filter(|id| id.0 < LENGTH).for_each(|id| each(node(id.0).lend()));
        Ok(())
    }

    fn named(&self, name: &str) -> Result<Vec<NodeId>, PortError> {
        self.answers()?;
        Ok((0..LENGTH).filter(|id| format!("f{id}") == name).map(NodeId).collect())
    }

    fn edges(&self, of: &[NodeId], way: Way, each: &mut dyn FnMut(NodeId, Edge)) -> Result<(), PortError> {
        self.answers()?;
        for id in of {
            let to = match way {
                Way::Out => Some(id.0 + 1).filter(|to| *to < LENGTH),
                Way::In => id.0.checked_sub(1),
            };
            to.into_iter().for_each(|to| each(*id, Edge { to: NodeId(to), kind: EdgeKind::Calls, sure: 90 }));
        }
        Ok(())
    }

    fn scan(&self, each: &mut dyn FnMut(NodeRef<'_>)) -> Result<(), PortError> {
        self.answers()?;
        (0..LENGTH).for_each(|id| each(node(id).lend()));
        Ok(())
    }
}

fn way(clock: &Arc<Hand>) -> Guarded {
    let of = Remote::new(RemoteKind::Graph, "bolt://127.0.0.1:7687");
    Guarded::new(Arc::new(OwnBreakers::default()), Arc::clone(clock) as Arc<dyn Clock>, of)
}

/// All that can be asked, in words.
fn everything(graph: &dyn Graph) -> Vec<String> {
    let ids: Vec<NodeId> = [3, 0, 9].map(NodeId).to_vec();
    let mut said = Vec::new();
    graph.look(&ids, &mut |node| said.push(node.full.to_owned())).unwrap();
    for way in [Way::Out, Way::In] {
        graph.edges(&ids[..2], way, &mut |of, edge| said.push(format!("{of:?} {edge:?}"))).unwrap();
    }
    said.push(format!("{:?} {:?}", graph.named("f2").unwrap(), graph.named("g").unwrap()));
    graph.scan(&mut |node| said.push(node.name.to_owned())).unwrap();
    said
}

#[test]
fn it_answers_as_one_s_own_graph_does_and_asks_once() {
    let (far, own, way) = (Chain::default(), Chain::default(), way(&Arc::default()));
    let graph = FarGraph::new(&far, &own, &way);
    let said = everything(&graph);
    assert_eq!(said, everything(&Chain::default()));
    assert_eq!((own.asked.load(Ordering::SeqCst), graph.failed()), (0, Vec::new()));
    let asked = far.asked.load(Ordering::SeqCst);
    assert_eq!(
        (everything(&graph), far.asked.load(Ordering::SeqCst)),
        (said, asked + 1),
        "a scan is not kept"
    );
    // What is known and what is not, in one question.
    let mut names = Vec::new();
    graph.look(&[NodeId(1), NodeId(3)], &mut |node| names.push(node.name.to_owned())).unwrap();
    assert_eq!(names, ["f1", "f3"]);
}

#[test]
fn where_nobody_answers_one_s_own_graph_does_and_the_other_is_left_alone_for_a_while() {
    let (far, own, clock) = (Chain::default(), Chain::default(), Arc::<Hand>::default());
    far.fails.store(true, Ordering::SeqCst);
    let way = way(&clock);
    let graph = FarGraph::new(&far, &own, &way);
    for _ in 0..4 {
        assert_eq!(everything(&graph), everything(&Chain::default()));
    }
    assert_eq!(graph.failed(), ["nobody is there"]);
    let asked = far.asked.load(Ordering::SeqCst);
    everything(&graph);
    assert_eq!(far.asked.load(Ordering::SeqCst), asked, "it is not asked any more");
    far.fails.store(false, Ordering::SeqCst);
    clock.set(clock.now_ms() + 10 * 60 * 1_000);
    let before = own.asked.load(Ordering::SeqCst);
    assert_eq!(everything(&graph), everything(&Chain::default()));
    assert_eq!(own.asked.load(Ordering::SeqCst), before, "it answers again");
}
