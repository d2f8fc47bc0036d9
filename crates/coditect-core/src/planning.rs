//! A plan that a model answered with: read leniently, held against strict rules, and refused with the reason where it breaks
//! one. Pure.

use std::collections::{BTreeMap, BTreeSet};

use coditect_types::{Aim, Stage, StageId};
use serde_json::{Value, json};

/// Stages of one mission at most. What needs more is several requests.
pub const MOST: usize = 12;
/// Tasks of an answer that are looked at: a list beyond that is refused for its length and not read.
const MOST_READ: usize = 64;
/// Bytes of what one stage is to do, and of how one sees it; files that it names.
const WHAT_BYTES: usize = 1_200;
const ACCEPT_BYTES: usize = 400;
const MOST_FILES: usize = 16;
/// Letters that two words must begin with alike to be about the same thing, and that a telling word has at least.
const ALIKE: usize = 4;

/// What a task may be to achieve, by the name of its intent.
const INTENTS: [(&str, Aim); 5] = [
    ("implement", Aim::TurnTestsGreen),
    ("fix", Aim::TurnTestsGreen),
    ("refactor", Aim::KeepBehaviour),
    ("document", Aim::KeepCode),
    ("add_tests", Aim::AddTests),
];

/// The schema of an answer.
#[must_use]
pub fn schema() -> Value {
    let names: Vec<&str> = INTENTS.iter().map(|(name, _)| *name).chain(["rename"]).collect();
    let text = json!({ "type": "string" });
    let task = json!({
        "type": "object",
        "properties": {
            "id": { "type": "integer" },
            "intent": { "type": "string", "enum": names },
            "what": text,
            "files": { "type": "array", "items": text },
            "tests": { "type": "array", "items": text },
            "needs": { "type": "array", "items": { "type": "integer" } },
            "accept": text,
        },
        "required": ["id", "intent", "what", "files", "tests", "needs", "accept"],
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": { "tasks": { "type": "array", "items": task, "minItems": 1, "maxItems": MOST } },
        "required": ["tasks"],
        "additionalProperties": false,
    })
}

/// The stages of an answer, each behind those that it needs; one alone where the request is one piece of work. Or why it is
/// no plan for this request. `most`: the stages that the mission can pay for.
pub fn read(answer: &str, request: &str, most: usize) -> Result<Vec<Stage>, String> {
    let tasks = tasks(answer)?;
    if tasks.is_empty() {
        return Err("it holds no task".into());
    }
    if tasks.len() > MOST {
        return Err(format!("it holds {} tasks; a request has {MOST} at most", tasks.len()));
    }
    if tasks.len() > most {
        return Err(format!("it holds {} tasks, and the budget is enough for {most}", tasks.len()));
    }
    let mut stages: Vec<Stage> = Vec::new();
    let numbers = numbers(&tasks)?;
    for (task, id) in tasks.iter().zip(&numbers) {
        stages.push(stage(task, *id, request)?);
    }
    let known: BTreeSet<StageId> = numbers.iter().copied().collect();
    for stage in &stages {
        if let Some(lacking) = stage.needs.iter().find(|need| !known.contains(need)) {
            return Err(format!("task {} needs task {lacking}, which there is not", stage.id));
        }
    }
    in_order(stages)
}

