//! The plan as a picture: where each task stands, below those that it waits for.

use std::collections::BTreeMap;

use coditect_runtime::TaskView;
use coditect_types::TaskId;

use crate::evidence::Evidence;
use crate::names::{name, words};
use crate::text::brief;

/// Tasks that are drawn, the newest; all of them are in the table.
pub(crate) const MOST: usize = 120;
const WIDTH: usize = 208;
const HEIGHT: usize = 40;
const GAP: (usize, usize) = (20, 28);
const LETTERS: usize = 25;

/// A task in the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its id.
    pub(crate) id: TaskId,
    /// Left edge.
    pub(crate) x: usize,
    /// Upper edge.
    pub(crate) y: usize,
    /// What it is for.
    pub(crate) label: String,
    /// Where it stands.
    pub(crate) state: String,
}

/// A line from a task to one that waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// From.
    pub(crate) from: (usize, usize),
    /// To.
    pub(crate) to: (usize, usize),
}

/// The picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Graph {
    /// Its size.
    pub(crate) size: (usize, usize),
    /// Tasks.
    pub(crate) nodes: Vec<Node>,
    /// Dependencies.
    pub(crate) edges: Vec<Edge>,
}

impl Node {
    /// Where its text begins.
    pub(crate) fn text_x(&self) -> usize {
        self.x + 12
    }

    /// The lines of its text.
    pub(crate) fn text_y(&self) -> (usize, usize) {
        (self.y + 17, self.y + 32)
    }
}

/// Draws the newest tasks. Each stands one row below the lowest of those that it waits for, and a plan below the one that
/// was made before it.
pub(crate) fn draw(tasks: &[TaskView], evidence: &Evidence) -> Graph {
    let shown = &tasks[tasks.len().saturating_sub(MOST)..];
    let mut places: BTreeMap<TaskId, (usize, usize)> = BTreeMap::new();
    let mut rows: Vec<usize> = Vec::new();
    let mut first_row = 0;
    let mut graph = Graph::default();
    for task in shown {
        if evidence.plans.binary_search(&task.id).is_ok() {
            first_row = rows.len();
        }
        let behind = evidence.needs.get(&task.id).map_or(&[][..], Vec::as_slice);
        let above = behind.iter().filter_map(|id| places.get(id)).map(|(row, _)| row + 1);
        let row = above.max().unwrap_or(first_row);
        rows.resize(rows.len().max(row + 1), 0);
        let column = rows[row];
        rows[row] += 1;
        places.insert(task.id, (row, column));
        let (x, y) = corner(row, column);
        let label = brief(&task.intent.replace('_', " "), LETTERS);
        graph.nodes.push(Node { id: task.id, x, y, label, state: name(&task.state) });
        for from in behind.iter().filter_map(|id| places.get(id)) {
            let (left, top) = corner(from.0, from.1);
            graph.edges.push(Edge { from: (left + WIDTH / 2, top + HEIGHT), to: (x + WIDTH / 2, y) });
        }
    }
    let columns = rows.iter().copied().max().unwrap_or(0);
    graph.size = (columns * (WIDTH + GAP.0) + 2, rows.len() * (HEIGHT + GAP.1) + 2);
    graph
}

fn corner(row: usize, column: usize) -> (usize, usize) {
    (column * (WIDTH + GAP.0) + 1, row * (HEIGHT + GAP.1) + 1)
}

/// What the picture shows, for who cannot see it.
pub(crate) fn says(tasks: &[TaskView]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for task in tasks {
        *counts.entry(words(&task.state)).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(state, n)| format!("{n} {state}")).collect();
    format!("The plan as a graph: {}. The table below has the same in words.", counts.join(", "))
}

#[cfg(test)]
mod tests {
    use coditect_runtime::view::TaskProgress;
    use coditect_types::plan::Role;

    use super::*;

    fn task(id: u32) -> TaskView {
        TaskView {
            id: TaskId(id),
            role: Role::Coder,
            intent: "seek_change: reflex".to_owned(),
            strand: None,
            state: TaskProgress::Done,
            attempts: 1,
            why: String::new(),
            wall_ms: 0,
            ledger: Default::default(),
        }
    }

    fn evidence(needs: impl IntoIterator<Item = (u32, Vec<u32>)>, plans: &[u32]) -> Evidence {
        let needs = needs.into_iter().map(|(id, of)| (TaskId(id), of.into_iter().map(TaskId).collect()));
        Evidence {
            needs: needs.collect(),
            plans: plans.iter().copied().map(TaskId).collect(),
            ..Evidence::default()
        }
    }

    /// Column and row of each task.
    fn places(graph: &Graph) -> Vec<(usize, usize)> {
        let place = |node: &Node| (node.x / (WIDTH + GAP.0), node.y / (HEIGHT + GAP.1));
        graph.nodes.iter().map(place).collect()
    }

    #[test]
    fn a_task_stands_below_those_that_it_waits_for_and_below_the_plan_before() {
        let tasks: Vec<TaskView> = (1..=5).map(task).collect();
        let graph = draw(&tasks, &evidence([(3, vec![1, 2]), (5, vec![4])], &[1, 4]));
        assert_eq!(places(&graph), [(0, 0), (1, 0), (0, 1), (0, 2), (0, 3)]);
        assert_eq!((graph.edges.len(), graph.size), (3, (458, 274)));
    }

    #[test]
    fn a_long_plan_is_drawn_in_part_and_an_empty_one_not_at_all() {
        let tasks: Vec<TaskView> = (1..=1_000).map(task).collect();
        let graph = draw(&tasks, &evidence((2..=1_000).map(|id| (id, vec![id - 1])), &[1]));
        assert_eq!((graph.nodes.len(), graph.edges.len()), (MOST, MOST - 1));
        assert_eq!(draw(&[], &Evidence::default()).nodes.len(), 0);
    }
}
