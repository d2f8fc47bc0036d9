//! Names that are used, and on what.

use coditect_types::graph::{How, On};

use super::{Frame, Language, Node, Reader, types};
use crate::syntax::children;

/// Characters of a path that is kept as what a name is used on.
const LONGEST: usize = 120;
/// Brackets around an expression that are looked into: people write one or two, machines any number.
const BRACKETS: usize = 16;
/// Steps up to where a list of bases can begin.
const UP: usize = 6;

/// Nodes below which names are bases of a type.
const BASES: &[&str] = &[
    "class_heritage",
    "extends_clause",
    "implements_clause",
    "extends_type_clause",
    "superclass",
    "super_interfaces",
    "extends_interfaces",
];

impl<'t> Reader<'t> {
    /// Takes a name.
    pub(super) fn mention(&mut self, frame: Frame<'t>) {
        let is_name = matches!(
            frame.kind,
            "identifier"
                | "type_identifier"
                | "property_identifier"
                | "field_identifier"
                | "shorthand_property_identifier"
                | "constant"
        );
        let Some(above) = self.frame(1).filter(|_| is_name) else { return };
        let node = frame.node;
        let name = self.text(node);
        let is_bound =
            self.later.iter().any(|(_, pattern, _)| pattern.byte_range().contains(&node.start_byte()));
        if is_bound && !types::is_type_name(name) {
            return;
        }
        if above.kind == "token_tree" {
            self.in_macro(node, name);
            return;
        }
        let (Some(on), called_at) = self.place(frame, above) else { return };
        // In Java a method and a variable of one name are two things.
        let is_other = called_at && self.language == Language::Java;
        if on == On::Nothing && !is_other && self.is_local(name) {
            return;
        }
        let how = if self.is_base() {
            How::Extended
        } else if called_at {
            How::Called
        } else {
            How::Named
        };
        let from = self.symbol();
        self.used(from, name, on, how);
    }

    /// On what a name is used, and whether it is called. None: it is a definition or a label.
    fn place(&self, frame: Frame<'t>, above: Frame<'t>) -> (Option<On>, bool) {
        let beyond = self.frame(2);
        let whole_called = beyond.is_some_and(|beyond| calls(beyond.kind, above.field));
        let member = |object: &str| {
            above.node.child_by_field_name(object).map_or(On::Unknown, |object| self.on(object))
        };
        let is_member = |field: &str| frame.field == Some(field);
        match above.kind {
            "attribute" if is_member("attribute") => (Some(member("object")), whole_called),
            "member_expression" if is_member("property") => (Some(member("object")), whole_called),
            "field_expression" if is_member("field") => (Some(member("value")), whole_called),
            "selector_expression" if is_member("field") => (Some(member("operand")), whole_called),
            "field_access" if is_member("field") => (Some(member("object")), false),
            "scoped_identifier" | "scoped_type_identifier" | "nested_type_identifier" | "qualified_type" => {
                if self.language == Language::Java {
                    let first = above.node.named_child(0).filter(|first| first.id() != frame.node.id());
                    return (first.map(|first| self.on(first)), whole_called);
                }
                if !is_member("name") {
                    // What stands before the last `::` is taken with it.
                    return (None, false);
                }
                let path = ["path", "module", "package"]
                    .iter()
                    .find_map(|field| above.node.child_by_field_name(field));
                (path.map(|path| self.on(path)), whole_called)
            }
            "method_invocation" if is_member("name") => {
                let object = above.node.child_by_field_name("object");
                (Some(object.map_or(On::Nothing, |object| self.on(object))), true)
            }
            "keyword_argument" | "pair" | "labeled_statement" | "break_statement" | "lifetime"
            | "field_initializer" | "keyed_element" | "element_value_pair" | "package_clause"
            | "property_signature" | "field_declaration" | "jsx_attribute"
                if frame.field != Some("value") && frame.kind != "type_identifier" =>
            {
                (None, false)
            }
            _ if matches!(frame.field, Some("name" | "alias" | "label")) && !is_tag(above.kind) => {
                let is_use = matches!(above.kind, "struct_expression" | "method_reference");
                (is_use.then_some(On::Nothing), is_use)
            }
            _ => (Some(On::Nothing), calls(above.kind, frame.field)),
        }
    }

    /// What a name is used on.
    fn on(&self, object: Node<'t>) -> On {
        let mut object = object;
        for _ in 0..BRACKETS {
            if object.kind() != "parenthesized_expression" {
                break;
            }
            let Some(inner) = children(object).into_iter().find(Node::is_named) else { break };
            object = inner;
        }
        let text = self.text(object);
        match object.kind() {
            "self" | "this" | "super" => return On::Own,
            "parenthesized_expression" => return On::Unknown,
            "call" if text == "super()" => return On::Own,
            "call"
            | "call_expression"
            | "new_expression"
            | "object_creation_expression"
            | "composite_literal"
            | "await_expression"
            | "try_expression"
            | "struct_expression"
            | "reference_expression" => {
                return self.made_by(object).map_or(On::Unknown, |of| On::Typed(of.to_owned()));
            }
            _ => {}
        }
        self.on_path(text)
    }

