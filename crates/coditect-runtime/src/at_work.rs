//! Who is at work: what a mission's journal says of it, and which worker says that it does it.

use coditect_types::StrandId;
use coditect_types::fleet::{FleetView, Held, Lease, ModelAsked, TaskAtWork, UnderWay};

use crate::view::{MissionView, TaskProgress, TaskView};

/// Which process has a mission, for people.
#[must_use]
pub fn holder_said(of: &UnderWay) -> String {
    let Some(Held { process, machine }) = &of.held else { return "stopped".to_owned() };
    let process = process.map_or_else(|| "a process".to_owned(), |number| format!("process {number}"));
    format!("{process} on {}", machine.as_deref().unwrap_or("this machine"))
}

/// What goes on in a mission that has not ended. `held`: the process that has it.
#[must_use]
pub fn under_way(view: &MissionView, held: Option<Held>) -> UnderWay {
    let running = view.tasks.iter().filter(|task| task.state == TaskProgress::Running);
    let tasks = running.map(|task| TaskAtWork {
        task: task.id,
        role: task.role.name().to_owned(),
        intent: task.intent.clone(),
        worker: None,
    });
    let models = view.ledger.models.iter().map(|(model, cost)| ModelAsked {
        model: model.clone(),
        calls: cost.calls,
        failed: cost.failed,
        lost: cost.lost,
    });
    UnderWay {
        mission: view.mission.clone(),
        held,
        agents: view.policy.agents,
        tasks: tasks.collect(),
        models: models.collect(),
        leases: leases(view).collect(),
    }
}

/// The files that strands which are at work alone may change.
pub fn leases(view: &MissionView) -> impl Iterator<Item = Lease> {
    let is_open = |strand: StrandId| {
        let is_at = |task: &TaskView| matches!(task.state, TaskProgress::Waiting | TaskProgress::Running);
        view.tasks.iter().any(|task| task.strand == Some(strand) && is_at(task))
    };
    let open = view.strands.iter().filter(move |strand| !strand.files.is_empty() && is_open(strand.id));
    open.map(|strand| Lease { strand: strand.id, files: strand.files.clone() })
}

/// Says of each task which worker it is that says it performs it; of several, the one that took it last.
pub fn place(fleet: &mut FleetView) {
    let FleetView { workers, missions, .. } = fleet;
    for mission in missions {
        for task in &mut mission.tasks {
            let jobs = workers.iter().flat_map(|worker| worker.jobs.iter().map(move |job| (worker, job)));
            let own = jobs.filter(|(_, job)| job.mission == mission.mission && job.task == task.task);
            let newest = own.max_by_key(|(_, job)| (job.attempt, job.since_ms));
            task.worker = newest.map(|(worker, _)| worker.name.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

    use coditect_types::fleet::{Job, WorkerSeen, WorkerStanding};
    use coditect_types::{AttemptId, MissionId, TaskId};

    use super::*;

    fn worker(name: &str, mission: &str, task: u32, attempt: u32) -> WorkerSeen {
        let job = Job {
            mission: MissionId::parse(mission).unwrap(),
            task: TaskId(task),
            attempt: AttemptId(attempt),
            role: "coder".to_owned(),
            since_ms: 1,
        };
        WorkerSeen {
            name: name.to_owned(),
            standing: WorkerStanding::Here,
            roles: vec!["coder".to_owned()],
            slots: 2,
            busy: Some(1),
            version: "1".to_owned(),
            heard_at_ms: 1,
            jobs: vec![job],
        }
    }

    #[test]
    fn a_task_is_with_the_worker_that_took_it_last() {
        let task = |id| TaskAtWork {
            task: TaskId(id),
            role: "coder".to_owned(),
            intent: "seek_change".to_owned(),
            worker: None,
        };
        let mission = UnderWay {
            mission: MissionId::parse("m-1").unwrap(),
            held: Some(Held { process: Some(7), machine: None }),
            agents: 0,
            tasks: vec![task(1), task(2)],
            models: Vec::new(),
            leases: Vec::new(),
        };
        let workers =
            vec![worker("old", "m-1", 1, 3), worker("new", "m-1", 1, 4), worker("other", "m-2", 2, 9)];
        let mut fleet = FleetView { workers, missions: vec![mission], ..FleetView::default() };
        place(&mut fleet);
        let placed: Vec<_> = fleet.missions[0].tasks.iter().map(|task| task.worker.as_deref()).collect();
        assert_eq!(placed, [Some("new"), None]);
    }
}
