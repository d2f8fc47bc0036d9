//! One walk over a file's tree that sorts its nodes into regions: what binds names, what is an expression that
//! could be another one, what is a statement that could be moved.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use tree_sitter::Node;

use super::facts::{Bound, Name, Origin, Region, Site};
use super::types::Type;
use crate::repair::pool::Weights;
use crate::syntax::{children, parts, text_of};

/// Deeper than this nothing is edited: no person writes it, and the walk stays off the end of its stack.
const DEEPEST: u16 = 150;
/// Where a name is visible that is not bound by a comprehension or lambda.
const EVERYWHERE: Range<usize> = 0..usize::MAX;

/// Kinds of nodes that are expressions.
pub(super) const EXPRESSIONS: &[&str] = &[
    "identifier",
    "integer",
    "float",
    "string",
    "concatenated_string",
    "true",
    "false",
    "none",
    "list",
    "tuple",
    "dictionary",
    "set",
    "list_comprehension",
    "set_comprehension",
    "dictionary_comprehension",
    "generator_expression",
    "comparison_operator",
    "not_operator",
    "boolean_operator",
    "binary_operator",
    "unary_operator",
    "attribute",
    "subscript",
    "call",
    "conditional_expression",
    "lambda",
    "parenthesized_expression",
    "named_expression",
    "await",
    "yield",
    "expression_list",
];

struct Walk<'t, 'w> {
    text: &'t str,
    weights: &'w Weights,
    regions: Vec<Region<'t>>,
    /// Names that are bound already: region, name, where it is visible.
    bound: HashSet<(usize, &'t str, usize)>,
}

/// Where a node stands: its region, how suspicious its statement is, how deep it is.
#[derive(Clone, Copy)]
struct Spot {
    region: usize,
    weight: f64,
    depth: u16,
}

/// The regions of a file; the first is its top, and a region comes after the one around it.
pub(super) fn regions<'t>(text: &'t str, root: Node<'t>, weights: &Weights) -> Vec<Region<'t>> {
    let top = Region::new(root, None, Arc::from(""), false);
    let mut walk = Walk { text, weights, regions: vec![top], bound: HashSet::new() };
    walk.inside(root, Spot { region: 0, weight: weights.at_top(), depth: 0 });
    walk.regions
}

/// The rows of a statement that are its own and not its body's.
pub(super) fn own_rows(node: Node<'_>) -> Range<usize> {
    let body = ["body", "consequence"]
        .iter()
        .find_map(|field| node.child_by_field_name(field))
        .or_else(|| parts(node).into_iter().find(|part| part.kind() == "block"));
    let start = node.start_position().row;
    let end = body.map_or(node.end_position().row + 1, |body| body.start_position().row);
    start..end.max(start + 1)
}

impl<'t> Walk<'t, '_> {
    fn inside(&mut self, node: Node<'t>, spot: Spot) {
        for child in parts(node) {
            self.node(child, spot);
        }
    }

    fn fields(&mut self, node: Node<'t>, fields: &[&str], spot: Spot) {
        for field in fields {
            if let Some(child) = node.child_by_field_name(field) {
                self.node(child, spot);
            }
        }
    }

    fn node(&mut self, node: Node<'t>, spot: Spot) {
        if spot.depth >= DEEPEST {
            return;
        }
        let mut spot = Spot { depth: spot.depth + 1, ..spot };
        let kind = node.kind();
        if kind.ends_with("_statement")
            || matches!(kind, "elif_clause" | "except_clause" | "function_definition" | "class_definition")
        {
            let in_code = self.regions[spot.region].function.is_empty();
            spot.weight = self.weights.of_rows(own_rows(node), in_code);
        }
        if kind.ends_with("_statement") && !is_docstring(node) {
            self.regions[spot.region].statements.push(Site { node, weight: spot.weight });
        }
        if EXPRESSIONS.contains(&kind) {
            self.regions[spot.region].expressions.push(Site { node, weight: spot.weight });
        }
        self.descend(node, spot);
    }

