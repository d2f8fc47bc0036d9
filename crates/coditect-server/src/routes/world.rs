//! What all missions on a directory have shown, for programs.

use std::time::Instant;

use coditect_runtime::known::world_as_json;
use coditect_runtime::world::WorldModel;

use super::*;
use crate::moments::each;

/// Missions that are read, the newest, and for how long.
const NEWEST: usize = 1_000;
const READ_FOR: Duration = Duration::from_secs(20);
/// Records that are held at once at most: they are read from the newest mission on and told from the oldest.
const RECORDS: usize = 200_000;

/// The world model of a mission's directory, made of the missions there that the visitor reaches.
pub(super) async fn api(
    State(shared): Shares,
    Extension(visitor): Visits,
    Path(id): Path<String>,
) -> Response {
    let done = async {
        let id = named(&id)?;
        // One at a time of each user, so that nobody keeps the others waiting.
        let name = visitor.user.as_ref().map_or("", |user| user.as_str()).to_owned();
        let _place = shared.places.take("world models", &name, 1)?;
        Ok(object(&shared.in_turn(&shared.worlds, move |shared| world(shared, &visitor, &id)).await?))
    };
    told(done.await, Reader::Program)
}

fn world(shared: &Shared, visitor: &Visitor, mission: &MissionId) -> Result<serde_json::Value, Oops> {
    let journal = shared.house.journal();
    let directory = shared.workspace(mission)?;
    let (entries, _) = shared.missions(visitor)?;
    let own = entries.into_iter().filter(|entry| entry.workspace == directory);
    let mut own: Vec<(MissionId, u64)> = own.map(|entry| (entry.mission, entry.last_seq)).collect();
    // One of those that are too old for the list is a part of it all the same.
    if own.iter().all(|(one, _)| one != mission) {
        own.push((mission.clone(), u64::MAX));
    }
    let (mut model, mut held, began) = (WorldModel::default(), 0, Instant::now());
    // The newest first, as long as there is time and room; told from the oldest on, as they happened.
    let mut histories = Vec::new();
    for (one, last_seq) in own.iter().take(NEWEST) {
        let mut records = Vec::new();
        let mut is_whole = true;
        let read = each(journal, one, (1, *last_seq), |record| {
            is_whole = is_whole && held + records.len() < RECORDS && began.elapsed() < READ_FOR;
            if is_whole {
                records.push(record.clone());
            }
        });
        match read {
            Ok(()) if is_whole => {
                held += records.len();
                histories.push(records);
            }
            Ok(()) => break,
            // One that cannot be read hides nothing of the others.
            Err(error) => tracing::warn!(mission = %one, %error, "a mission is left out of the world model"),
        }
    }
    histories.iter().rev().flatten().for_each(|record| model.apply(record));
    let read = histories.len();
    let mut told = world_as_json(&model, read);
    if read < own.len() {
        told["left_out"] = (own.len() - read).into();
    }
    Ok(told)
}
