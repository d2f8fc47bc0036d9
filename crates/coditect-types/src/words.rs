//! The words that enumerations have in JSON, for whoever lists all of them: metrics, forms, references.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Every word that a type of words alone has in JSON, in the order in which they are declared. Nothing of any other type.
#[must_use]
pub fn words<T: JsonSchema>() -> Vec<String> {
    let schema = schemars::schema_for!(T).to_value();
    let own = schema.get("enum").and_then(Value::as_array);
    let plain = own.into_iter().flatten().filter_map(Value::as_str);
    // A variant with a description is a schema of its own.
    let described = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let described = described.flat_map(|one| {
        let several = one.get("enum").and_then(Value::as_array).into_iter().flatten();
        one.get("const").into_iter().chain(several).filter_map(Value::as_str)
    });
    plain.chain(described).map(str::to_owned).collect()
}

/// Every value of an enumeration whose values are words in JSON.
pub fn every<T: JsonSchema + DeserializeOwned>() -> impl Iterator<Item = T> {
    words::<T>().into_iter().filter_map(|word| serde_json::from_value(Value::String(word)).ok())
}

#[cfg(test)]
mod tests {
    use super::{every, words};
    use crate::event::{Cause, TaskEnd, ViolationKind};
    use crate::{MissionId, Rung};

    #[test]
    fn every_word_is_there_as_it_is_written() {
        assert_eq!(words::<TaskEnd>(), ["done", "failed", "dropped"]);
        assert!(every::<TaskEnd>().eq([TaskEnd::Done, TaskEnd::Failed, TaskEnd::Dropped]));
        assert_eq!(every::<ViolationKind>().count(), words::<ViolationKind>().len());
        assert_eq!(words::<Rung>(), ["memory", "recipe", "reflex", "small_model", "large_model"]);
        let kinds = words::<ViolationKind>();
        assert!(kinds.len() >= 18 && kinds.contains(&"process_killed".to_owned()), "{kinds:?}");
        assert_eq!(words::<Cause>().last().map(String::as_str), Some("unknown"));
        assert!(words::<MissionId>().is_empty());
    }
}
