//! The plan as a picture: where each task stands, below those that it waits for.

use std::collections::BTreeMap;

use coditect_runtime::TaskView;
use coditect_types::TaskId;

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

/// Draws the newest tasks. Each stands one row below the lowest of those that it waits for.
pub(crate) fn draw(tasks: &[TaskView], needs: &BTreeMap<TaskId, Vec<TaskId>>) -> Graph {
    let shown = &tasks[tasks.len().saturating_sub(MOST)..];
    let mut places: BTreeMap<TaskId, (usize, usize)> = BTreeMap::new();
    let mut rows: Vec<usize> = Vec::new();
    let mut graph = Graph::default();
    for task in shown {
        let behind = needs.get(&task.id).map_or(&[][..], Vec::as_slice);
        let above = behind.iter().filter_map(|id| places.get(id)).map(|(row, _)| row + 1);
        let row = above.max().unwrap_or(0);
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
        }
    }

    #[test]
    fn a_task_stands_below_those_that_it_waits_for() {
        let needs = BTreeMap::from([(TaskId(3), vec![TaskId(1), TaskId(2)])]);
        let graph = draw(&[task(1), task(2), task(3)], &needs);
        let places: Vec<_> = graph.nodes.iter().map(|node| (node.x > 1, node.y > 1)).collect();
        assert_eq!(places, [(false, false), (true, false), (false, true)]);
        assert_eq!((graph.edges.len(), graph.size), (2, (458, 138)));
    }

    #[test]
    fn a_long_plan_is_drawn_in_part_and_an_empty_one_not_at_all() {
        let tasks: Vec<TaskView> = (1..=1_000).map(task).collect();
        let needs = (2..=1_000).map(|id| (TaskId(id), vec![TaskId(id - 1)])).collect();
        let graph = draw(&tasks, &needs);
        assert_eq!((graph.nodes.len(), graph.edges.len()), (MOST, MOST - 1));
        assert_eq!(draw(&[], &BTreeMap::new()).nodes.len(), 0);
    }
}
