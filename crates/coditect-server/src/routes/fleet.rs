//! Who is at work, for a page and for programs.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use coditect_runtime::at_work;
use coditect_types::fleet::FleetView;

use super::*;
use crate::pages::fleet;

async fn seen(shared: &Arc<Shared>, visitor: &Arc<Visitor>) -> Result<FleetView, Oops> {
    let visitor = Arc::clone(visitor);
    shared.in_turn(&shared.fleets, move |shared| look(shared, &visitor)).await
}

fn look(shared: &Shared, visitor: &Visitor) -> Result<FleetView, Oops> {
    let all = shared.house.fleet()?;
    let (entries, _) = shared.missions(visitor)?;
    // What workers say may name any mission: those that are shown are looked up here, and none in the journal.
    let own: BTreeSet<MissionId> = entries.iter().map(|entry| entry.mission.clone()).collect();
    let mut seen = fleet::for_visitor(all, visitor, |mission| own.contains(mission));
    let performed: BTreeSet<&MissionId> =
        seen.workers.iter().flat_map(|worker| worker.jobs.iter().map(|job| &job.mission)).collect();
    let open = entries.into_iter().filter(|entry| entry.end.is_none());
    let mut open: Vec<_> = open.map(|entry| (shared.house.holder(&entry.mission), entry)).collect();
    open.sort_by_key(|(holder, entry)| {
        (holder.is_none(), !performed.contains(&entry.mission), Reverse(entry.submitted_at_ms))
    });
    seen.more_missions = open.len().saturating_sub(fleet::MOST) as u64;
    let view = |of: &Entry| Some(shared.moments.now(shared.house.journal(), &of.mission).ok()?.view);
    let shown = open.iter().take(fleet::MOST);
    seen.missions =
        shown.map(|(holder, entry)| shared.hands.of(entry, holder.clone(), || view(entry))).collect();
    at_work::place(&mut seen);
    Ok(seen)
}

pub(super) async fn page_of(State(shared): Shares, Extension(visitor): Visits) -> Response {
    let done = async { page(fleet::make(&seen(&shared, &visitor).await?, &visitor)) };
    told(done.await, Reader::Person)
}

pub(super) async fn api(State(shared): Shares, Extension(visitor): Visits) -> Response {
    let done = async { Ok(looks::as_json(&seen(&shared, &visitor).await?)) };
    told(done.await, Reader::Program)
}
