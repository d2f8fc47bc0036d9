//! Which nodes define a symbol, in each language.

use coditect_types::NodeKind;
use coditect_types::graph::{How, On, Traits};

use super::{Frame, Language, Node, Reader, Scope, types};
use crate::syntax::children;

/// Calls that make a test, or a group of tests, of a name and a function.
const TESTS: &[&str] = &["test", "it", "specify"];
const GROUPS: &[&str] = &["describe", "context", "suite"];

/// Attributes and decorators that say nothing of who calls a function.
const QUIET: &[&str] = &[
    "property",
    "staticmethod",
    "classmethod",
    "abstractmethod",
    "cached_property",
    "lru_cache",
    "cache",
    "wraps",
    "contextmanager",
    "overload",
    "setter",
    "getter",
    "dataclass",
    "inline",
    "must_use",
    "allow",
    "expect",
    "derive",
    "cfg",
    "cfg_attr",
    "doc",
    "deprecated",
    "SuppressWarnings",
    "Deprecated",
    "Nullable",
    "NotNull",
    "track_caller",
    "cold",
    "repr",
    "non_exhaustive",
    "FunctionalInterface",
    "SafeVarargs",
];

impl<'t> Reader<'t> {
    /// Takes a definition and opens its scope; false: the node is none.
    pub(super) fn define(&mut self, frame: Frame<'t>) -> bool {
        let took = match self.language {
            Language::Python => self.define_python(frame),
            Language::Rust => self.define_rust(frame),
            Language::JavaScript | Language::TypeScript | Language::Tsx => self.define_script(frame),
            Language::Go => self.define_go(frame),
            Language::Java => self.define_java(frame),
        };
        if frame.node.is_named() && frame.kind != "attribute_item" && self.attributes.is_some() {
            let around = self.frame(1).map_or(0, |above| above.node.id());
            if self.attributes.as_ref().is_some_and(|(of, _)| *of == around) {
                self.attributes = None;
            }
        }
        took
    }

    /// A method inside of a type, else a function.
    fn callable(&self) -> NodeKind {
        let around = self.symbol().and_then(|at| self.facts.symbols.get(at as usize));
        match around.map(|around| around.kind) {
            Some(NodeKind::Type) => NodeKind::Method,
            _ if self.scopes.last().is_some_and(|scope| scope.owner.is_some()) => NodeKind::Method,
            _ => NodeKind::Function,
        }
    }

    /// A symbol whose own name is that of a field of the node.
    fn named(&mut self, node: Node<'t>, kind: NodeKind, traits: Traits) -> bool {
        let Some(name) = self.field(node, "name") else { return false };
        self.take(node, kind, name, traits);
        true
    }

    fn take(&mut self, node: Node<'t>, kind: NodeKind, name: &'t str, traits: Traits) {
        let mut fact = self.fact(kind, name, node, traits);
        let owner = self.scopes.last().filter(|scope| scope.symbol.is_none()).and_then(|scope| scope.owner);
        if let (Some(owner), true) = (owner, kind == NodeKind::Method || kind == NodeKind::Value) {
            owner.clone_into(&mut fact.owner);
        }
        self.open(node, fact, (kind == NodeKind::Type).then_some(name));
    }

