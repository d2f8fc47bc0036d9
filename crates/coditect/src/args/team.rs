//! Flags of `coditect token` and `coditect audit`.

use clap::{Args, Subcommand, ValueEnum};
use coditect_types::{UserName, UserRole};

const TOKEN_HELP: &str = "\
Examples:
  coditect token add ada --role operator
  coditect token add grace --role approver --of ada --days 30
  coditect token list
  coditect token revoke ada";

#[derive(Debug, Args)]
#[command(after_help = TOKEN_HELP)]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    pub(crate) ask: TokenAsk,
}

/// What is done with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenAsk {
    /// Make one, and print it: it cannot be printed again
    Add {
        /// Whose it is
        #[arg(value_name = "USER", value_parser = UserName::parse)]
        user: UserName,
        /// What they are let do with it; may be repeated
        #[arg(long, value_name = "ROLE", required = true)]
        role: Vec<RoleName>,
        /// A user whose missions they reach beside their own; may be repeated
        #[arg(long, value_name = "USER", value_parser = UserName::parse)]
        of: Vec<UserName>,
        /// For how many days it opens something; 0: for good
        #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u32).range(0..=36_500))]
        days: u32,
    },
    /// List them; the tokens themselves are kept nowhere
    List,
    /// From now on it opens nothing, in open pages too
    Revoke {
        /// A token's name (the eight characters behind `cdt_`), or a user for all of theirs
        #[arg(value_name = "TOKEN|USER")]
        which: String,
    },
}

/// A role, as one types it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RoleName {
    /// Looks at missions
    Viewer,
    /// Begins, forks and cancels missions
    Operator,
    /// Answers the questions of missions
    Approver,
    /// All of that with everybody's missions, and the figures of all
    Admin,
}

impl From<RoleName> for UserRole {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Operator => Self::Operator,
            RoleName::Approver => Self::Approver,
            RoleName::Admin => Self::Admin,
        }
    }
}

const AUDIT_HELP: &str = "\
Examples:
  coditect audit
  coditect audit -n 100 --json
  coditect audit --head 5f0c...   # is the line that was noted elsewhere still there?

Each line has the hash of the one before it, so a line that is changed, taken out or put in is
found. Note the last hash elsewhere now and then: lines cut off the end are found by it alone.";

#[derive(Debug, Args)]
#[command(after_help = AUDIT_HELP)]
pub(crate) struct AuditArgs {
    /// The newest so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Those of this user
    #[arg(long, value_name = "USER", value_parser = UserName::parse)]
    pub(crate) user: Option<UserName>,
    /// Those that were refused
    #[arg(long)]
    pub(crate) refused: bool,
    /// A hash that was noted elsewhere: whether a line of the book has it
    #[arg(long, value_name = "HASH")]
    pub(crate) head: Option<String>,
}
