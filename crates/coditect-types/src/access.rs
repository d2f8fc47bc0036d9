//! Who may do what through a door that several people use.

use std::collections::BTreeSet;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of a user: 1 to 64 characters of `0-9a-z._-`, the first a letter or a digit. It is safe as the name of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct UserName(String);

/// A text that cannot name a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadUserName(pub String);

impl fmt::Display for BadUserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.escape_default();
        write!(
            f,
            "`{text}` is no name of a user: one is up to 64 of `0-9a-z._-`, and begins with a letter or a digit"
        )
    }
}

impl std::error::Error for BadUserName {}

impl UserName {
    /// Characters of a name.
    const MOST: usize = 64;

    /// Checks `text`.
    pub fn parse(text: &str) -> Result<Self, BadUserName> {
        let plain = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
        let is_name = text.bytes().next().is_some_and(plain)
            && text.len() <= Self::MOST
            && text.bytes().all(|b| plain(b) || b"._-".contains(&b));
        if is_name { Ok(Self(text.to_owned())) } else { Err(BadUserName(text.to_owned())) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserName {
    type Error = BadUserName;

    fn try_from(text: String) -> Result<Self, BadUserName> {
        Self::parse(&text)
    }
}

impl From<UserName> for String {
    fn from(name: UserName) -> Self {
        name.0
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a user is let do. One may have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserRole {
    /// Looks at missions.
    Viewer,
    /// Begins, forks and cancels missions, and looks at them.
    Operator,
    /// Answers the questions of missions, and looks at them.
    Approver,
    /// All of that with everybody's missions, and the figures of all.
    Admin,
}

/// What is asked of a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// To look at a mission, or at the list of them.
    Look,
    /// To begin a mission or to fork one.
    Begin,
    /// To end a mission.
    Cancel,
    /// To answer a question of a mission.
    Answer,
    /// To read the figures of all missions.
    Measure,
}

impl Deed {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Look, Self::Begin, Self::Cancel, Self::Answer, Self::Measure];

    /// Its name, as it is kept.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Begin => "begin",
            Self::Cancel => "cancel",
            Self::Answer => "answer",
            Self::Measure => "measure",
        }
    }
}

impl UserRole {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Approver, Self::Admin];

    /// Whether who has this one is let do that. The only place that says so.
    #[must_use]
    pub fn allows(self, deed: Deed) -> bool {
        match (self, deed) {
            (Self::Admin, _) | (Self::Viewer | Self::Operator | Self::Approver, Deed::Look) => true,
            (Self::Operator, Deed::Begin | Deed::Cancel) | (Self::Approver, Deed::Answer) => true,
            (Self::Viewer, Deed::Begin | Deed::Cancel | Deed::Answer | Deed::Measure)
            | (Self::Operator, Deed::Answer | Deed::Measure)
            | (Self::Approver, Deed::Begin | Deed::Cancel | Deed::Measure) => false,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Admin => "admin",
        }
    }
}

/// Who stands before a door, once it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visitor {
    /// The user; None: the person whose machine it is, who needs no name.
    pub user: Option<UserName>,
    /// What they are let do.
    pub roles: BTreeSet<UserRole>,
    /// Users whose missions they reach beside their own.
    pub of: BTreeSet<UserName>,
    /// The name of the token that was shown, which is no secret.
    pub token: Option<String>,
}

impl Visitor {
    /// The person whose machine it is.
    #[must_use]
    pub fn person() -> Self {
        Self { user: None, roles: BTreeSet::from([UserRole::Admin]), of: BTreeSet::new(), token: None }
    }

    /// Whether they are let do this at all.
    #[must_use]
    pub fn may(&self, deed: Deed) -> bool {
        self.roles.iter().any(|role| role.allows(deed))
    }

    /// Whether a mission that this user owns is one of those that they reach. Nobody's is the person's whose machine it is.
    #[must_use]
    pub fn reaches(&self, owner: Option<&UserName>) -> bool {
        self.roles.contains(&UserRole::Admin)
            || owner.is_some_and(|owner| self.user.as_ref() == Some(owner) || self.of.contains(owner))
    }
}

/// What is said to who shows a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// They are known.
    Known(Visitor),
    /// It is none of ours.
    Unknown,
    /// It was one of this user's.
    Past {
        /// Whose.
        user: UserName,
        /// The token's name.
        token: String,
        /// Why it opens nothing any more: `expired` or `revoked`.
        why: &'static str,
    },
}

/// What the book of a door keeps of one thing that was asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// Who; None: nobody who was known, or the person whose machine it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserName>,
    /// By which token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// From where: an address, or `local`.
    pub from: String,
    /// The call, such as `POST /api/missions`.
    pub call: String,
    /// What it was about: a mission, a user, a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// Whether it was let happen.
    pub allowed: bool,
    /// Why not, or what came of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// Refusals that were not written before this line, since too many came at once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unwritten: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> UserName {
        UserName::parse(text).unwrap()
    }

    #[test]
    fn a_name_is_safe_as_a_directory() {
        for good in ["ada", "ada.l", "7of9", "a-b_c", &"a".repeat(64)] {
            assert!(UserName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "-a", "Ada", "a/b", "a b", "é", "a\n", &"a".repeat(65)] {
            assert!(UserName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(serde_json::from_str::<UserName>("\"../a\"").is_err());
    }

    #[test]
    fn who_may_do_what() {
        let table = [
            (UserRole::Viewer, [true, false, false, false, false]),
            (UserRole::Operator, [true, true, true, false, false]),
            (UserRole::Approver, [true, false, false, true, false]),
            (UserRole::Admin, [true; 5]),
        ];
        for (role, allowed) in table {
            for (deed, is) in Deed::ALL.into_iter().zip(allowed) {
                assert_eq!(role.allows(deed), is, "{role:?} {deed:?}");
            }
        }
    }

    #[test]
    fn missions_are_reached_by_their_owner_and_who_is_let() {
        let of = |user: &str, role, of: &[&str]| Visitor {
            user: Some(name(user)),
            roles: BTreeSet::from([role]),
            of: of.iter().map(|user| name(user)).collect(),
            token: None,
        };
        let ada = name("ada");
        assert!(of("ada", UserRole::Viewer, &[]).reaches(Some(&ada)));
        assert!(!of("eve", UserRole::Operator, &[]).reaches(Some(&ada)));
        assert!(of("grace", UserRole::Approver, &["ada"]).reaches(Some(&ada)));
        assert!(!of("grace", UserRole::Approver, &["ada"]).reaches(None), "the machine's own");
        assert!(of("root", UserRole::Admin, &[]).reaches(None) && Visitor::person().reaches(Some(&ada)));
    }
}