    fn descend(&mut self, node: Node<'t>, spot: Spot) {
        match node.kind() {
            "function_definition" => self.function(node, spot),
            "class_definition" => self.class(node, spot),
            "import_statement" | "import_from_statement" => self.imports(node, spot),
            "assignment" | "augmented_assignment" | "for_statement" | "named_expression" => {
                self.binding(node, spot);
            }
            "list_comprehension"
            | "set_comprehension"
            | "dictionary_comprehension"
            | "generator_expression" => {
                for clause in parts(node).into_iter().filter(|part| part.kind() == "for_in_clause") {
                    self.bind_items(clause, node.byte_range(), spot);
                }
                self.inside(node, spot);
            }
            // Its target is bound by the comprehension around it.
            "for_in_clause" => self.fields(node, &["right"], spot),
            "lambda" => {
                for parameter in node.child_by_field_name("parameters").map(parts).unwrap_or_default() {
                    self.bind(parameter, node.byte_range(), Origin::Parameter, None, spot);
                }
                self.fields(node, &["body"], spot);
            }
            "attribute" => self.fields(node, &["object"], spot),
            "keyword_argument" => self.fields(node, &["value"], spot),
            "as_pattern" => self.as_pattern(node, spot),
            "except_clause" => self.except(node, spot),
            "string" => {
                for part in parts(node).into_iter().filter(|part| part.kind() == "interpolation") {
                    self.fields(part, &["expression"], spot);
                }
            }
            "decorator" | "type" | "global_statement" | "nonlocal_statement" | "format_specifier" => {}
            "expression_statement" if is_docstring(node) => {}
            _ => self.inside(node, spot),
        }
    }

    fn function(&mut self, node: Node<'t>, spot: Spot) {
        let name = node.child_by_field_name("name");
        if let Some(name) = name {
            self.bind(name, EVERYWHERE, Origin::Definition, Some(Bound::Known(Type::Function)), spot);
        }
        let label: Arc<str> = Arc::from(name.map_or("", |name| text_of(self.text, name)));
        self.regions.push(Region::new(node, Some(spot.region), label, false));
        let body = node.child_by_field_name("body");
        // A signature runs with every call: it is as suspicious as its body.
        let rows = body.map_or(0..0, |body| body.start_position().row..body.end_position().row + 1);
        let weight = spot.weight.max(0.7 * self.weights.of_rows(rows, false));
        let spot = Spot { region: self.regions.len() - 1, weight, ..spot };
        for parameter in node.child_by_field_name("parameters").map(parts).unwrap_or_default() {
            self.parameter(parameter, spot);
        }
        if let Some(body) = body {
            self.inside(body, spot);
        }
    }

    fn parameter(&mut self, node: Node<'t>, spot: Spot) {
        let name = node
            .child_by_field_name("name")
            .or_else(|| if node.kind() == "identifier" { Some(node) } else { parts(node).first().copied() });
        let Some(name) = name else { return };
        let annotated = node
            .child_by_field_name("type")
            .map(|ty| Type::of_annotation(text_of(self.text, ty)))
            .filter(|ty| *ty != Type::Unknown);
        let value = node.child_by_field_name("value");
        let bound = match (annotated, value) {
            _ if node.kind() == "list_splat_pattern" => Some(Bound::Known(Type::Tuple)),
            _ if node.kind() == "dictionary_splat_pattern" => Some(Bound::Known(Type::Dict)),
            (Some(ty), _) => Some(Bound::Known(ty)),
            (None, value) => value.map(Bound::Value),
        };
        self.bind(name, EVERYWHERE, Origin::Parameter, bound, spot);
        if name.kind() == "identifier" {
            self.regions[spot.region].parameters.push(text_of(self.text, name).to_owned());
        }
        if let Some(value) = value {
            self.node(value, spot);
        }
    }

    fn class(&mut self, node: Node<'t>, spot: Spot) {
        if let Some(name) = node.child_by_field_name("name") {
            self.bind(name, EVERYWHERE, Origin::Definition, Some(Bound::Known(Type::Function)), spot);
        }
        self.regions.push(Region::new(node, Some(spot.region), Arc::from(""), true));
        let region = self.regions.len() - 1;
        if let Some(body) = node.child_by_field_name("body") {
            self.inside(body, Spot { region, ..spot });
        }
    }

    fn imports(&mut self, node: Node<'t>, spot: Spot) {
        let module = node.child_by_field_name("module_name");
        for part in parts(node).into_iter().filter(|part| Some(*part) != module) {
            let name = part.child_by_field_name("alias").or_else(|| parts(part).first().copied());
            if let Some(name) = name {
                self.bind(name, EVERYWHERE, Origin::Import, None, spot);
            }
        }
    }

