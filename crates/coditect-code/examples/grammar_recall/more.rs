//! Kinds of bugs beyond the classic mutants: what people leave out, and places that they miss by one.

use super::{Language, Maker, Node, method_of, named, tokens};

impl Maker<'_> {
    /// Bugs of these kinds at a node.
    pub(super) fn more(&mut self, node: Node<'_>) {
        match node.kind() {
            "subscript_expression" | "index_expression" | "array_access" | "subscript" => self.index(node),
            "if_statement" | "if_expression" => self.unguarded(node),
            "unary_expression" | "unary_operator" => self.sign(node),
            "call_expression" | "call" | "method_invocation" => self.uncalled(node),
            "return_statement" => self.unreturned(node),
            "not_operator" => {
                let new = self.word(node).trim_start_matches("not").trim_start().to_owned();
                self.make("negated", node.byte_range(), new);
            }
            _ => {}
        }
    }

    /// The neighbour of what was meant.
    fn index(&mut self, node: Node<'_>) {
        let by_field = ["index", "subscript"].iter().find_map(|name| node.child_by_field_name(name));
        let Some(index) = by_field.or_else(|| named(node).get(1).copied()) else { return };
        if matches!(index.kind(), "identifier" | "field_expression" | "member_expression" | "attribute") {
            for step in ["+ 1", "- 1"] {
                self.make("wrong index", index.byte_range(), format!("{} {step}", self.word(index)));
            }
        }
    }

    /// What was meant for some cases is done in all, or what was meant for the others is not done.
    fn unguarded(&mut self, node: Node<'_>) {
        let Some(body) = node.child_by_field_name("consequence") else { return };
        let Some(other) = node.child_by_field_name("alternative") else {
            let single = !self.word(body).contains('\n') || self.language != Language::Python;
            let condition = node.child_by_field_name("condition");
            let binds = condition.is_some_and(|condition| condition.kind().starts_with("let"));
            if single && !binds && self.word(body).matches('\n').count() < 8 {
                self.make("condition missing", node.byte_range(), self.word(body).to_owned());
            }
            return;
        };
        let chained = matches!(other.kind(), "elif_clause") || self.word(other).starts_with("else if");
        let is_value = node.parent().is_none_or(|parent| parent.kind() != "expression_statement")
            && self.language == Language::Rust;
        if !chained && !is_value && self.word(other).matches('\n').count() < 8 {
            self.make("else missing", body.end_byte()..other.end_byte(), "");
        }
    }

    fn sign(&mut self, node: Node<'_>) {
        let minus = tokens(node).first().is_some_and(|token| token.kind() == "-");
        if let (true, Some(value)) = (minus, named(node).first()) {
            self.make("sign", node.byte_range(), self.word(*value).to_owned());
        }
    }

    /// A call that was forgotten: `f(x)` for `x`, `x.f()` for `x`.
    fn uncalled(&mut self, node: Node<'_>) {
        let Some(list) = node.child_by_field_name("arguments") else { return };
        let arguments = named(list);
        let receiver = node
            .child_by_field_name("object")
            .or_else(|| named(node.child_by_field_name("function")?).first().copied());
        match (method_of(node), arguments.as_slice()) {
            (Some(_), []) => {
                let Some(receiver) = receiver else { return };
                self.make("call missing", node.byte_range(), self.word(receiver).to_owned());
            }
            (None, [only]) if !self.word(*only).contains('\n') => {
                self.make("call missing", node.byte_range(), self.word(*only).to_owned());
            }
            _ => {}
        }
    }

    fn unreturned(&mut self, node: Node<'_>) {
        let calls = named(node).first().is_some_and(|value| value.kind().contains("call"));
        let lax = matches!(
            self.language,
            Language::Python | Language::JavaScript | Language::TypeScript | Language::Tsx
        );
        if calls && lax {
            let new = self.word(node).trim_start_matches("return").trim_start().to_owned();
            self.make("return missing", node.byte_range(), new);
        }
    }
}
