//! The world model for programs, in one form wherever they ask for it.

use serde_json::{Value, json};

use crate::world::WorldModel;

/// What so many missions on a directory have shown, in figures.
#[must_use]
pub fn world_as_json(world: &WorldModel, missions: usize) -> Value {
    let agents: Vec<Value> = world
        .agents()
        .iter()
        .map(|(role, agent)| {
            json!({
                "role": role, "attempts": agent.ended, "failed": agent.failed, "running": agent.running,
                "wall_ms": agent.wall_ms, "succeeds": world.succeeds(*role),
            })
        })
        .collect();
    let rungs: Vec<Value> = world
        .rungs()
        .iter()
        .map(|(rung, facts)| {
            json!({ "rung": rung, "tried": facts.tried, "proposed": facts.proposed, "wall_ms": facts.wall_ms })
        })
        .collect();
    let used = world.resources();
    json!({
        "missions": missions, "ends": world.ends(), "records": world.records(),
        "files": world.files().len(), "tests": world.tests().len(),
        "red": world.tests().red().count(), "flaky": world.tests().flaky().count(),
        "environment": world.environment(), "agents": agents, "rungs": rungs,
        "resources": {
            "sandbox_runs": used.sandbox_runs, "candidates": used.candidates, "model_calls": used.model_calls,
            "longest_suite_ms": used.longest_suite_ms,
        },
    })
}
