//! One walk over a file's tree that sorts its nodes into regions: what binds names, what is an expression that could
//! be another one, what is a statement that could be moved.

use std::ops::Range;
use std::sync::Arc;

use tree_sitter::{Node, Tree};

use super::facts::{Bound, Name, Origin, Region, Site};
use super::table::{Grammar, Shape};
use super::types::{Declared, Ty};
use crate::languages::{Language, test_regions};
use crate::repair::pool::Weights;
use crate::syntax::{children, text_of};

/// Deeper than this nothing is edited: no person writes it, and the walk stays off the end of its stack.
const DEEPEST: u16 = 200;
/// A lambda of more rows is a function of its own and not part of the one around it.
const LONG_LAMBDA: usize = 12;

/// What the walk finds.
pub(super) struct Found<'t> {
    pub(super) regions: Vec<Region<'t>>,
    pub(super) names: Vec<Name<'t>>,
    pub(super) declared: Declared,
}

/// Where a node stands.
#[derive(Clone)]
struct Spot {
    region: usize,
    weight: f64,
    depth: u16,
    /// Functions around it.
    functions: u16,
    /// Where a name that is bound here is visible.
    scope: Range<usize>,
}

struct Walk<'t, 'w> {
    text: &'t str,
    grammar: &'w Grammar,
    weights: &'w Weights,
    tests: Vec<Range<usize>>,
    found: Found<'t>,
}

/// Sorts a file's nodes. The first region is its top.
pub(super) fn walk<'t>(text: &'t str, tree: &'t Tree, grammar: &Grammar, weights: &Weights) -> Found<'t> {
    let root = tree.root_node();
    let found = Found {
        regions: vec![Region::new(root, Arc::from(""), 0)],
        names: Vec::new(),
        declared: Declared::default(),
    };
    let tests = test_regions(text, tree, grammar.language);
    let mut walk = Walk { text, grammar, weights, tests, found };
    let spot = Spot {
        region: 0,
        weight: weights.at_top(),
        depth: 0,
        functions: 0,
        scope: 0..text.len().saturating_add(1),
    };
    walk.inside(root, &spot);
    walk.found
}

/// The rows of a statement that are its own and not its blocks'.
fn own_rows(node: Node<'_>) -> Range<usize> {
    let body = ["body", "consequence"].iter().find_map(|field| node.child_by_field_name(field));
    let start = node.start_position().row;
    let end = body.map_or(node.end_position().row + 1, |body| body.start_position().row);
    start..end.max(start + 1)
}

/// Fields that hold names, types and the like: no expressions.
fn is_no_expression(field: &str) -> bool {
    matches!(
        field,
        "name"
            | "type"
            | "pattern"
            | "parameters"
            | "parameter"
            | "return_type"
            | "result"
            | "type_parameters"
            | "type_arguments"
            | "field"
            | "property"
            | "label"
            | "key"
            | "receiver"
            | "macro"
            | "alias"
            | "trait"
            | "bounds"
            | "constructor"
    )
}

