//! The knowledge graphs of projects that missions worked on.

use super::*;
use crate::house::graph::{Explored, Few, GraphAsked};
use crate::pages::explorer::{self, ProjectOf};

/// What is asked of a graph.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Asks {
    #[serde(default)]
    q: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    exported: String,
}

async fn projects(shared: &Arc<Shared>, visitor: Arc<Visitor>) -> Result<Few<ProjectOf>, Oops> {
    shared.blocking(move |shared| Ok(explorer::projects(&shared.missions(&visitor)?.0))).await
}

pub(super) async fn list(State(shared): Shares, Extension(visitor): Visits) -> Response {
    let done = async { page(explorer::list(&projects(&shared, visitor).await?)) };
    told(done.await, Reader::Person)
}

pub(super) async fn api_list(State(shared): Shares, Extension(visitor): Visits) -> Response {
    let done = async { Ok(object(&explorer::projects_json(&projects(&shared, visitor).await?))) };
    told(done.await, Reader::Program)
}

/// What the graph of a mission's directory says. That the visitor reaches the mission, the guard has seen to.
async fn explored(
    shared: &Arc<Shared>,
    visitor: Arc<Visitor>,
    id: &str,
    query: Result<Query<Asks>, QueryRejection>,
) -> Result<(MissionId, GraphAsked, Explored), Oops> {
    let (id, asks) = (named(id)?, asked(query)?);
    let asked = GraphAsked {
        name: words(&asks.q)?,
        kind: words(&asks.kind)?,
        exported_is_needed: asks.exported.is_empty(),
    };
    let (mission, wanted) = (id.clone(), asked.clone());
    let found = shared.in_turn(&shared.graphs, move |shared| {
        shared.must_reach(&visitor, &mission)?;
        let dir = shared.workspace(&mission)?;
        Ok(shared.house.explore(&visitor, &dir, &wanted)?)
    });
    Ok((id, asked, found.await?))
}

pub(super) async fn page_of(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
    query: Result<Query<Asks>, QueryRejection>,
) -> Response {
    let done = async {
        let (mission, asked, found) = explored(&shared, visitor, &id, query).await?;
        page(explorer::one(&mission, &asked, &found))
    };
    told(done.await, Reader::Person)
}

pub(super) async fn api(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
    query: Result<Query<Asks>, QueryRejection>,
) -> Response {
    let done = async { Ok(looks::as_json(&explored(&shared, visitor, &id, query).await?.2)) };
    told(done.await, Reader::Program)
}
