use coditect_types::plan::Intent;

use super::*;
use crate::plan::chain;

fn ids<'t>(tasks: impl Iterator<Item = Task<'t>>) -> Vec<u32> {
    tasks.map(|task| task.spec.id.0).collect()
}

fn planned(n: usize) -> Tasks {
    let mut tasks = Tasks::default();
    tasks.add(&chain(0, std::iter::repeat_n(Intent::DoNothing, n)));
    tasks
}

fn settle(tasks: &mut Tasks, id: u32, end: TaskEnd) {
    tasks.change(TaskId(id), |task| task.state = TaskState::Settled(end));
}

#[test]
fn settled_tasks_are_not_open_in_whatever_order_they_end() {
    let mut tasks = planned(5);
    assert_eq!((tasks.len(), tasks.is_empty(), ids(tasks.open())), (5, false, vec![1, 2, 3, 4, 5]));
    settle(&mut tasks, 3, TaskEnd::Dropped);
    assert_eq!(ids(tasks.open()), [1, 2, 4, 5]);
    settle(&mut tasks, 1, TaskEnd::Done);
    settle(&mut tasks, 2, TaskEnd::Done);
    assert_eq!(ids(tasks.open()), [4, 5]);
    tasks.add(&chain(5, [Intent::DoNothing]));
    assert_eq!((ids(tasks.open()), ids(tasks.iter())), (vec![4, 5, 6], vec![1, 2, 3, 4, 5, 6]));
    for id in 4..=6 {
        settle(&mut tasks, id, TaskEnd::Done);
    }
    assert_eq!(ids(tasks.open()), [0_u32; 0]);
}

#[test]
fn a_copy_does_not_see_what_comes_after_it() {
    let mut tasks = planned(2);
    let before = tasks.clone();
    tasks.add(&chain(2, [Intent::HandOver]));
    tasks.change(TaskId(1), |task| {
        task.failures += 1;
        task.state = TaskState::Running(AttemptId(7));
    });
    let task = |tasks: &Tasks| tasks.get(TaskId(1)).map(|task| (task.state, task.failures));
    assert_eq!(task(&tasks), Some((TaskState::Running(AttemptId(7)), 1)));
    assert_eq!(task(&before), Some((TaskState::Waiting { not_before_ms: 0 }, 0)));
    assert_eq!((tasks.len(), before.len()), (3, 2));
    assert!(before.get(TaskId(3)).is_none() && before.get(TaskId(0)).is_none());
}

#[test]
fn failed_tasks_are_known_without_looking_at_all() {
    let mut tasks = planned(3);
    assert!(!tasks.any_failed());
    settle(&mut tasks, 2, TaskEnd::Done);
    assert!(!tasks.any_failed());
    settle(&mut tasks, 3, TaskEnd::Failed);
    settle(&mut tasks, 3, TaskEnd::Failed);
    assert!(tasks.any_failed());
    settle(&mut tasks, 3, TaskEnd::Dropped);
    assert!(!tasks.any_failed());
    // A task that nobody planned changes nothing.
    settle(&mut tasks, 9, TaskEnd::Failed);
    assert!(!tasks.any_failed());
}