impl<'t> Walk<'t, '_> {
    fn region(&mut self, spot: &Spot) -> &mut Region<'t> {
        &mut self.found.regions[spot.region]
    }

    fn inside(&mut self, node: Node<'t>, spot: &Spot) {
        let mut cursor = node.walk();
        if !cursor.goto_first_child() {
            return;
        }
        let statements = self.holds_statements(node);
        loop {
            let child = cursor.node();
            let skipped = cursor.field_name().is_some_and(is_no_expression);
            if child.is_named() && !skipped {
                let of_list = statements && cursor.field_name() != Some("value");
                self.node(child, spot, of_list);
            }
            if !cursor.goto_next_sibling() {
                return;
            }
        }
    }

    fn holds_statements(&self, node: Node<'_>) -> bool {
        matches!(self.grammar.shape(node), Shape::Block) || matches!(node.kind(), "program" if self.grammar.language.is_script())
            // Go's cases hold their statements in a list of their own.
            || (self.grammar.shape(node) == Shape::Case && self.grammar.language != Language::Go)
    }

    fn fields(&mut self, node: Node<'t>, fields: &[&str], spot: &Spot) {
        for field in fields {
            if let Some(child) = node.child_by_field_name(field) {
                self.node(child, spot, false);
            }
        }
    }

    fn node(&mut self, node: Node<'t>, spot: &Spot, of_list: bool) {
        let shape = self.grammar.shape(node);
        let is_test =
            !self.tests.is_empty() && self.tests.iter().any(|test| test.contains(&node.start_byte()));
        if spot.depth >= DEEPEST || is_test || matches!(shape, Shape::Skip | Shape::Comment) {
            return;
        }
        let mut spot = Spot { depth: spot.depth + 1, ..spot.clone() };
        let is_code =
            of_list && !matches!(shape, Shape::Function | Shape::Holder) && node.kind() != "switch_label";
        let branches = matches!(shape, Shape::If | Shape::Switch) || shape.is_loop();
        if is_code || branches {
            let at_top = self.region(&spot).function.is_empty();
            spot.weight = self.weights.of_rows(own_rows(node), at_top);
        }
        if is_code {
            let weight = spot.weight;
            self.region(&spot).statements.push(Site { node, weight });
        }
        if shape.is_expression() {
            let weight = spot.weight;
            self.region(&spot).expressions.push(Site { node, weight });
        }
        self.descend(node, shape, spot);
    }

    fn descend(&mut self, node: Node<'t>, shape: Shape, mut spot: Spot) {
        match shape {
            Shape::Function => self.function(node, &spot),
            Shape::Lambda => self.lambda(node, &spot),
            Shape::Holder => {
                spot.scope = node.byte_range();
                let plain = matches!(node.kind(), "class_body");
                if !plain {
                    self.found.regions.push(Region::new(node, Arc::from(""), spot.functions));
                    spot.region = self.found.regions.len() - 1;
                    spot.weight = self.weights.at_top();
                }
                self.inside(node, &spot);
            }
            Shape::Block | Shape::Case => {
                spot.scope = node.byte_range();
                self.inside(node, &spot);
            }
            Shape::If | Shape::For | Shape::ForEach | Shape::While | Shape::Switch => {
                spot.scope = node.byte_range();
                self.loop_names(node, &spot);
                self.inside(node, &spot);
            }
            Shape::Assign => {
                if let Some(left) = node.child_by_field_name("left") {
                    self.target(left, &spot);
                }
                self.fields(node, &["right"], &spot);
            }
            Shape::Path | Shape::Break | Shape::Continue if self.grammar.language != Language::Rust => {}
            Shape::Path => {}
            Shape::Macro => self.macro_tokens(node, &spot),
            Shape::Local => self.local(node, &spot),
            _ => self.by_kind(node, spot),
        }
    }

    fn by_kind(&mut self, node: Node<'t>, mut spot: Spot) {
        match node.kind() {
            "variable_declarator"
            | "var_spec"
            | "const_spec"
            | "const_item"
            | "static_item"
            | "field_declaration"
            | "public_field_definition"
            | "field_definition"
            | "property_signature"
            | "constant_declaration" => {
                self.local(node, &spot);
            }
            "let_condition" => {
                // Bound in the whole branch; the scope is that of the `if` or `while` around it.
                self.bind_field(node, "pattern", Bound::Unknown, false, &spot);
                self.fields(node, &["value"], &spot);
            }
            "match_arm" => {
                spot.scope = node.byte_range();
                if let Some(pattern) = node.child_by_field_name("pattern") {
                    self.pattern_literals(pattern, &spot);
                    self.bind(pattern, Bound::Unknown, Origin::Local, true, &spot);
                    self.fields(pattern, &["condition"], &spot);
                }
                self.fields(node, &["value"], &spot);
            }
            "catch_clause" => {
                spot.scope = node.byte_range();
                self.bind_field(node, "parameter", Bound::Unknown, false, &spot);
                for part in self.grammar.parts(node) {
                    self.bind_field(part, "name", Bound::Unknown, false, &spot);
                }
                self.fields(node, &["body"], &spot);
            }
            "resource" => {
                let bound = node.child_by_field_name("type").map_or(Bound::Unknown, Bound::Type);
                self.bind_field(node, "name", bound, true, &spot);
                self.fields(node, &["value"], &spot);
            }
            "instanceof_expression" => {
                let bound = node.child_by_field_name("right").map_or(Bound::Unknown, Bound::Type);
                self.bind_field(node, "name", bound, false, &spot);
                self.fields(node, &["left"], &spot);
            }
            "labeled_statement" => {
                for part in self.grammar.parts(node).into_iter().filter(|part| part.kind() != "identifier") {
                    self.node(part, &spot, false);
                }
            }
            // Labels of cases name constants; literals can be wrong, names of locals cannot stand there.
            "switch_label" => {
                for part in self.grammar.parts(node) {
                    if self.grammar.shape(part) != Shape::Name {
                        self.node(part, &spot, false);
                    }
                }
            }
            "keyed_element" => {
                if let Some(key) = node.child_by_field_name("key")
                    && key.named_child(0).is_none_or(|key| key.kind() != "identifier")
                {
                    self.node(key, &spot, false);
                }
                self.fields(node, &["value"], &spot);
            }
            "shorthand_field_initializer" => {}
            "range_clause" | "receive_statement" => self.fields(node, &["right"], &spot),
            _ => self.inside(node, &spot),
        }
    }

    /// Names that the head of a loop, branch or switch binds.
    fn loop_names(&mut self, node: Node<'t>, spot: &Spot) {
        let value = node.child_by_field_name("value").or_else(|| node.child_by_field_name("right"));
        match node.kind() {
            "for_expression" => {
                let items = value.map_or(Bound::Unknown, Bound::Items);
                self.bind_field(node, "pattern", items, true, spot);
            }
            "enhanced_for_statement" => {
                let declared = node.child_by_field_name("type").map_or(Bound::Unknown, Bound::Type);
                self.bind_field(node, "name", declared, false, spot);
            }
            "for_in_statement" => {
                let of = node.child_by_field_name("operator").is_some_and(|token| token.kind() == "of");
                let items = value.filter(|_| of).map_or(Bound::Unknown, Bound::Items);
                self.bind_field(node, "left", items, false, spot);
            }
            "for_statement" => {
                let range = self.grammar.parts(node).into_iter().find(|part| part.kind() == "range_clause");
                let Some(range) = range else { return };
                let items = range.child_by_field_name("right").map_or(Bound::Unknown, Bound::Items);
                let left = range
                    .child_by_field_name("left")
                    .map(|left| self.grammar.parts(left))
                    .unwrap_or_default();
                for (n, name) in left.into_iter().enumerate() {
                    let bound = if n == 0 { Bound::Count } else { items };
                    self.bind(name, bound, Origin::Local, false, spot);
                }
            }
            "type_switch_statement" => self.bind_field(node, "alias", Bound::Unknown, false, spot),
            _ => {}
        }
    }

    fn function(&mut self, node: Node<'t>, spot: &Spot) {
        let name = node.child_by_field_name("name");
        let gives =
            ["return_type", "result", "type"].iter().find_map(|field| node.child_by_field_name(field));
        let gives = gives.map(|ty| Ty::declared(self.grammar, text_of(self.text, ty)));
        if let Some(name) = name {
            let text = text_of(self.text, name);
            Declared::note(&mut self.found.declared.calls, text, gives.clone().unwrap_or_default());
            let bare = matches!(name.kind(), "identifier");
            if bare {
                self.bind(name, Bound::Unknown, Origin::Definition, true, spot);
            }
        }
        self.enter(node, spot, gives);
    }

    fn lambda(&mut self, node: Node<'t>, spot: &Spot) {
        let rows = node.end_position().row - node.start_position().row;
        let block = node.child_by_field_name("body").is_some_and(|body| body.kind().contains("block"));
        let named = node.parent().is_some_and(|parent| {
            matches!(
                parent.kind(),
                "variable_declarator" | "assignment_expression" | "pair" | "field_definition"
            )
        });
        if block && (rows > LONG_LAMBDA || spot.functions == 0 || (named && rows > 2)) {
            self.enter(node, spot, None);
            return;
        }
        let spot = Spot { scope: node.byte_range(), ..spot.clone() };
        self.parameters(node, &spot);
        self.fields(node, &["body"], &spot);
    }

    /// A function that is a region of its own.
    fn enter(&mut self, node: Node<'t>, spot: &Spot, gives: Option<Ty>) {
        let label = crate::languages::name_of(self.text, node);
        let mut region = Region::new(node, Arc::from(label), spot.functions + 1);
        region.gives = gives;
        self.found.regions.push(region);
        let body = node.child_by_field_name("body");
        // A signature runs with every call: it is as suspicious as its body.
        let rows = body.map_or(0..0, |body| body.start_position().row..body.end_position().row + 1);
        let weight = 0.7 * self.weights.of_rows(rows, false);
        let spot = Spot {
            region: self.found.regions.len() - 1,
            weight,
            functions: spot.functions + 1,
            scope: node.byte_range(),
            depth: spot.depth,
        };
        self.parameters(node, &spot);
        if let Some(body) = body {
            self.node(body, &spot, false);
        }
    }

    fn parameters(&mut self, node: Node<'t>, spot: &Spot) {
        for field in ["receiver", "parameters", "parameter"] {
            let Some(list) = node.child_by_field_name(field) else { continue };
            let parts = if list.kind() == "identifier" { vec![list] } else { self.grammar.parts(list) };
            for part in parts {
                self.parameter(part, spot);
            }
        }
    }

    fn parameter(&mut self, node: Node<'t>, spot: &Spot) {
        let bound = node.child_by_field_name("type").map_or(Bound::Unknown, Bound::Type);
        let value = node.child_by_field_name("value").or_else(|| {
            (node.kind() == "assignment_pattern").then(|| node.child_by_field_name("right")).flatten()
        });
        let bound = match (bound, value) {
            (Bound::Unknown, Some(value)) => Bound::Value(value),
            (bound, _) => bound,
        };
        let mut cursor = node.walk();
        let mut named: Vec<Node<'t>> = node.children_by_field_name("name", &mut cursor).collect();
        named.extend(node.child_by_field_name("pattern"));
        if named.is_empty() {
            named.push(node.child_by_field_name("left").unwrap_or(node));
        }
        for name in named.into_iter().filter(Node::is_named) {
            if name.kind() == "identifier" {
                let text = text_of(self.text, name);
                self.region(spot).parameters.push(text);
            }
            self.bind(name, bound, Origin::Parameter, self.grammar.language == Language::Rust, spot);
        }
        if let Some(value) = value {
            self.node(value, spot, false);
        }
    }

    /// A declaration of variables, constants or fields.
    fn local(&mut self, node: Node<'t>, spot: &Spot) {
        let declared = node.child_by_field_name("type");
        let words = text_of(self.text, node);
        let fixed = words.starts_with("const ")
            || words.starts_with("static ")
            || words.starts_with("final ")
            || (node.kind() == "let_declaration" && !words.starts_with("let mut"));
        let after = Spot { scope: node.end_byte()..spot.scope.end, ..spot.clone() };
        let origin = if spot.functions == 0 { Origin::Global } else { Origin::Local };
        let at_top = spot.functions == 0;
        let mut cursor = node.walk();
        let declarators: Vec<Node<'t>> = node.children_by_field_name("declarator", &mut cursor).collect();
        let nested: Vec<Node<'t>> = self
            .grammar
            .parts(node)
            .into_iter()
            .filter(|part| {
                matches!(part.kind(), "variable_declarator" | "var_spec" | "const_spec" | "var_spec_list")
            })
            .collect();
        if !nested.is_empty() {
            let at_class = node.kind() == "field_declaration" || node.kind() == "constant_declaration";
            for part in nested {
                if let (Some(ty), true) = (declared, declarators.contains(&part)) {
                    self.declarator(
                        part,
                        Bound::Type(ty),
                        fixed,
                        origin,
                        if at_class { spot } else { &after },
                        spot,
                    );
                    if at_class && let Some(name) = part.child_by_field_name("name") {
                        let ty = Ty::declared(self.grammar, text_of(self.text, ty));
                        Declared::note(&mut self.found.declared.members, text_of(self.text, name), ty);
                    }
                } else if part.kind() == "var_spec_list" {
                    for spec in self.grammar.parts(part) {
                        self.local(spec, spot);
                    }
                } else {
                    let bound = part.child_by_field_name("type").map_or(Bound::Unknown, Bound::Type);
                    let seen = if at_top { spot } else { &after };
                    self.declarator(part, bound, fixed, origin, seen, spot);
                }
            }
            return;
        }
        let bound = declared.map_or(Bound::Unknown, Bound::Type);
        if matches!(
            node.kind(),
            "field_declaration" | "public_field_definition" | "property_signature" | "field_definition"
        ) {
            let mut cursor = node.walk();
            let names: Vec<Node<'t>> = node.children_by_field_name("name", &mut cursor).collect();
            for name in names {
                let ty = declared
                    .map_or_else(Ty::default, |ty| Ty::declared(self.grammar, text_of(self.text, ty)));
                Declared::note(&mut self.found.declared.members, text_of(self.text, name), ty);
            }
            self.fields(node, &["value"], spot);
            return;
        }
        self.declarator(node, bound, fixed, origin, if at_top { spot } else { &after }, spot);
    }

    /// Binds the names of one declarator, as `seen` says, and walks its value.
    fn declarator(
        &mut self,
        node: Node<'t>,
        bound: Bound<'t>,
        fixed: bool,
        origin: Origin,
        seen: &Spot,
        spot: &Spot,
    ) {
        let value = node.child_by_field_name("value").or_else(|| node.child_by_field_name("right"));
        let values = value.filter(|value| value.kind() == "expression_list");
        let values = values.map_or_else(|| value.into_iter().collect(), |list| self.grammar.parts(list));
        let mut cursor = node.walk();
        let mut names: Vec<Node<'t>> =
            node.children_by_field_name("name", &mut cursor).filter(Node::is_named).collect();
        names.extend(node.child_by_field_name("pattern"));
        if let Some(left) = node.child_by_field_name("left") {
            names.extend(self.grammar.parts(left));
        }
        for (n, name) in names.iter().enumerate() {
            let bound = match (bound, values.get(n)) {
                (Bound::Unknown, Some(value)) if names.len() == values.len() => Bound::Value(*value),
                (bound, _) => bound,
            };
            self.bind(*name, bound, origin, fixed, seen);
        }
        if let Some(value) = value {
            self.node(value, spot, false);
        }
        self.fields(node, &["alternative"], spot);
    }

    /// A place that is assigned to: parts of it are expressions all the same.
    fn target(&mut self, node: Node<'t>, spot: &Spot) {
        match self.grammar.shape(node) {
            Shape::Name | Shape::Member | Shape::Index => {
                let weight = spot.weight;
                self.region(spot).targets.push(Site { node, weight });
                if self.grammar.shape(node) != Shape::Name {
                    self.inside(node, spot);
                }
            }
            Shape::Other => {
                for part in self.grammar.parts(node) {
                    self.target(part, spot);
                }
            }
            _ => self.inside(node, spot),
        }
    }

    /// What a macro is given is no tree: its names and literals are taken as they stand.
    fn macro_tokens(&mut self, node: Node<'t>, spot: &Spot) {
        for part in children(node) {
            match self.grammar.shape(part) {
                Shape::Int | Shape::Float | Shape::Text | Shape::Char | Shape::True | Shape::False => {
                    let weight = spot.weight;
                    self.region(spot).expressions.push(Site { node: part, weight });
                }
                Shape::Name if part.kind() == "identifier" && node.kind() == "token_tree" => {
                    let after = part.next_sibling();
                    let before = part.prev_sibling();
                    let part_of_path = after
                        .is_some_and(|after| matches!(after.kind(), "::" | "!" | "token_tree"))
                        || before.is_some_and(|before| matches!(before.kind(), "::" | "."));
                    if !part_of_path {
                        let weight = spot.weight;
                        self.region(spot).expressions.push(Site { node: part, weight });
                    }
                }
                _ if part.kind() == "token_tree" && spot.depth < DEEPEST => {
                    let spot = Spot { depth: spot.depth + 1, ..spot.clone() };
                    self.macro_tokens(part, &spot);
                }
                _ => {}
            }
        }
    }

    /// Literals in a pattern are constants like others.
    fn pattern_literals(&mut self, node: Node<'t>, spot: &Spot) {
        for part in self.grammar.parts(node) {
            let shape = self.grammar.shape(part);
            if matches!(
                shape,
                Shape::Int | Shape::Float | Shape::Text | Shape::Char | Shape::True | Shape::Range
            ) {
                let weight = spot.weight;
                self.region(spot).expressions.push(Site { node: part, weight });
            }
            if spot.depth < DEEPEST && node.child_by_field_name("condition") != Some(part) {
                let spot = Spot { depth: spot.depth + 1, ..spot.clone() };
                self.pattern_literals(part, &spot);
            }
        }
    }

    fn bind_field(&mut self, node: Node<'t>, field: &str, bound: Bound<'t>, fixed: bool, spot: &Spot) {
        if let Some(name) = node.child_by_field_name(field) {
            self.bind(name, bound, Origin::Local, fixed, spot);
        }
    }

    fn bind(&mut self, node: Node<'t>, bound: Bound<'t>, origin: Origin, fixed: bool, spot: &Spot) {
        let kind = node.kind();
        if matches!(
            kind,
            "identifier" | "shorthand_property_identifier_pattern" | "shorthand_field_identifier"
        ) {
            let text = text_of(self.text, node);
            let constant = self.grammar.language == Language::Rust
                && origin != Origin::Global
                && text.starts_with(|c: char| c.is_uppercase());
            if text != "_" && !constant {
                let (depth, visible) = (spot.functions, spot.scope.clone());
                let first = node.start_byte();
                self.found.names.push(Name {
                    text,
                    bound,
                    origin,
                    fixed,
                    first,
                    visible,
                    depth,
                    ty: Ty::default(),
                    uses: 0,
                });
            }
            return;
        }
        let shape = self.grammar.shape(node);
        if matches!(shape, Shape::Skip | Shape::Member | Shape::Index | Shape::Path) || spot.depth >= DEEPEST
        {
            return;
        }
        // Inside a pattern only names are bound: not the types, keys and defaults in it.
        let deeper = Spot { depth: spot.depth + 1, ..spot.clone() };
        let same = matches!(kind, "mut_pattern" | "ref_pattern" | "reference_pattern" | "captured_pattern");
        let mut cursor = node.walk();
        let inner: Vec<(Node<'t>, Option<&str>)> = {
            let mut all = Vec::new();
            if cursor.goto_first_child() {
                loop {
                    all.push((cursor.node(), cursor.field_name()));
                    if !cursor.goto_next_sibling() {
                        break;
                    }
                }
            }
            all
        };
        for (part, field) in inner {
            let bare = kind == "field_pattern"
                && field == Some("name")
                && part.kind() == "shorthand_field_identifier";
            let paired = kind == "pair_pattern" && field == Some("value");
            let names = !matches!(field, Some("type" | "key" | "right" | "value" | "condition" | "name"))
                || bare
                || paired;
            if part.is_named() && names {
                let bound = if same { bound } else { Bound::Unknown };
                self.bind(part, bound, origin, fixed && kind != "mut_pattern", &deeper);
            }
        }
    }
}
