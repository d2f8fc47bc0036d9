//! What one looks at beside missions: costs and memory.

use std::time::{SystemTime, UNIX_EPOCH};

use coditect_types::EpisodeId;

use super::*;
use crate::pages::{costs, memory};

/// How far back.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Back {
    days: Option<u64>,
}

/// What is looked for.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Words {
    #[serde(default)]
    q: String,
}

async fn sums(
    shared: &Arc<Shared>,
    visitor: Arc<Visitor>,
    query: Result<Query<Back>, QueryRejection>,
) -> Result<costs::Costs, Oops> {
    let days = asked(query)?.days.unwrap_or(costs::FEW);
    shared
        .blocking(move |shared| {
            let (entries, _) = shared.missions(&visitor)?;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Ok(costs::of(&entries, days, u64::try_from(now.as_millis()).unwrap_or(u64::MAX)))
        })
        .await
}

pub(super) async fn costs(
    State(shared): Shares,
    Extension(visitor): Visits,
    query: Result<Query<Back>, QueryRejection>,
) -> Response {
    let done = async { page(costs::make(&sums(&shared, visitor, query).await?)) };
    told(done.await, Reader::Person)
}

pub(super) async fn api_costs(
    State(shared): Shares,
    Extension(visitor): Visits,
    query: Result<Query<Back>, QueryRejection>,
) -> Response {
    let done = async { Ok(object(&costs::json(&sums(&shared, visitor, query).await?))) };
    told(done.await, Reader::Program)
}

async fn recalled(
    shared: &Arc<Shared>,
    visitor: Arc<Visitor>,
    query: Result<Query<Words>, QueryRejection>,
) -> Result<(crate::house::Recollection, String), Oops> {
    let q = words(&asked(query)?.q)?;
    let of = q.clone();
    let found = shared.blocking(move |shared| Ok(shared.house.recall(&visitor, &of, memory::MOST)?));
    Ok((found.await?, q))
}

pub(super) async fn memory(
    State(shared): Shares,
    Extension(visitor): Visits,
    query: Result<Query<Words>, QueryRejection>,
) -> Response {
    let done = async {
        let (found, q) = recalled(&shared, visitor, query).await?;
        page(memory::list(&found, &q))
    };
    told(done.await, Reader::Person)
}

pub(super) async fn api_memory(
    State(shared): Shares,
    Extension(visitor): Visits,
    query: Result<Query<Words>, QueryRejection>,
) -> Response {
    let done = async { Ok(as_json(&recalled(&shared, visitor, query).await?.0)) };
    told(done.await, Reader::Program)
}

async fn one(shared: &Arc<Shared>, visitor: Arc<Visitor>, id: &str) -> Result<crate::house::Told, Oops> {
    let id = EpisodeId::parse(id).map_err(|bad| {
        Oops::new(ErrorKind::NotFound, bad.to_string()).hint("all episodes are at `/memory`")
    })?;
    shared.blocking(move |shared| Ok(shared.house.episode(&visitor, &id)?)).await
}

pub(super) async fn episode(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
) -> Response {
    let done = async { page(memory::one(&one(&shared, visitor, &id).await?)) };
    told(done.await, Reader::Person)
}

pub(super) async fn api_episode(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
) -> Response {
    let done = async { Ok(as_json(&one(&shared, visitor, &id).await?)) };
    told(done.await, Reader::Program)
}

pub(super) fn as_json(value: &impl serde::Serialize) -> Response {
    // Texts and numbers: there is nothing in it that JSON could not have.
    object(&serde_json::to_value(value).unwrap_or_default())
}
