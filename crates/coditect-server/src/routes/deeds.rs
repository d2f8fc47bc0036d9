//! What visitors do, whether by a form or by a program.

use super::*;
use crate::house::Terms;

impl Shared {
    /// Begins a mission of a visitor's. What it is begun with is within bounds.
    pub(super) async fn begun(
        self: &Arc<Self>,
        by: Arc<Visitor>,
        (request, dir): (String, String),
        terms: Terms,
    ) -> Result<MissionId, Oops> {
        self.beginning(move |shared| Ok(shared.house.begin(&by, &request, &dir, &terms)?)).await
    }

    /// Begins a mission of a visitor's where another one stood behind a record.
    pub(super) async fn forked(
        self: &Arc<Self>,
        by: Arc<Visitor>,
        (of, at): (MissionId, u64),
        terms: Terms,
    ) -> Result<MissionId, Oops> {
        self.beginning(move |shared| Ok(shared.house.fork(&by, &of, at, &terms)?)).await
    }

    /// Ends a mission, and gives what came of it. Its journal is to say by which user, where it was one.
    pub(super) async fn cancelled(
        self: &Arc<Self>,
        by: &Visitor,
        mission: &MissionId,
        why: &str,
    ) -> Result<String, Oops> {
        let why = words(why)?;
        let reason = match (&by.user, why.is_empty()) {
            (Some(user), true) => format!("cancelled by {user}"),
            (Some(user), false) => format!("cancelled by {user}: {why}"),
            (None, true) => "cancelled by a person".to_owned(),
            (None, false) => why,
        };
        let mission = mission.clone();
        self.blocking(move |shared| Ok(shared.house.cancel(&mission, reason)?)).await
    }

    /// Answers a question, and gives what came of it: in a user's own name, or in the one that the person gives.
    pub(super) async fn answered(
        self: &Arc<Self>,
        by: Arc<Visitor>,
        (mission, number): (&MissionId, &str),
        verdict: Verdict,
        (name, why): (&str, &str),
    ) -> Result<String, Oops> {
        let number = number.parse().map(ApprovalId).map_err(|_| {
            Oops::new(ErrorKind::NotFound, "there is no such question")
                .hint("the mission's page lists its questions")
        })?;
        let (name, why, mission) = (words(name)?, words(why)?, mission.clone());
        self.blocking(move |shared| {
            let name = match &by.user {
                Some(user) => user.to_string(),
                None if name.is_empty() => shared.house.person(),
                None => name,
            };
            Ok(shared.house.answer(&mission, number, verdict, name, why)?)
        })
        .await
    }
}
