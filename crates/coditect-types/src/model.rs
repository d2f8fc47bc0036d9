//! Language models: what is asked of one, what it answers, and what that costs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::CallLimits;
use crate::receipt::Rung;

/// A model that the person chose, with its limits and its price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelSpec {
    /// The name by which settings and flags know it.
    pub name: String,
    /// The rung on which it stands: a small model is asked before a large one.
    pub rung: Rung,
    /// Tokens of prompt and answer together that it can hold.
    pub context_tokens: u64,
    /// Tokens of one answer at most.
    pub output_tokens: u64,
    /// How it is asked to write changes.
    pub edits: EditForm,
    /// What it costs.
    #[serde(default)]
    pub price: Price,
    /// How long one call of it may take.
    #[serde(default, skip_serializing_if = "is_usual")]
    pub limits: CallLimits,
}

/// The provider of a model by its name, as OpenTelemetry's conventions for generative AI call it. None: the name has none.
#[must_use]
pub fn provider(model: &str) -> Option<&str> {
    let (provider, _) = model.split_once('/')?;
    // Of those that have a name here, the others are called the same there.
    Some(if provider == "gemini" { "gcp.gemini" } else { provider })
}

fn is_usual(limits: &CallLimits) -> bool {
    *limits == CallLimits::default()
}

/// How a model is asked to write a change. Whatever it writes is read if it can be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EditForm {
    /// Whole files in fenced blocks, each below its path: what small models do best.
    #[default]
    Whole,
    /// Blocks of lines to search for and lines to put in their place.
    SearchReplace,
}

/// What tokens cost: millionths of a US dollar for a million tokens, so that sums are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Price {
    /// Of the prompt.
    pub tokens_in: u64,
    /// Of the part of the prompt that the provider had cached.
    pub tokens_cached: u64,
    /// Of the answer.
    pub tokens_out: u64,
}

impl Price {
    /// What this use costs, millionths of a US dollar, rounded up.
    #[must_use]
    pub fn of(&self, usage: &Usage) -> u64 {
        let fresh = usage.tokens_in.saturating_sub(usage.tokens_cached);
        let sum = [
            (fresh, self.tokens_in),
            (usage.tokens_cached, self.tokens_cached),
            (usage.tokens_out, self.tokens_out),
        ]
        .iter()
        .map(|(tokens, price)| u128::from(*tokens) * u128::from(*price))
        .sum::<u128>();
        u64::try_from(sum.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// Millionths of a US dollar for people: `$0.50`, `$0.004139`.
#[must_use]
pub fn dollars(micro_usd: u64) -> String {
    let rest = format!("{:06}", micro_usd % 1_000_000);
    let cents = rest.trim_end_matches('0');
    format!("${}.{cents:0<2}", micro_usd / 1_000_000)
}

/// Tokens of one call, as the provider counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Usage {
    /// Of the prompt, those that were cached included.
    pub tokens_in: u64,
    /// Of the prompt, those that the provider had cached.
    pub tokens_cached: u64,
    /// Of the answer, thinking included.
    pub tokens_out: u64,
    /// The provider did not say: they are reckoned from the bytes.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reckoned: bool,
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The one who asks.
    User,
    /// The model.
    Assistant,
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Message {
    /// Who wrote it.
    pub speaker: Speaker,
    /// What.
    pub text: String,
}

/// One request to one model. It is the whole of what is sent, but for the address and the key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelRequest {
    /// What the model is and what holds for every answer.
    pub system: String,
    /// The conversation, beginning and ending with the one who asks.
    pub messages: Vec<Message>,
    /// Messages from the first on that the next request of this conversation begins with too: what a provider may cache.
    #[serde(default)]
    pub stable: usize,
    /// Tokens of the answer at most.
    pub output_tokens: u64,
    /// How freely it is sampled, in hundredths; 0 takes the likeliest token each time.
    pub temperature: u32,
    /// Seed of the sampling, where the provider takes one.
    pub seed: u64,
    /// The JSON schema that the answer must fit, where one is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<serde_json::Value>,
}

impl ModelRequest {
    /// Tokens of the prompt at most: a token of text is a byte at least, and each message has a few of its own around it.
    #[must_use]
    pub fn tokens_at_most(&self) -> u64 {
        let texts = self.messages.iter().map(|message| message.text.len()).sum::<usize>() + self.system.len();
        let schema = self.schema.as_ref().map_or(0, |schema| schema.to_string().len());
        (texts + schema + 32 * (self.messages.len() + 1)) as u64
    }
}

/// Why a model stopped writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It was done.
    Done,
    /// It reached the most tokens of an answer.
    Length,
    /// It, or its provider, would not answer.
    Refused,
    /// It said the same again and again, and was stopped.
    Looped,
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelReply {
    /// The answer.
    pub text: String,
    /// Why it ended.
    pub finish: Finish,
    /// What it used.
    pub usage: Usage,
    /// It was kept from an earlier call with the very same request, and cost nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_called_as_the_conventions_have_it() {
        let of = ["gemini/gemini-2.5-flash", "anthropic/x/y", "groq/z", "mine"].map(provider);
        assert_eq!(of, [Some("gcp.gemini"), Some("anthropic"), Some("groq"), None]);
    }

    #[test]
    fn money_for_people() {
        let told = [0, 1, 500_000, 1_230_000, 12_345_678].map(dollars);
        assert_eq!(told, ["$0.00", "$0.000001", "$0.50", "$1.23", "$12.345678"]);
    }

    #[test]
    fn a_price_is_rounded_up_and_knows_what_was_cached() {
        // 3 and 15 dollars for a million tokens, 0.30 where cached.
        let price = Price { tokens_in: 3_000_000, tokens_cached: 300_000, tokens_out: 15_000_000 };
        let usage = Usage { tokens_in: 1_000, tokens_cached: 600, tokens_out: 10, reckoned: false };
        assert_eq!(price.of(&usage), 400 * 3 + 180 + 150);
        assert_eq!(Price { tokens_in: 1, ..Price::default() }.of(&usage), 1);
        assert_eq!(Price::default().of(&usage), 0);
        let most = Usage { tokens_in: u64::MAX, ..Usage::default() };
        assert_eq!(Price { tokens_in: u64::MAX, ..Price::default() }.of(&most), u64::MAX);
    }
}
