//! Go's methods of a value, which change a copy: the receiver was to be a pointer.

use super::desk::Desk;
use crate::languages::Language;
use crate::repair::EditKind;

/// `func (a Account) Deposit(n int)` -> `func (a *Account) Deposit(n int)`, where the method assigns to what is in it.
pub(super) fn propose(desk: &mut Desk<'_, '_>) {
    if desk.grammar.language != Language::Go {
        return;
    }
    let method = desk.region.node;
    let Some(receiver) = method.child_by_field_name("receiver").and_then(|list| list.named_child(0)) else {
        return;
    };
    let (Some(name), Some(kind)) =
        (receiver.child_by_field_name("name"), receiver.child_by_field_name("type"))
    else {
        return;
    };
    let field = format!("{}.", desk.text(name));
    let assigns = desk.region.targets.iter().any(|site| desk.text(site.node).starts_with(&field));
    let body = method.child_by_field_name("body").map_or("", |body| desk.text(body));
    let changes = assigns
        || body.lines().any(|line| {
            let line = line.trim();
            line.starts_with(&field)
                && (line.contains(" = ")
                    || line.contains("= ")
                    || line.ends_with("++")
                    || line.ends_with("--"))
        });
    if kind.kind() != "pointer_type" && changes {
        let weight = desk.region.statements.iter().map(|site| site.weight).fold(0.0, f64::max);
        desk.pool.replace(kind.start_byte()..kind.start_byte(), "*", EditKind::Reformed, weight, 4.0);
    }
}
