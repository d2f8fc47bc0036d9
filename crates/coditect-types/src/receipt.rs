//! Evidence and cost.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sandbox::{Enforced, Tier};
use crate::testing::TestStatus;

/// The proof that a tree passes its tests, taken by the tester on the merged tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// The command, program first.
    pub command: Vec<String>,
    /// Directory below the top in which it ran.
    pub directory: String,
    /// Hash of the tree that was tested (git, hex).
    pub tree: String,
    /// Exit code of the command.
    pub exit_code: i32,
    /// Tests by name: how each ended on the snapshot, before the change.
    pub before: BTreeMap<String, TestStatus>,
    /// Tests by name: how each ended on the tested tree.
    pub after: BTreeMap<String, TestStatus>,
    /// Tests that pass and fail on the same tree: passes, runs.
    #[serde(default)]
    pub flaky: BTreeMap<String, (u32, u32)>,
    /// BLAKE3 of the test reports (hex).
    pub output_hash: String,
    /// Where it ran.
    pub tier: Tier,
    /// What the sandbox enforced.
    pub enforced: Enforced,
    /// When it was taken, ms since 1970; set by the shell's clock.
    pub taken_at_ms: u64,
    /// How long the suite took, ms.
    pub wall_ms: u64,
}

/// A rung of the ladder on which changes are looked for, cheapest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rung {
    /// A past episode that fits.
    Memory,
    /// Formatter, linter fix, machine-applicable suggestion.
    Recipe,
    /// Search over edits of the program.
    Reflex,
    /// A small language model.
    SmallModel,
    /// A large language model.
    LargeModel,
}

/// What one rung cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RungCost {
    /// Candidates tried.
    pub candidates: u64,
    /// Wall clock, ms.
    pub wall_ms: u64,
    /// Changes that it proposed.
    pub proposals: u64,
}

/// What one model cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ModelCost {
    /// Calls that were made.
    pub calls: u64,
    /// Calls that failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// Calls whose end nobody saw, since the process ended: they may have been paid for, at most once again each.
    #[serde(skip_serializing_if = "is_zero")]
    pub lost: u64,
    /// Answers that were kept from an earlier call with the same request.
    #[serde(skip_serializing_if = "is_zero")]
    pub kept: u64,
    /// Tokens of prompts.
    pub tokens_in: u64,
    /// Of these, what the provider had cached.
    #[serde(skip_serializing_if = "is_zero")]
    pub tokens_cached: u64,
    /// Tokens of answers.
    pub tokens_out: u64,
    /// Money, millionths of a US dollar.
    pub micro_usd: u64,
    /// Wall clock, ms.
    pub wall_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What a mission cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Ledger {
    /// Calls of a language model.
    pub model_calls: u64,
    /// Tokens sent to models.
    pub tokens_in: u64,
    /// Tokens that models wrote.
    pub tokens_out: u64,
    /// Money, millionths of a US dollar.
    pub micro_usd: u64,
    /// By model.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, ModelCost>,
    /// Candidates tried.
    pub candidates: u64,
    /// Runs in a sandbox.
    pub sandbox_runs: u64,
    /// By rung.
    pub rungs: BTreeMap<Rung, RungCost>,
    /// The rung that solved it, if one did.
    pub solved_by: Option<Rung>,
}

impl Ledger {
    /// What was spent since `before`, an earlier state of this ledger.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        let rungs = self.rungs.iter().map(|(rung, cost)| {
            let then = before.rungs.get(rung).cloned().unwrap_or_default();
            let cost = RungCost {
                candidates: cost.candidates.saturating_sub(then.candidates),
                wall_ms: cost.wall_ms.saturating_sub(then.wall_ms),
                proposals: cost.proposals.saturating_sub(then.proposals),
            };
            (*rung, cost)
        });
        let models = self.models.iter().map(|(name, cost)| {
            let then = before.models.get(name).cloned().unwrap_or_default();
            (name.clone(), cost.since(&then))
        });
        Self {
            model_calls: self.model_calls.saturating_sub(before.model_calls),
            tokens_in: self.tokens_in.saturating_sub(before.tokens_in),
            tokens_out: self.tokens_out.saturating_sub(before.tokens_out),
            micro_usd: self.micro_usd.saturating_sub(before.micro_usd),
            models: models.filter(|(_, cost)| *cost != ModelCost::default()).collect(),
            candidates: self.candidates.saturating_sub(before.candidates),
            sandbox_runs: self.sandbox_runs.saturating_sub(before.sandbox_runs),
            rungs: rungs.filter(|(_, cost)| *cost != RungCost::default()).collect(),
            solved_by: self.solved_by,
        }
    }
}

impl std::ops::AddAssign<&Self> for Ledger {
    /// What was spent on both; of two that were solved, the later one says by which rung.
    fn add_assign(&mut self, more: &Self) {
        self.model_calls += more.model_calls;
        self.tokens_in += more.tokens_in;
        self.tokens_out += more.tokens_out;
        self.micro_usd += more.micro_usd;
        self.candidates += more.candidates;
        self.sandbox_runs += more.sandbox_runs;
        for (rung, cost) in &more.rungs {
            let all = self.rungs.entry(*rung).or_default();
            all.candidates += cost.candidates;
            all.wall_ms += cost.wall_ms;
            all.proposals += cost.proposals;
        }
        for (name, cost) in &more.models {
            *self.models.entry(name.clone()).or_default() += cost;
        }
        self.solved_by = more.solved_by.or(self.solved_by);
    }
}

impl std::ops::AddAssign<&Self> for ModelCost {
    fn add_assign(&mut self, more: &Self) {
        self.calls += more.calls;
        self.failed += more.failed;
        self.lost += more.lost;
        self.kept += more.kept;
        self.tokens_in += more.tokens_in;
        self.tokens_cached += more.tokens_cached;
        self.tokens_out += more.tokens_out;
        self.micro_usd += more.micro_usd;
        self.wall_ms += more.wall_ms;
    }
}

impl ModelCost {
    fn since(&self, before: &Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(before.calls),
            failed: self.failed.saturating_sub(before.failed),
            lost: self.lost.saturating_sub(before.lost),
            kept: self.kept.saturating_sub(before.kept),
            tokens_in: self.tokens_in.saturating_sub(before.tokens_in),
            tokens_cached: self.tokens_cached.saturating_sub(before.tokens_cached),
            tokens_out: self.tokens_out.saturating_sub(before.tokens_out),
            micro_usd: self.micro_usd.saturating_sub(before.micro_usd),
            wall_ms: self.wall_ms.saturating_sub(before.wall_ms),
        }
    }
}