/// The list of tasks in an answer, wherever it stands: bare, in a fence, among prose.
fn tasks(answer: &str) -> Result<Vec<Value>, String> {
    let starts = answer.char_indices().filter(|(_, c)| matches!(c, '{' | '[')).map(|(at, _)| at);
    // A text of nothing but brackets costs no more than these.
    for start in starts.take(16) {
        let mut values = serde_json::Deserializer::from_str(&answer[start..]).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else { continue };
        let list = match value {
            Value::Array(list) => Some(list),
            Value::Object(mut fields) => {
                let named = fields.remove("tasks").or_else(|| fields.remove("plan"));
                if let Some(Value::Array(list)) = named { Some(list) } else { None }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        if let Some(list) = list.filter(|list| list.iter().all(Value::is_object)) {
            return Ok(list);
        }
    }
    Err("it holds no JSON with a list `tasks`".into())
}

/// The number of each task: its own, or its place where it has none.
fn numbers(tasks: &[Value]) -> Result<Vec<StageId>, String> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for (task, place) in tasks.iter().take(MOST_READ).zip(1..) {
        let id = StageId(task.get("id").and_then(number).unwrap_or(place));
        if !seen.insert(id) {
            return Err(format!("two of its tasks are number {id}"));
        }
        all.push(id);
    }
    Ok(all)
}

/// A number, written as one or as text (`2`, `"2"`, `"t2"`).
fn number(value: &Value) -> Option<u32> {
    match value {
        Value::Number(n) => n.as_u64().and_then(|n| u32::try_from(n).ok()),
        Value::String(text) => text.trim().trim_start_matches(|c: char| c.is_alphabetic()).parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn stage(task: &Value, id: StageId, request: &str) -> Result<Stage, String> {
    let text = |field: &str| task.get(field).and_then(Value::as_str).unwrap_or_default().trim();
    let what = if text("what").is_empty() { text("title") } else { text("what") };
    if what.is_empty() {
        return Err(format!("task {id} does not say what it is to do"));
    }
    if !is_about(what, request) {
        return Err(format!("task {id} (\"{}\") is about nothing that was asked for", clipped(what, 80)));
    }
    let intent = text("intent").to_lowercase().replace([' ', '-'], "_");
    let aim = match intent.as_str() {
        "" => Some(crate::request::aim(what)),
        named => INTENTS.iter().find(|(name, _)| *name == named).map(|(_, aim)| aim.clone()),
    };
    // A name to be replaced is read out of the words; where there is none, the code is written another way.
    let aim = aim.or_else(|| (intent == "rename").then(|| crate::request::aim(what)));
    let Some(aim) = aim else {
        return Err(format!("task {id} has the intent \"{}\", which there is not", clipped(&intent, 40)));
    };
    let list = |field: &str| task.get(field).and_then(Value::as_array).into_iter().flatten();
    let mut files: Vec<String> = Vec::new();
    for file in list("files").chain(list("tests")).filter_map(Value::as_str) {
        let file = file.trim().trim_start_matches("./").trim_end_matches('/');
        if file.is_empty() || files.iter().any(|known| known == file) {
            continue;
        }
        if !is_inside(file) {
            return Err(format!("task {id} names the file \"{}\", which is outside", clipped(file, 80)));
        }
        files.push(file.to_owned());
    }
    files.truncate(MOST_FILES);
    let needs: BTreeSet<StageId> = list("needs").filter_map(number).map(StageId).collect();
    if needs.contains(&id) {
        return Err(format!("task {id} needs itself"));
    }
    Ok(Stage {
        id,
        what: clipped(what, WHAT_BYTES),
        aim,
        files,
        accept: clipped(text("accept"), ACCEPT_BYTES),
        needs: needs.into_iter().collect(),
    })
}

/// Whether a word of what a task is to do is one of the request: what was not asked for is not done.
fn is_about(what: &str, request: &str) -> bool {
    let words = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= ALIKE);
        words.map(|word| word.to_lowercase().chars().take(ALIKE).collect()).collect()
    };
    let (what, request) = (words(what), words(request));
    // A request of short words only says nothing that could be compared.
    request.is_empty() || !what.is_disjoint(&request)
}

/// A path below the top that is none of git's own.
fn is_inside(path: &str) -> bool {
    let mut parts = path.split(['/', '\\']);
    !path.starts_with(['/', '~']) && !path.contains(':') && !parts.any(|part| part == ".." || part == ".git")
}

/// The stages, each behind those that it needs, else in the order of the answer.
fn in_order(stages: Vec<Stage>) -> Result<Vec<Stage>, String> {
    let mut placed: BTreeSet<StageId> = BTreeSet::new();
    let mut left: BTreeMap<usize, Stage> = stages.into_iter().enumerate().collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let ready = left.iter().find(|(_, stage)| stage.needs.iter().all(|need| placed.contains(need)));
        let Some(at) = ready.map(|(at, _)| *at) else {
            let circle: Vec<String> = left.values().map(|stage| stage.id.to_string()).collect();
            return Err(format!("its tasks {} need one another in a circle", circle.join(", ")));
        };
        let stage = left.remove(&at);
        placed.extend(stage.as_ref().map(|stage| stage.id));
        ordered.extend(stage);
    }
    Ok(ordered)
}

fn clipped(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let cut = if end < text.len() { "…" } else { "" };
    format!("{}{cut}", &text[..end])
}

#[cfg(test)]
mod tests;
