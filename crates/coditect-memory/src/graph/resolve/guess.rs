//! What a name may mean of which nothing tells for certain.

use coditect_types::graph::NodeKind;

use super::super::names::NONE;
use super::super::{Family, Kept, KeptOn, KeptUse, NO};
use super::{Sight, sure};

/// Things of one name, of which each may be meant.
const FEW: usize = 4;
/// Names that values of the languages themselves have: that a project has one of them as well says nothing.
pub(super) const COMMON: &[&str] = &[
    "append",
    "add",
    "get",
    "set",
    "pop",
    "push",
    "join",
    "split",
    "strip",
    "trim",
    "items",
    "keys",
    "values",
    "update",
    "copy",
    "extend",
    "insert",
    "remove",
    "index",
    "count",
    "sort",
    "reverse",
    "format",
    "replace",
    "find",
    "read",
    "write",
    "close",
    "open",
    "encode",
    "decode",
    "lower",
    "upper",
    "startswith",
    "endswith",
    "map",
    "filter",
    "forEach",
    "reduce",
    "then",
    "catch",
    "toString",
    "length",
    "size",
    "len",
    "is_empty",
    "isEmpty",
    "iter",
    "into_iter",
    "collect",
    "unwrap",
    "expect",
    "clone",
    "into",
    "from",
    "as_ref",
    "as_str",
    "to_string",
    "to_owned",
    "push_str",
    "next",
    "contains",
    "equals",
    "hashCode",
    "clear",
    "name",
    "type",
    "value",
    "key",
    "id",
    "data",
    "text",
    "line",
    "is_some",
    "is_none",
    "ok",
    "err",
    "map_err",
    "and_then",
    "unwrap_or",
    "unwrap_or_default",
    "String",
    "Error",
    "Equal",
    "slice",
    "concat",
    "includes",
    "indexOf",
    "apply",
    "call",
    "bind",
    "log",
    "put",
    "of",
    "stream",
    "run",
    "start",
    "stop",
    "send",
    "test",
    "match",
    "search",
    "sub",
    "group",
    "args",
    "mean",
    "sum",
    "min",
    "max",
    "abs",
];

impl<'g> Sight<'g> {
    /// What a name may mean of which nothing else tells.
    pub(super) fn guesses(&self, kept: &'g Kept, one: &KeptUse) -> Vec<(u32, u8)> {
        let is_member = one.on != KeptOn::Nothing;
        let names = &self.graph.names;
        if is_member && self.common.binary_search(&one.name).is_ok() {
            return Vec::new();
        }
        if !is_member {
            // A name alone comes from somewhere: only a star that leads nowhere, or a file without imports, hides from where.
            let hidden = match kept.family {
                Family::Script => kept.imports.is_empty(),
                Family::Rust => true,
                Family::Python | Family::Go | Family::Java => false,
            };
            if !hidden {
                return Vec::new();
            }
        }
        let fits = |node: &u32| {
            let held = &self.graph.nodes[*node as usize];
            let Some(file) = self.graph.file(held.file).filter(|file| file.family == kept.family) else {
                return false;
            };
            let symbol = file.symbols.get(held.place as usize);
            let is_in_type = symbol.is_some_and(|symbol| {
                symbol.owner != NONE
                    || file
                        .symbols
                        .get(symbol.parent as usize)
                        .is_some_and(|around| around.kind == NodeKind::Type)
            });
            let is_top = !is_in_type && symbol.is_some_and(|one| one.parent == NO);
            let kind_fits = if is_member {
                is_in_type && matches!(held.kind, NodeKind::Method | NodeKind::Value)
            } else {
                // A macro is the one thing that Rust knows everywhere.
                is_top && (kept.family != Family::Rust || held.kind == NodeKind::Function)
            };
            kind_fits && (kept.for_tests || !held.traits.for_tests)
        };
        let all = self.graph.definers.get(one.name);
        // More than a look is worth.
        if all.len() > FEW * 50 || names.get(one.name).len() < 3 {
            return Vec::new();
        }
        let found: Vec<u32> = all.iter().copied().filter(fits).take(FEW + 1).collect();
        match found.len() {
            1 => vec![(found[0], if is_member { sure::ONLY } else { sure::GLOBAL })],
            2..=FEW if is_member => found.into_iter().map(|node| (node, sure::FEW)).collect(),
            _ => Vec::new(),
        }
    }
}
