//! Names that functions bind for themselves, and the types of values where they are written: a name that is bound is not the
//! one that another file defines.

use coditect_types::NodeKind;
use coditect_types::graph::{How, On};

use super::{Frame, Language, Node, Reader, types};
use crate::syntax::children;

impl<'t> Reader<'t> {
    pub(super) fn bind(&mut self, frame: Frame<'t>) {
        match self.language {
            Language::Python => self.bind_python(frame),
            Language::Rust => self.bind_rust(frame),
            Language::JavaScript | Language::TypeScript | Language::Tsx => self.bind_script(frame),
            Language::Go => self.bind_go(frame),
            Language::Java => self.bind_java(frame),
        }
    }

    /// Binds a name in the function around, if there is one.
    fn local(&mut self, name: &'t str, of: Option<&'t str>) {
        if let Some(scope) = self.scopes.iter_mut().rev().find(|scope| scope.is_function) {
            // What a type is written for is not forgotten for a value of which nothing is known.
            let known = scope.locals.entry(name).or_default();
            *known = of.or(*known);
        }
    }

    /// Binds every name of a pattern.
    pub(super) fn pattern(&mut self, pattern: Node<'t>, of: Option<&'t str>) {
        let mut open = vec![pattern];
        let mut steps = 0;
        while let Some(node) = open.pop() {
            steps += 1;
            match node.kind() {
                "identifier" | "shorthand_property_identifier_pattern" | "shorthand_field_identifier" => {
                    let name = self.text(node);
                    // A name that begins with a capital is a constant or a variant that is compared with.
                    if self.language != Language::Rust || !types::is_type_name(name) {
                        self.local(name, of.filter(|_| node.id() == pattern.id()));
                    }
                }
                "member_expression"
                | "attribute"
                | "selector_expression"
                | "subscript"
                | "index_expression"
                | "scoped_identifier"
                | "call_expression" => {}
                _ if steps < 200 => open.extend(children(node)),
                _ => {}
            }
        }
    }

    /// The type of a field of the type around.
    fn keep_field(&mut self, name: &'t str, of: Option<&'t str>) {
        if let (Some(own), Some(of)) = (self.own_type(), of) {
            self.fields.entry((own, name)).or_insert(of);
        }
    }

    fn written(&self, node: Node<'t>) -> Option<&'t str> {
        types::named(self.field(node, "type")?)
    }

    /// The type of what an expression makes, where its text says it.
    pub(super) fn made_by(&self, value: Node<'t>) -> Option<&'t str> {
        let mut value = value;
        for _ in 0..6 {
            let inner = match value.kind() {
                "await"
                | "await_expression"
                | "try_expression"
                | "parenthesized_expression"
                | "reference_expression"
                | "unary_expression"
                | "expression_list" => {
                    let mut named = children(value).into_iter().filter(|child| child.is_named());
                    named.find(|child| child.kind() != "mutable_specifier")
                }
                "as_expression" | "type_cast_expression" => return self.written(value),
                _ => None,
            };
            let Some(inner) = inner else { break };
            value = inner;
        }
        match value.kind() {
            "call" | "call_expression" => {
                let function = self.field(value, "function")?;
                let is_path = function.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':'));
                if self.language == Language::Rust {
                    // `Ledger::open(..)` mostly gives one.
                    let (path, _) = function.rsplit_once("::")?;
                    return (is_path && types::is_type_name(path)).then_some(path);
                }
                let made = self.language == Language::Go;
                let made = made.then(|| function.rsplit('.').next()?.strip_prefix("New")).flatten();
                if let Some(made) = made.filter(|made| !made.is_empty()) {
                    return Some(made);
                }
                (is_path && self.language == Language::Python && types::is_type_name(function))
                    .then_some(function)
            }
            "new_expression" => types::named(self.field(value, "constructor")?),
            "object_creation_expression" | "composite_literal" => self.written(value),
            "struct_expression" => types::named(self.field(value, "name")?),
            _ => None,
        }
    }

