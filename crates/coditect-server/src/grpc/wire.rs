//! What the JSON API says, as messages.

use coditect_api::v1 as api;
use coditect_runtime::cell;
use coditect_runtime::said::kind;
use coditect_types::MissionId;
use serde_json::Value;
use tonic::Status;

use super::JSON;

pub(super) fn text(of: &Value, name: &str) -> String {
    of[name].as_str().unwrap_or_default().to_owned()
}

pub(super) fn number(of: &Value, name: &str) -> u64 {
    of[name].as_u64().unwrap_or_default()
}

pub(super) fn list<'v>(of: &'v Value, name: &str) -> &'v [Value] {
    of[name].as_array().map_or(&[], Vec::as_slice)
}

/// A number that names something, such as a task: small.
fn small(of: &Value) -> u32 {
    of.as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or_default()
}

/// JSON that a message can carry; what is larger is left out.
fn within(json: String) -> String {
    if json.len() <= JSON { json } else { String::new() }
}

pub(super) fn entry(of: &Value) -> api::MissionEntry {
    let end = of["ended_at_ms"].as_u64().map(|at_ms| api::MissionEnd {
        at_ms,
        summary: text(of, "summary"),
        wall_ms: number(of, "wall_ms"),
        model_calls: number(of, "model_calls"),
        micro_usd: number(of, "micro_usd"),
        candidates: number(of, "candidates"),
    });
    api::MissionEntry {
        mission: text(of, "mission"),
        status: text(of, "status"),
        request: text(of, "request"),
        directory: text(of, "workspace"),
        owner: text(of, "owner"),
        submitted_at_ms: number(of, "submitted_at_ms"),
        newest_seq: number(of, "last_seq"),
        end,
    }
}

pub(super) fn mission(of: &Value) -> api::Mission {
    let id = text(of, "mission");
    let has_ended = of["status"].is_string();
    let needs = &of["needs"];
    let task = |task: &Value| api::Task {
        id: small(&task["id"]),
        role: text(task, "role"),
        intent: text(task, "intent"),
        state: text(task, "state"),
        needs: list(needs, &small(&task["id"]).to_string()).iter().map(small).collect(),
    };
    let asked = |asked: &Value| {
        let is_open = !has_ended && asked["verdict"].is_null() && asked["is_void"] != true;
        approval(&id, asked, is_open)
    };
    let ledger = &of["ledger"];
    api::Mission {
        request: text(of, "request"),
        directory: text(of, "workspace"),
        owner: text(&of["policy"], "owner"),
        status: text(of, "status"),
        summary: text(of, "summary"),
        is_running: of["running"] == true,
        seq: number(of, "last_seq"),
        newest_seq: number(of, "newest_seq"),
        submitted_at_ms: number(of, "submitted_at_ms"),
        plan: list(of, "tasks").iter().map(task).collect(),
        approvals: list(of, "approvals").iter().map(asked).collect(),
        ledger: Some(api::Ledger {
            model_calls: number(ledger, "model_calls"),
            tokens_in: number(ledger, "tokens_in"),
            tokens_out: number(ledger, "tokens_out"),
            micro_usd: number(ledger, "micro_usd"),
            candidates: number(ledger, "candidates"),
            sandbox_runs: number(ledger, "sandbox_runs"),
        }),
        commit: text(of, "commit"),
        branch: text(of, "branch"),
        patch: text(of, "patch"),
        json: within(of.to_string()),
        mission: id,
    }
}

pub(super) fn approval(mission: &str, of: &Value, is_open: bool) -> api::Approval {
    api::Approval {
        mission: mission.to_owned(),
        number: small(&of["approval"]),
        expected: text(of, "expected"),
        observed: text(of, "observed"),
        is_open,
        verdict: text(of, "verdict"),
        until_ms: number(of, "until_ms"),
    }
}

pub(super) fn record(mission: &MissionId, seq: u64, bytes: &[u8]) -> Result<api::Record, Status> {
    let bad =
        |error: &dyn std::fmt::Display| Status::data_loss(format!("record {seq} of {mission}: {error}"));
    let json = std::str::from_utf8(bytes).map_err(|error| bad(&error))?;
    let known = cell::decode(bytes).map_err(|error| bad(&error))?;
    Ok(api::Record {
        mission: mission.to_string(),
        seq,
        at_ms: known.at_ms,
        r#type: kind(&known.event).to_owned(),
        json: within(json.to_owned()),
    })
}

pub(super) fn fleet(of: &Value) -> api::FleetView {
    let worker = |worker: &Value| api::Worker {
        name: text(worker, "name"),
        standing: text(worker, "standing"),
        roles: list(worker, "roles").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        slots: number(worker, "slots"),
        busy: worker["busy"].as_u64(),
        version: text(worker, "version"),
        heard_at_ms: number(worker, "heard_at_ms"),
    };
    let lease = |lease: &Value| api::Lease {
        strand: small(&lease["strand"]),
        files: list(lease, "files").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
    };
    let under_way = |mission: &Value| api::UnderWay {
        mission: text(mission, "mission"),
        is_held: !mission["held"].is_null(),
        machine: text(&mission["held"], "machine"),
        tasks: list(mission, "tasks").iter().map(|task| text(task, "intent")).collect(),
        leases: list(mission, "leases").iter().map(lease).collect(),
    };
    let breaker = |breaker: &Value| api::Breaker {
        kind: text(breaker, "kind"),
        name: text(breaker, "name"),
        state: text(breaker, "state"),
        until_ms: number(breaker, "until_ms"),
    };
    let queue = &of["queue"];
    api::FleetView {
        workers: list(of, "workers").iter().map(worker).collect(),
        missions: list(of, "missions").iter().map(under_way).collect(),
        waiting: queue["waiting"].as_u64(),
        under_way: queue["under_way"].as_u64(),
        trouble: text(of, "trouble"),
        more_workers: number(of, "more_workers"),
        more_missions: number(of, "more_missions"),
        breakers: list(of, "breakers").iter().map(breaker).collect(),
    }
}

pub(super) fn world(of: &Value) -> api::World {
    let agent = |agent: &Value| api::AgentFacts {
        role: text(agent, "role"),
        attempts: number(agent, "attempts"),
        failed: number(agent, "failed"),
        running: number(agent, "running"),
        wall_ms: number(agent, "wall_ms"),
        succeeds: agent["succeeds"].as_f64().unwrap_or_default(),
    };
    api::World {
        missions: number(of, "missions"),
        records: number(of, "records"),
        files: number(of, "files"),
        tests: number(of, "tests"),
        red: number(of, "red"),
        flaky: number(of, "flaky"),
        agents: list(of, "agents").iter().map(agent).collect(),
        left_out: number(of, "left_out"),
        json: within(of.to_string()),
    }
}