    fn binding(&mut self, node: Node<'t>, spot: Spot) {
        let left = node.child_by_field_name("left").or_else(|| node.child_by_field_name("name"));
        let right = node.child_by_field_name("right").or_else(|| node.child_by_field_name("value"));
        if let Some(left) = left {
            if node.kind() == "for_statement" {
                self.bind_items(node, EVERYWHERE, spot);
            } else {
                self.bind(left, EVERYWHERE, Origin::Local, right.map(Bound::Value), spot);
            }
            self.target(left, spot);
        }
        if let Some(right) = right {
            self.node(right, spot);
        }
        self.fields(node, &["body", "alternative"], spot);
    }

    /// A place that is assigned to: parts of it are expressions all the same.
    fn target(&mut self, node: Node<'t>, spot: Spot) {
        match node.kind() {
            "identifier" => self.regions[spot.region].targets.push(Site { node, weight: spot.weight }),
            "attribute" | "subscript" => {
                self.regions[spot.region].targets.push(Site { node, weight: spot.weight });
                self.inside_target(node, spot);
            }
            _ => {
                for part in parts(node) {
                    self.target(part, spot);
                }
            }
        }
    }

    fn inside_target(&mut self, node: Node<'t>, spot: Spot) {
        if node.kind() == "attribute" {
            self.fields(node, &["object"], spot);
        } else {
            self.inside(node, spot);
        }
    }

    fn as_pattern(&mut self, node: Node<'t>, spot: Spot) {
        for part in parts(node) {
            if part.kind() == "as_pattern_target" {
                self.bind(part, EVERYWHERE, Origin::Local, None, spot);
            } else {
                self.node(part, spot);
            }
        }
    }

    fn except(&mut self, node: Node<'t>, spot: Spot) {
        for part in parts(node) {
            if part.kind() == "block" {
                self.inside(part, spot);
            } else {
                self.exceptions(part, spot);
            }
        }
    }

    fn exceptions(&mut self, node: Node<'t>, spot: Spot) {
        match node.kind() {
            "identifier" => self.regions[spot.region].exceptions.push(Site { node, weight: spot.weight }),
            "as_pattern_target" => self.bind(node, EVERYWHERE, Origin::Local, None, spot),
            _ => {
                for part in parts(node) {
                    self.exceptions(part, spot);
                }
            }
        }
    }

    fn bind_items(&mut self, clause: Node<'t>, visible: Range<usize>, spot: Spot) {
        let right = clause.child_by_field_name("right");
        if let Some(left) = clause.child_by_field_name("left") {
            self.bind(left, visible, Origin::Local, right.map(Bound::Items), spot);
        }
    }

    fn bind(
        &mut self,
        node: Node<'t>,
        visible: Range<usize>,
        origin: Origin,
        bound: Option<Bound<'t>>,
        spot: Spot,
    ) {
        let region = &mut self.regions[spot.region];
        if node.kind() == "identifier" {
            let text = text_of(self.text, node);
            if let Some(bound) = bound {
                region.bound_to.push((text.to_owned(), bound));
            }
            if !self.bound.insert((spot.region, text, visible.start)) {
                return;
            }
            region.names.push(Name {
                text: text.to_owned(),
                ty: Type::Unknown,
                uses: 0,
                first: node.start_byte(),
                visible,
                origin,
                distance: 0,
                idle: false,
            });
        } else if matches!(node.kind(), "attribute" | "subscript" | "integer" | "string") {
            // Not a name, though it can be assigned to.
        } else {
            let enumerated = matches!(bound, Some(Bound::Items(right)) if {
                right.child_by_field_name("function").is_some_and(|f| text_of(self.text, f) == "enumerate")
            });
            let values = match bound {
                Some(Bound::Value(right)) if right.kind() != "call" => parts(right),
                _ => Vec::new(),
            };
            for (n, part) in children(node).into_iter().filter(Node::is_named).enumerate() {
                let bound = match values.get(n) {
                    Some(value) => Some(Bound::Value(*value)),
                    None if enumerated && n == 0 => Some(Bound::Known(Type::Int)),
                    None => None,
                };
                self.bind(part, visible.clone(), origin, bound, spot);
            }
        }
    }
}

fn is_docstring(node: Node<'_>) -> bool {
    node.kind() == "expression_statement"
        && matches!(parts(node).as_slice(), [only] if matches!(only.kind(), "string" | "concatenated_string"))
}