    fn define_python(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            "function_definition" => {
                let name = self.field(node, "name").unwrap_or_default();
                let kind = self.callable();
                let is_test = self.facts.for_tests && name.starts_with("test") && !self.in_function();
                let dunder = name.starts_with("__") && name.ends_with("__");
                let entry = dunder || self.is_registered(self.python_decorators());
                let kind = if is_test { NodeKind::Test } else { kind };
                self.named(node, kind, Traits { entry, ..Traits::default() })
            }
            "class_definition" => {
                let entry = self.is_registered(self.python_decorators());
                self.named(node, NodeKind::Type, Traits { entry, ..Traits::default() })
            }
            "assignment" if !self.in_function() => {
                let Some(left) = node.child_by_field_name("left").filter(|left| left.kind() == "identifier")
                else {
                    return false;
                };
                let name = self.text(left);
                if name == "__all__" {
                    self.python_all(node);
                }
                if self.bound.get(&self.symbol()).is_some_and(|names| names.contains(name)) {
                    return false;
                }
                let entry = name.starts_with("__");
                self.take(node, NodeKind::Value, name, Traits { entry, ..Traits::default() });
                true
            }
            _ => false,
        }
    }

    fn python_decorators(&self) -> Vec<&'t str> {
        let around = self.frame(1).filter(|above| above.kind == "decorated_definition");
        let all = around.into_iter().flat_map(|above| children(above.node));
        all.filter(|child| child.kind() == "decorator").map(|child| self.text(child)).collect()
    }

    fn python_all(&mut self, node: Node<'t>) {
        let list = node.child_by_field_name("right").into_iter().flat_map(children);
        for item in list.filter(|item| item.kind() == "string") {
            let name = self.text(item).trim_matches(['"', '\'']).to_owned();
            self.facts.exports.push((name.clone(), name));
        }
    }

    /// True where one of these decorators, attributes or annotations may hand a function to someone who calls it.
    fn is_registered(&self, marks: Vec<&'t str>) -> bool {
        marks.into_iter().any(|mark| {
            let name = mark.trim_start_matches(['@', '#', '!', '[']);
            let name = name
                .split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | ':')))
                .next()
                .unwrap_or("");
            let last = name.rsplit(['.', ':']).next().unwrap_or(name);
            !QUIET.contains(&last)
        })
    }

    fn define_rust(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        let around = self.frame(1).map_or(0, |above| above.node.id());
        let attributes = match &self.attributes {
            Some((of, attributes)) if *of == around => attributes.clone(),
            Some(_) | None => Vec::new(),
        };
        let visible = children(node).into_iter().find(|child| child.kind() == "visibility_modifier");
        let exported = visible.is_some_and(|visible| self.text(visible) == "pub");
        let implements = self.scopes.iter().rev().any(|scope| scope.implements);
        let traits = Traits { exported, ..Traits::default() };
        match frame.kind {
            "function_item" | "function_signature_item" => {
                let name = self.field(node, "name").unwrap_or_default();
                let is_test = attributes.iter().any(|attribute| {
                    let inner = attribute.trim_start_matches(['#', '[']);
                    let path = inner.split(['(', ']']).next().unwrap_or_default().trim();
                    matches!(
                        path.rsplit("::").next(),
                        Some("test" | "rstest" | "test_case" | "bench" | "quickcheck")
                    )
                });
                let kind = if is_test { NodeKind::Test } else { self.callable() };
                let entry = implements || name == "main" || self.is_registered(attributes);
                self.named(node, kind, Traits { entry, ..traits })
            }
            "struct_item" | "enum_item" | "union_item" | "trait_item" | "type_item" => {
                self.named(node, NodeKind::Type, Traits { entry: implements, ..traits })
            }
            "macro_definition" => self.named(
                node,
                NodeKind::Function,
                Traits {
                    exported: attributes.iter().any(|a| a.contains("macro_export")),
                    ..Traits::default()
                },
            ),
            "const_item" | "static_item" if !self.in_function() => {
                self.named(node, NodeKind::Value, Traits { entry: implements, ..traits })
            }
            "mod_item" => self.named(node, NodeKind::Module, traits),
            "impl_item" => {
                self.open_impl(node);
                true
            }
            _ => false,
        }
    }

    fn open_impl(&mut self, node: Node<'t>) {
        let written = self.field(node, "type").and_then(types::named);
        let owner = written.map(|path| path.rsplit("::").next().unwrap_or(path));
        let of_trait = node.child_by_field_name("trait");
        if let (Some(owner), Some(of_trait)) = (owner, of_trait.and_then(|of| types::named(self.text(of))))
            && let Some(at) = self.types.get(owner).copied()
        {
            let (path, name) = of_trait.rsplit_once("::").unwrap_or(("", of_trait));
            let on = if path.is_empty() { On::Nothing } else { On::Named(path.to_owned()) };
            self.used(Some(at), name, on, How::Extended);
        }
        let mut scope = Scope::of(node.end_byte(), None);
        scope.owner = owner;
        scope.implements = of_trait.is_some();
        self.scopes.push(scope);
    }

    fn define_script(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        let exported = self.is_exported();
        let traits = Traits { exported, ..Traits::default() };
        match frame.kind {
            "function_declaration" | "generator_function_declaration" | "function_signature" => {
                self.note_default(node);
                self.named(node, NodeKind::Function, traits)
            }
            "class_declaration"
            | "abstract_class_declaration"
            | "interface_declaration"
            | "enum_declaration"
            | "type_alias_declaration" => {
                self.note_default(node);
                self.named(node, NodeKind::Type, traits)
            }
            "internal_module" | "module" => self.named(node, NodeKind::Module, traits),
            "method_definition" | "method_signature" | "abstract_method_signature" => {
                let name = self.field(node, "name").unwrap_or_default();
                self.named(
                    node,
                    self.callable(),
                    Traits { entry: name == "constructor", ..Traits::default() },
                )
            }
            "public_field_definition" | "field_definition" => {
                let name = self.field(node, "name").or_else(|| self.field(node, "property"));
                let is_code = node.child_by_field_name("value").is_some_and(is_code);
                let Some(name) = name else { return false };
                self.take(
                    node,
                    if is_code { NodeKind::Method } else { NodeKind::Value },
                    name,
                    Traits::default(),
                );
                true
            }
            "variable_declarator" => self.define_declared(node, traits),
            "assignment_expression" => self.define_assigned(node),
            "call_expression" => self.define_test(node),
            _ => false,
        }
    }

    /// True where the statement around begins with `export`.
    fn is_exported(&self) -> bool {
        (1..=2).filter_map(|up| self.frame(up)).any(|above| above.kind == "export_statement")
    }

    /// `export default function f() {}` is known by both names.
    fn note_default(&mut self, node: Node<'t>) {
        let around = self.frame(1).filter(|above| above.kind == "export_statement");
        let is_default =
            around.is_some_and(|above| children(above.node).iter().any(|child| child.kind() == "default"));
        if let (true, Some(name)) = (is_default, self.field(node, "name")) {
            self.facts.exports.push(("default".to_owned(), name.to_owned()));
        }
    }

    fn define_declared(&mut self, node: Node<'t>, traits: Traits) -> bool {
        let Some(name) = node.child_by_field_name("name").filter(|name| name.kind() == "identifier") else {
            return false;
        };
        let value = node.child_by_field_name("value");
        if value.is_some_and(|value| self.required(value).is_some()) {
            return false;
        }
        let kind = match value {
            Some(value) if is_code(value) => NodeKind::Function,
            Some(value) if value.kind() == "class" => NodeKind::Type,
            Some(_) | None if self.in_function() => return false,
            Some(_) | None => NodeKind::Value,
        };
        self.take(node, kind, self.text(name), traits);
        true
    }

    /// `exports.f = ...`, `module.exports = f`, `T.prototype.m = function ...`.
    fn define_assigned(&mut self, node: Node<'t>) -> bool {
        let (Some(left), Some(right)) = (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return false;
        };
        if left.kind() != "member_expression" || self.in_function() {
            return false;
        }
        let object = self.field(left, "object").unwrap_or_default();
        let name = self.field(left, "property").unwrap_or_default();
        if object == "module" && name == "exports" {
            self.note_exports(right);
            return false;
        }
        let kind = if is_code(right) { NodeKind::Function } else { NodeKind::Value };
        if matches!(object, "exports" | "module.exports") {
            if right.kind() == "identifier" {
                self.facts.exports.push((name.to_owned(), self.text(right).to_owned()));
                return false;
            }
            self.take(node, kind, name, Traits { exported: true, ..Traits::default() });
            return true;
        }
        let owner = object.strip_suffix(".prototype").unwrap_or(object);
        if kind != NodeKind::Function || !owner.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            return false;
        }
        let mut fact = self.fact(NodeKind::Method, name, node, Traits::default());
        owner.clone_into(&mut fact.owner);
        self.open(node, fact, None);
        true
    }

    fn note_exports(&mut self, value: Node<'t>) {
        match value.kind() {
            "identifier" => self.facts.exports.push(("default".to_owned(), self.text(value).to_owned())),
            "object" => {
                for child in children(value) {
                    let named = match child.kind() {
                        "shorthand_property_identifier" => Some((self.text(child), self.text(child))),
                        "pair" => self.field(child, "key").zip(self.field(child, "value")),
                        _ => None,
                    };
                    self.facts.exports.extend(named.map(|(name, local)| (name.to_owned(), local.to_owned())));
                }
            }
            _ => {}
        }
    }

    /// `test("adds", () => ...)` and groups of tests.
    fn define_test(&mut self, node: Node<'t>) -> bool {
        let Some(arguments) = node.child_by_field_name("arguments").filter(|_| self.facts.for_tests) else {
            return false;
        };
        let called = self.field(node, "function").unwrap_or_default();
        let called = called.split(['.', '(']).next().unwrap_or_default();
        let kind = if TESTS.contains(&called) {
            NodeKind::Test
        } else if GROUPS.contains(&called) {
            NodeKind::Module
        } else {
            return false;
        };
        let has_code = children(arguments).into_iter().any(is_code);
        let first =
            arguments.named_child(0).filter(|first| matches!(first.kind(), "string" | "template_string"));
        let Some(first) = first.filter(|_| has_code) else { return false };
        let name = self.text(first).trim_matches(['"', '\'', '`']);
        self.take(node, kind, name, Traits::default());
        true
    }

    fn define_go(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        let name = self.field(node, "name").unwrap_or_default();
        let exported = name.starts_with(char::is_uppercase);
        let traits = Traits { exported, ..Traits::default() };
        match frame.kind {
            "function_declaration" => {
                let is_test = self.facts.for_tests
                    && ["Test", "Benchmark", "Example", "Fuzz"].iter().any(|head| name.starts_with(head));
                let kind = if is_test { NodeKind::Test } else { NodeKind::Function };
                self.named(
                    node,
                    kind,
                    Traits { entry: matches!(name, "main" | "init" | "TestMain"), ..traits },
                )
            }
            "method_declaration" => {
                let receiver = node.child_by_field_name("receiver").and_then(|list| list.named_child(0));
                let owner = receiver
                    .and_then(|one| self.field(one, "type"))
                    .and_then(types::named)
                    .unwrap_or_default();
                let mut fact = self.fact(NodeKind::Method, name, node, traits);
                owner.clone_into(&mut fact.owner);
                self.open(node, fact, Some(owner));
                true
            }
            "type_spec" | "type_alias" => self.named(node, NodeKind::Type, traits),
            "method_elem" => self.named(node, NodeKind::Method, traits),
            "const_spec" | "var_spec" if !self.in_function() => self.named(node, NodeKind::Value, traits),
            _ => false,
        }
    }

    fn define_java(&mut self, frame: Frame<'t>) -> bool {
        let node = frame.node;
        match frame.kind {
            "class_declaration"
            | "interface_declaration"
            | "enum_declaration"
            | "record_declaration"
            | "annotation_type_declaration" => {
                let (exported, marks) = self.java_modifiers(node);
                let entry = self.is_registered(marks);
                self.named(node, NodeKind::Type, Traits { exported, entry, ..Traits::default() })
            }
            "method_declaration" | "constructor_declaration" | "compact_constructor_declaration" => {
                let (exported, marks) = self.java_modifiers(node);
                let test = ["@Test", "@ParameterizedTest", "@RepeatedTest", "@TestFactory"];
                let is_test =
                    marks.iter().any(|mark| test.contains(&mark.split('(').next().unwrap_or_default()));
                let name = self.field(node, "name").unwrap_or_default();
                let junit3 = self.facts.for_tests && name.starts_with("test") && exported;
                let kind = if is_test || junit3 { NodeKind::Test } else { NodeKind::Method };
                let entry = frame.kind != "method_declaration" || name == "main" || self.is_registered(marks);
                self.named(node, kind, Traits { exported, entry, ..Traits::default() })
            }
            "variable_declarator" if self.frame(1).is_some_and(|above| above.kind == "field_declaration") => {
                let around = self.frame(1).map(|above| above.node);
                let exported = around.is_some_and(|around| self.java_modifiers(around).0);
                self.named(node, NodeKind::Value, Traits { exported, ..Traits::default() })
            }
            "enum_constant" => {
                self.named(node, NodeKind::Value, Traits { exported: true, ..Traits::default() })
            }
            _ => false,
        }
    }

    /// Whether something is public, and its annotations.
    fn java_modifiers(&self, node: Node<'t>) -> (bool, Vec<&'t str>) {
        let modifiers = children(node).into_iter().find(|child| child.kind() == "modifiers");
        let all: Vec<Node<'t>> = modifiers.into_iter().flat_map(children).collect();
        let exported = all.iter().any(|one| one.kind() == "public");
        let marks =
            all.iter().filter(|one| one.kind().ends_with("annotation")).map(|one| self.text(*one)).collect();
        (exported, marks)
    }
}

/// True for a function without a name of its own.
fn is_code(node: Node<'_>) -> bool {
    matches!(node.kind(), "arrow_function" | "function_expression" | "generator_function")
}