    /// What a path of names stands for, as far as this file tells.
    fn on_path(&self, text: &'t str) -> On {
        if matches!(text, "self" | "this" | "Self" | "super") && self.language != Language::Go
            || (text == "cls" && self.language == Language::Python)
        {
            // In Rust `super::x` is a path.
            if text != "super" || self.language != Language::Rust {
                return On::Own;
            }
        }
        let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | ':' | '$');
        if text.len() > LONGEST {
            return On::Unknown;
        }
        if !text.chars().all(is_path) {
            // `Vec<T>::new`, `Box<dyn A>::x`.
            return types::named(text)
                .filter(|of| types::is_type_name(of))
                .map_or(On::Unknown, |of| On::Named(of.to_owned()));
        }
        let (first, rest) = text.split_once('.').unwrap_or((text, ""));
        let own = matches!(first, "self" | "this") && self.language != Language::Go;
        let holder = if own {
            self.own_type()
        } else {
            match self.scopes.iter().rev().find_map(|scope| scope.locals.get(first)) {
                Some(Some(of)) if rest.is_empty() => return On::Typed((*of).to_owned()),
                Some(Some(of)) => Some(*of),
                Some(None) => return On::Unknown,
                None => match self.own_field(first).filter(|_| self.language == Language::Java) {
                    Some(of) if rest.is_empty() => return On::Typed(of.to_owned()),
                    Some(of) => Some(of),
                    None => return On::Named(text.to_owned()),
                },
            }
        };
        let mut of = holder;
        for part in rest.split('.') {
            of = of
                .and_then(|of| self.fields.get(&(of.rsplit(['.', ':']).next().unwrap_or(of), part)).copied());
        }
        of.map_or(On::Unknown, |of| On::Typed(of.to_owned()))
    }

    fn own_field(&self, name: &'t str) -> Option<&'t str> {
        self.fields.get(&(self.own_type()?, name)).copied()
    }

    fn is_local(&self, name: &str) -> bool {
        self.scopes.iter().any(|scope| scope.locals.contains_key(name))
    }

    /// True where the name stands among the bases of the type around.
    fn is_base(&self) -> bool {
        for up in 1..=UP {
            let Some(above) = self.frame(up) else { return false };
            if BASES.contains(&above.kind)
                || (above.kind == "argument_list" && above.field == Some("superclasses"))
            {
                return true;
            }
            let goes_on = matches!(
                above.kind,
                "type_list"
                    | "extends_clause"
                    | "generic_type"
                    | "attribute"
                    | "member_expression"
                    | "scoped_type_identifier"
                    | "nested_type_identifier"
                    | "interface_type_list"
            );
            if !goes_on {
                return false;
            }
        }
        false
    }

    /// A name within a macro's tokens, of which no tree tells what they are.
    fn in_macro(&mut self, node: Node<'t>, name: &'t str) {
        let before = self.text[..node.start_byte()].trim_end();
        let called = self.text[node.end_byte()..].starts_with('(');
        let on = if let Some(path) = before.strip_suffix("::") {
            let start =
                path.rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':'))).map_or(0, |at| at + 1);
            self.on_path(path.get(start..).unwrap_or_default())
        } else if let Some(object) = before.strip_suffix('.') {
            let start = object
                .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')))
                .map_or(0, |at| at + 1);
            let object = object.get(start..).unwrap_or_default();
            if object.is_empty() { On::Unknown } else { self.on_path(object) }
        } else if self.text[node.end_byte()..].starts_with("::") || self.is_local(name) {
            return;
        } else {
            On::Nothing
        };
        // A value that no type is known of is not a module.
        let is_value = before.ends_with('.') && matches!(&on, On::Named(path) if !path.contains("::"));
        let on = if is_value { On::Unknown } else { on };
        let from = self.symbol();
        self.used(from, name, on, if called { How::Called } else { How::Named });
    }
}

/// True where what stands in this field of such a node is called, or an object is made of it.
fn calls(kind: &str, field: Option<&str>) -> bool {
    match kind {
        "call" | "call_expression" | "generic_function" => field == Some("function"),
        "new_expression" => field == Some("constructor"),
        "macro_invocation" => field == Some("macro"),
        "object_creation_expression" | "composite_literal" => field == Some("type"),
        "decorator" => true,
        _ => is_tag(kind) && field == Some("name"),
    }
}

fn is_tag(kind: &str) -> bool {
    matches!(kind, "jsx_opening_element" | "jsx_self_closing_element" | "jsx_closing_element")
}
