//! The same as the pages, as JSON, for programs: to read and to do. `assets/openapi.json` describes it.

use axum::extract::Json;
use axum::extract::rejection::JsonRejection;
use coditect_runtime::MissionView;
use serde_json::json;

use super::*;
use crate::house::Terms;

/// All of it.
pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/missions", get(list).post(begin))
        .route("/api/missions/{id}", get(mission))
        .route("/api/missions/{id}/records", get(records))
        .route("/api/missions/{id}/events", get(events))
        .route("/api/missions/{id}/graph", get(graph::api))
        .route("/api/missions/{id}/world", get(world::api))
        .route("/api/missions/{id}/fork", post(fork))
        .route("/api/missions/{id}/cancel", post(cancel))
        .route("/api/missions/{id}/approvals/{number}", post(answer))
        .route("/api/approvals", get(approvals))
        .route("/api/costs", get(looks::api_costs))
        .route("/api/memory", get(looks::api_memory))
        .route("/api/memory/{id}", get(looks::api_episode))
        .route("/api/fleet", get(fleet::api))
        .route("/api/graph", get(graph::api_list))
        .route("/api/me", get(me))
        .route(
            "/api/openapi.json",
            get(|| async { asset("application/json", include_str!("../../assets/openapi.json")) }),
        )
}

async fn list(
    State(shared): Shares,
    Extension(visitor): Visits,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let done = async {
        let wanted = asked(query)?;
        let made = shared.blocking(move |shared| {
            let (entries, all) = shared.missions(&visitor)?;
            let chosen = pages::list::choose(shared.house.as_ref(), entries, &wanted)?;
            // All of them, unless a page is asked for.
            let shown = match wanted.page {
                None => chosen.as_slice(),
                Some(page) => {
                    let first =
                        page.max(1).saturating_sub(1).saturating_mul(pages::list::PAGE).min(chosen.len());
                    &chosen[first..chosen.len().min(first.saturating_add(pages::list::PAGE))]
                }
            };
            Ok(json::list(shown, all))
        });
        Ok(object(&made.await?))
    };
    told(done.await, Reader::Program)
}

async fn mission(
    State(shared): Shares,
    Path(id): Path<String>,
    query: Result<Query<When>, QueryRejection>,
) -> Response {
    let done = async {
        let (id, when) = (named(&id)?, asked(query)?);
        let made = shared.blocking(move |shared| {
            let moment = shared.moment(&id, when.at)?;
            Ok(json::mission(&moment, shared.house.is_running(&id)))
        });
        Ok(object(&made.await?))
    };
    told(done.await, Reader::Program)
}

/// Which records are wanted.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Which {
    from: Option<u64>,
    limit: Option<usize>,
}

async fn records(
    State(shared): Shares,
    Path(id): Path<String>,
    query: Result<Query<Which>, QueryRejection>,
) -> Response {
    let done = async {
        let (id, which) = (named(&id)?, asked(query)?);
        let made = shared.blocking(move |shared| {
            // Says whether there is such a mission, and how far it is.
            let newest = shared.moment(&id, None)?.newest_seq;
            Ok(json::records(shared.house.journal(), &id, (which.from, which.limit), newest)?)
        });
        Ok(([(header::CONTENT_TYPE, "application/json")], made.await?).into_response())
    };
    told(done.await, Reader::Program)
}

/// What a mission is begun with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    request: String,
    dir: String,
    #[serde(default)]
    model: String,
    budget_s: Option<u64>,
    /// What the mission is to be called: whoever sends the same again begins nothing twice.
    id: Option<String>,
}

async fn begin(
    State(shared): Shares,
    Extension(visitor): Visits,
    body: Result<Json<Begin>, JsonRejection>,
) -> Response {
    let done = async {
        let Begin { request, dir, model, budget_s, id } = read(body)?;
        let what = begun::wanted(&request, &dir)?;
        let id = id.map(|id| begun::id(&id)).transpose()?;
        let terms = Terms { model: begun::model(&model)?, budget_s, seed: None, id };
        Ok(made(&shared.begun(visitor, what, terms).await?))
    };
    told(done.await, Reader::Program)
}

/// What a fork is to have otherwise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fork {
    at: u64,
    #[serde(default)]
    model: String,
    budget_s: Option<u64>,
    seed: Option<u64>,
}

async fn fork(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
    body: Result<Json<Fork>, JsonRejection>,
) -> Response {
    let done = async {
        let (id, Fork { at, model, budget_s, seed }) = (named(&id)?, read(body)?);
        let terms = Terms { model: begun::model(&model)?, budget_s, seed, id: None };
        Ok(made(&shared.forked(visitor, (id, at), terms).await?))
    };
    told(done.await, Reader::Program)
}

/// A mission that was begun, and where it is to be looked for.
fn made(mission: &MissionId) -> Response {
    let mut response = object(&json!({ "mission": mission }));
    *response.status_mut() = StatusCode::CREATED;
    // An id has no characters that a header could not have.
    if let Ok(place) = HeaderValue::from_str(&format!("/api/missions/{mission}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

/// Why a mission is to end.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    #[serde(default)]
    why: String,
}

async fn cancel(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
    body: Result<Json<Cancel>, JsonRejection>,
) -> Response {
    let done = async {
        let said = shared.cancelled(&visitor, &named(&id)?, &read(body)?.why).await?;
        Ok(object(&json!({ "said": said })))
    };
    told(done.await, Reader::Program)
}

/// The answer to a question.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    verdict: Verdict,
    #[serde(default)]
    why: String,
}

async fn answer(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path((id, number)): Path<(String, String)>,
    body: Result<Json<Answer>, JsonRejection>,
) -> Response {
    let done = async {
        let (id, Answer { verdict, why }) = (named(&id)?, read(body)?);
        let said = shared.answered(visitor, (&id, &number), verdict, ("", &why));
        Ok(object(&json!({ "said": said.await? })))
    };
    told(done.await, Reader::Program)
}

/// The questions that wait for an answer, of all missions that have not ended.
async fn approvals(State(shared): Shares, Extension(visitor): Visits) -> Response {
    let done = shared.blocking(move |shared| {
        let (entries, _) = shared.missions(&visitor)?;
        let mut open = Vec::new();
        for entry in entries.iter().filter(|entry| entry.end.is_none()) {
            // One that cannot be read asks nothing, and does not hide what the others ask.
            let Ok(moment) = shared.moments.now(shared.house.journal(), &entry.mission) else { continue };
            open.extend(waiting(&moment.view));
        }
        Ok(object(&json!({ "approvals": open })))
    });
    told(done.await, Reader::Program)
}

fn waiting(view: &MissionView) -> impl Iterator<Item = serde_json::Value> {
    let open = view.approvals.iter().filter(|asked| asked.is_open(view));
    open.map(|asked| json!({ "mission": view.mission, "request": view.request, "question": asked }))
}

/// Who asks.
async fn me(State(shared): Shares, Extension(visitor): Visits) -> Response {
    let who = shared.who(&visitor);
    object(&json!({
        "user": visitor.user,
        "person": who.person,
        "token": visitor.token,
        "roles": visitor.roles,
        "of": visitor.of,
    }))
}

fn read<T>(body: Result<Json<T>, JsonRejection>) -> Result<T, Oops> {
    body.map(|Json(body)| body).map_err(|bad| {
        let oops = Oops::new(ErrorKind::Invalid, format!("the body cannot be read: {}", bad.body_text()));
        oops.with_status(bad.status()).hint("`/api/openapi.json` says what is sent")
    })
}
