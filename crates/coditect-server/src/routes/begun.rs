//! What a person begins, and what they hold against something else: missions, forks, two moments, two missions.

use std::time::{SystemTime, UNIX_EPOCH};

use super::*;
use crate::house::Terms;

/// Bytes of a directory's path and of a model's name.
const NAME: usize = 4 << 10;
/// How far the time in a mission's name may be from now: clocks differ.
const AWAY_MS: u64 = 24 * 3600 * 1000;
/// Bytes of a request, as the core takes it.
const REQUEST: usize = 64 << 10;

/// Numbers in a form, which may be left empty.
fn number(text: &str, what: &str) -> Result<Option<u64>, Oops> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            Oops::new(ErrorKind::Invalid, format!("`{text}` is no number for {what}"))
                .hint("write digits, or leave it empty")
        }),
    }
}

fn terms(model: &str, budget_s: &str, seed: &str) -> Result<Terms, Oops> {
    Ok(Terms {
        model: self::model(model)?,
        budget_s: number(budget_s, "the time, seconds")?,
        seed: number(seed, "the seed")?,
        id: None,
    })
}

/// A model's name, or nothing.
pub(super) fn model(name: &str) -> Result<String, Oops> {
    short(name, "the model's name", NAME)
}

/// A name that whoever begins a mission has chosen for it: one that they could just have been given, so that lists stay in order.
pub(super) fn id(text: &str) -> Result<MissionId, Oops> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
    let known = MissionId::parse(text)
        .ok()
        .filter(|id| id.made_at_ms().is_some_and(|at_ms| at_ms.abs_diff(now_ms) <= AWAY_MS));
    known.ok_or_else(|| {
        Oops::new(ErrorKind::Invalid, "the id is none that a mission could be given now")
            .hint("leave it away, or make it of the time and of chance, as `/api/openapi.json` says")
    })
}

fn short(text: &str, what: &str, most: usize) -> Result<String, Oops> {
    let text = text.trim();
    if text.len() > most {
        return Err(Oops::new(ErrorKind::Invalid, format!("{what} is longer than {most} bytes")));
    }
    // What stands first is taken for a flag nowhere, and a line's end is nothing of a name.
    Ok(text.to_owned())
}

/// The form that begins a mission.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct BeginForm {
    form: String,
    request: String,
    dir: String,
    #[serde(default)]
    model: String,
    #[serde(default)]
    budget_s: String,
}

/// What a mission is begun with, within bounds.
pub(super) fn wanted(request: &str, dir: &str) -> Result<(String, String), Oops> {
    let request = short(request, "the request", REQUEST)?;
    let dir = short(dir, "the directory", NAME)?;
    if request.is_empty() || dir.is_empty() {
        let cause = "a mission needs a request and a directory";
        return Err(Oops::new(ErrorKind::Invalid, cause).hint("say both"));
    }
    Ok((request, dir))
}

pub(super) async fn begin(
    State(shared): Shares,
    Extension(visitor): Visits,
    form: Result<Form<BeginForm>, FormRejection>,
) -> Response {
    let done = async {
        let sent = sent(form)?;
        own_form(&shared, &sent.form)?;
        let what = wanted(&sent.request, &sent.dir)?;
        let mission = shared.begun(visitor, what, terms(&sent.model, &sent.budget_s, "")?).await?;
        Ok(Redirect::to(&format!("/missions/{mission}")).into_response())
    };
    told(done.await, Reader::Person)
}

/// The form that forks a mission.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ForkForm {
    form: String,
    at: u64,
    #[serde(default)]
    model: String,
    #[serde(default)]
    budget_s: String,
    #[serde(default)]
    seed: String,
}

pub(super) async fn fork(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
    form: Result<Form<ForkForm>, FormRejection>,
) -> Response {
    let done = async {
        let (id, sent) = (named(&id)?, sent(form)?);
        own_form(&shared, &sent.form)?;
        let terms = terms(&sent.model, &sent.budget_s, &sent.seed)?;
        let mission = shared.forked(visitor, (id, sent.at), terms).await?;
        Ok(Redirect::to(&format!("/missions/{mission}")).into_response())
    };
    told(done.await, Reader::Person)
}

/// Two moments.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Two {
    from: u64,
    to: u64,
}

pub(super) async fn between(
    State(shared): Shares,
    Path(id): Path<String>,
    query: Result<Query<Two>, QueryRejection>,
) -> Response {
    let done = async {
        let (id, of) = (named(&id)?, asked(query)?);
        let mission = id.clone();
        let found = shared.blocking(move |shared| Ok(shared.house.between(&id, of.from, of.to)?)).await?;
        page(pages::sides::between(&mission, (of.from, of.to), &found))
    };
    told(done.await, Reader::Person)
}

/// The other mission, as a form has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct With {
    with: String,
}

pub(super) async fn compare(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
    query: Result<Query<With>, QueryRejection>,
) -> Response {
    let done = async {
        let (first, second) = (named(&id)?, named(asked(query)?.with.trim())?);
        let both = (first.clone(), second.clone());
        let found = shared.blocking(move |shared| {
            shared.must_reach(&visitor, &both.1)?;
            Ok(shared.house.compare(&both.0, &both.1)?)
        });
        let found = found.await?;
        page(pages::sides::compared(&first, &second, &found))
    };
    told(done.await, Reader::Person)
}