    fn value_of(&self, node: Node<'t>, field: &str) -> Option<&'t str> {
        self.written(node).or_else(|| self.made_by(node.child_by_field_name(field)?))
    }

    fn bind_python(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        match frame.kind {
            "identifier" => {
                let above = self.frame(1).map_or("", |above| above.kind);
                let binds = matches!(
                    above,
                    "parameters"
                        | "lambda_parameters"
                        | "list_splat_pattern"
                        | "dictionary_splat_pattern"
                        | "as_pattern_target"
                );
                if binds {
                    self.fixture(self.text(node));
                    self.local(self.text(node), None);
                }
            }
            "typed_parameter" => {
                if let Some(name) = node.named_child(0).filter(|name| name.kind() == "identifier") {
                    self.fixture(self.text(name));
                    self.local(self.text(name), self.written(node));
                }
            }
            "default_parameter" | "typed_default_parameter" | "named_expression" => {
                if let Some(name) = self.field(node, "name") {
                    self.local(name, self.value_of(node, "value"));
                }
            }
            "assignment" => {
                let Some(left) = node.child_by_field_name("left") else { return };
                let of = self
                    .value_of(node, "right")
                    .or_else(|| self.typed_local(node.child_by_field_name("right")?));
                if left.kind() == "attribute" && self.field(left, "object") == Some("self") {
                    if let Some(name) = self.field(left, "attribute") {
                        self.keep_field(name, of);
                    }
                } else if self.in_function() {
                    self.pattern(left, of);
                } else if left.kind() == "identifier" {
                    self.keep_field(self.text(left), of);
                }
            }
            "for_statement" | "for_in_clause" => {
                if let Some(left) = node.child_by_field_name("left") {
                    self.pattern(left, None);
                }
            }
            _ => {}
        }
    }

    /// A parameter of a test, or of what a decorator registers beside tests, is the name of what pytest calls for it.
    fn fixture(&mut self, name: &'t str) {
        let at = self.symbol().filter(|_| self.facts.for_tests);
        let symbol = at.and_then(|at| self.facts.symbols.get(at as usize));
        let takes = symbol.is_some_and(|symbol| symbol.kind == NodeKind::Test || symbol.traits.entry);
        if takes && !matches!(name, "self" | "cls") {
            self.used(at, name, On::Nothing, How::Called);
        }
    }

    /// The type of a local name that is handed on.
    fn typed_local(&self, value: Node<'t>) -> Option<&'t str> {
        let name = self.text(value);
        self.scopes.iter().rev().find_map(|scope| scope.locals.get(name)).copied().flatten()
    }

    fn bind_rust(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        match frame.kind {
            "parameter" | "match_arm" => {
                if let Some(pattern) = node.child_by_field_name("pattern") {
                    self.pattern(pattern, self.written(node));
                }
            }
            // The value may speak of another thing of the same name: `let rank = rank(line)`.
            "let_declaration" | "let_condition" | "for_expression" => {
                let value = node.child_by_field_name("value");
                let from = value.map_or(node.end_byte(), |value| value.end_byte());
                let of = self.value_of(node, "value").filter(|_| frame.kind != "for_expression");
                if let Some(pattern) = node.child_by_field_name("pattern") {
                    self.later.push((from, pattern, of));
                }
            }
            "closure_parameters" => self.pattern(node, None),
            "field_declaration" => {
                if let Some(name) = self.field(node, "name") {
                    self.keep_field(name, self.written(node));
                }
            }
            _ => {}
        }
    }

    fn bind_script(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        match frame.kind {
            "identifier" | "object_pattern" | "array_pattern" | "rest_pattern" | "assignment_pattern"
                if self.frame(1).is_some_and(|above| above.kind == "formal_parameters") =>
            {
                let bound = node.child_by_field_name("left").unwrap_or(node);
                self.pattern(bound, None);
            }
            "required_parameter" | "optional_parameter" => {
                let of = self.value_of(node, "value");
                if let Some(pattern) = node.child_by_field_name("pattern") {
                    if children(node).iter().any(|child| child.kind() == "accessibility_modifier") {
                        self.keep_field(self.text(pattern), of);
                    }
                    self.pattern(pattern, of);
                }
            }
            "arrow_function" => {
                if let Some(one) = node.child_by_field_name("parameter") {
                    self.local(self.text(one), None);
                }
            }
            "variable_declarator" if self.in_function() => {
                let of = self.value_of(node, "value");
                if let Some(name) = node.child_by_field_name("name") {
                    self.pattern(name, of);
                }
            }
            "catch_clause" => {
                if let Some(parameter) = node.child_by_field_name("parameter") {
                    self.pattern(parameter, None);
                }
            }
            "for_in_statement" => {
                if let Some(left) = node.child_by_field_name("left") {
                    self.pattern(left, None);
                }
            }
            "property_signature" | "public_field_definition" | "field_definition" => {
                let name = self.field(node, "name").or_else(|| self.field(node, "property"));
                if let Some(name) = name {
                    self.keep_field(name, self.value_of(node, "value"));
                }
            }
            "assignment_expression" => {
                let left = node.child_by_field_name("left");
                if let Some(left) = left.filter(|left| self.field(*left, "object") == Some("this"))
                    && let Some(name) = self.field(left, "property")
                {
                    self.keep_field(name, self.value_of(node, "right"));
                }
            }
            _ => {}
        }
    }

    fn bind_go(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        match frame.kind {
            "parameter_declaration" | "variadic_parameter_declaration" => {
                let of = self.written(node);
                let names = children(node).into_iter().filter(|child| child.kind() == "identifier");
                names.for_each(|name| self.local(self.text(name), of));
            }
            "short_var_declaration" => {
                let (Some(left), Some(right)) =
                    (node.child_by_field_name("left"), node.child_by_field_name("right"))
                else {
                    return;
                };
                let names = children(left).into_iter().filter(Node::is_named);
                let mut values = children(right).into_iter().filter(Node::is_named);
                for name in names {
                    let of = values.next().and_then(|value| self.made_by(value));
                    self.later.push((right.end_byte(), name, of));
                }
            }
            "var_spec" if self.in_function() => {
                let of = self.value_of(node, "value");
                let names = children(node).into_iter().filter(|child| child.kind() == "identifier");
                names.for_each(|name| self.local(self.text(name), of));
            }
            "range_clause" => {
                if let Some(left) = node.child_by_field_name("left") {
                    self.pattern(left, None);
                }
            }
            "field_declaration" => {
                let of = self.written(node);
                let names = children(node).into_iter().filter(|child| child.kind() == "field_identifier");
                names.for_each(|name| self.keep_field(self.text(name), of));
            }
            _ => {}
        }
    }

    fn bind_java(&mut self, frame: Frame<'t>) {
        let node = frame.node;
        match frame.kind {
            "formal_parameter" | "enhanced_for_statement" | "resource" | "catch_formal_parameter" => {
                if let Some(name) = self.field(node, "name") {
                    self.local(name, self.written(node));
                }
            }
            "local_variable_declaration" | "field_declaration" => {
                let of = self.written(node).filter(|of| *of != "var");
                for declared in
                    children(node).into_iter().filter(|child| child.kind() == "variable_declarator")
                {
                    let made = of.or_else(|| self.made_by(declared.child_by_field_name("value")?));
                    let Some(name) = self.field(declared, "name") else { continue };
                    if frame.kind == "field_declaration" {
                        self.keep_field(name, made);
                    } else {
                        self.local(name, made);
                    }
                }
            }
            "identifier" if self.frame(1).is_some_and(|above| above.kind == "inferred_parameters") => {
                self.local(self.text(node), None);
            }
            _ => {}
        }
    }
}
