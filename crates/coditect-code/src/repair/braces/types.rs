//! Guesses at types: what is declared, what a literal or a well-known method tells, and otherwise nothing.

use std::collections::BTreeMap;

use tree_sitter::Node;

use super::table::{Grammar, Shape};
use crate::syntax::{children, text_of};

/// The kind of a type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    #[default]
    Unknown,
    Int,
    Float,
    Text,
    Char,
    Bool,
    List,
    Map,
    /// Something that may be nothing.
    Optional,
    Function,
    /// A type of the program or of a library.
    Named,
}

impl Class {
    /// Its letter in the tables.
    pub(super) fn letter(self) -> char {
        match self {
            Self::Unknown | Self::Named => '?',
            Self::Int => 'i',
            Self::Float => 'n',
            Self::Text => 's',
            Self::Char => 'c',
            Self::Bool => 'b',
            Self::List => 'l',
            Self::Map => 'm',
            Self::Optional => 'o',
            Self::Function => 'f',
        }
    }

    fn of_letter(letter: char) -> Self {
        match letter {
            'i' => Self::Int,
            'n' => Self::Float,
            's' => Self::Text,
            'c' => Self::Char,
            'b' => Self::Bool,
            'l' => Self::List,
            'm' => Self::Map,
            'o' => Self::Optional,
            'f' => Self::Function,
            _ => Self::Unknown,
        }
    }

    /// True for numbers.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }

    /// True where it has a length.
    pub(super) fn has_size(self) -> bool {
        matches!(self, Self::Text | Self::List | Self::Map)
    }
}

/// A guess at a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ty {
    pub(super) class: Class,
    /// As it is declared, without references; `""` where only the class is known.
    pub(super) name: String,
}

impl Ty {
    /// A type of which only the class is known.
    pub(super) fn of(class: Class) -> Self {
        Self { class, name: String::new() }
    }

    /// True where nothing is known.
    pub(super) fn is_unknown(&self) -> bool {
        self.class == Class::Unknown && self.name.is_empty()
    }

    /// A declared type.
    pub(super) fn declared(grammar: &Grammar, words: &str) -> Self {
        let table = grammar.table;
        let mut name = words.trim().trim_start_matches(':').trim();
        // References and their lifetimes say how a value is held, not what it is.
        loop {
            let before = name;
            name = name.trim_start_matches('&').trim_start();
            name = name.strip_prefix("mut ").unwrap_or(name).trim_start();
            if let Some(rest) = name.strip_prefix('\'') {
                name = rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').trim_start();
            }
            if name == before {
                break;
            }
        }
        let head: &str = name.split(['<', '(', ' ']).next().unwrap_or_default();
        let last = head.rsplit("::").next().unwrap_or_default();
        let class = if matches!(name, "bool" | "boolean" | "Boolean") {
            Class::Bool
        } else if table.integers.contains(&name) {
            Class::Int
        } else if table.floats.contains(&name) {
            Class::Float
        } else if table.texts.contains(&last) {
            Class::Text
        } else if name == "char" || name == "Character" {
            Class::Char
        } else if name.starts_with("map[")
            || matches!(
                last,
                "HashMap" | "BTreeMap" | "Map" | "LinkedHashMap" | "TreeMap" | "Record" | "Set" | "HashSet"
            )
        {
            Class::Map
        } else if name.starts_with('[')
            || name.ends_with("[]")
            || matches!(
                last,
                "Vec" | "List" | "ArrayList" | "Array" | "Collection" | "VecDeque" | "ReadonlyArray"
            )
        {
            Class::List
        } else if last == "Option" || last == "Optional" || name.starts_with('*') || name == "error" {
            Class::Optional
        } else if name.starts_with("fn")
            || name.starts_with("func(")
            || name.contains("=>")
            || name.starts_with("impl Fn")
        {
            Class::Function
        } else if name.is_empty() || matches!(name, "any" | "unknown" | "Self" | "_") {
            Class::Unknown
        } else {
            Class::Named
        };
        Self { class, name: name.to_owned() }
    }

    /// How well a value of type `other` stands where one of this type stood, 0 to 1.
    pub(super) fn fit(&self, other: &Self, typed: bool) -> f64 {
        if self.is_unknown() || other.is_unknown() {
            return 0.6;
        }
        let wrong = if typed { 0.05 } else { 0.15 };
        let same_name = self.name == other.name;
        let named = !self.name.is_empty() && !other.name.is_empty();
        match (self.class == other.class, named) {
            (true, true) if same_name => 1.0,
            (true, true) if typed => {
                if self.class == Class::Named && self.name.len().min(other.name.len()) == 1 {
                    0.3
                } else {
                    0.15
                }
            }
            (true, true) => 0.5,
            (true, false) => 0.85,
            (false, _) if self.class.is_number() && other.class.is_number() => {
                if typed {
                    0.15
                } else {
                    0.8
                }
            }
            (false, _) if self.class == Class::Unknown || other.class == Class::Unknown => 0.5,
            // What is declared by a name of the program may still be a text or a number underneath.
            (false, _) if self.class == Class::Named || other.class == Class::Named => 2.0 * wrong,
            (false, _) => wrong,
        }
    }
}

/// Where types of names, members and functions are found.
pub(super) trait Known {
    /// The type of a name that is used at byte `at`.
    fn of_name(&self, name: &str, at: usize) -> Ty;
    /// The type of a member or field with this name.
    fn of_member(&self, name: &str) -> Ty;
    /// What a function or method with this name gives.
    fn of_call(&self, name: &str) -> Ty;
}

/// Types of members and of what functions give, by name; unknown where two of one name differ.
#[derive(Clone, Debug, Default)]
pub(super) struct Declared {
    pub(super) members: BTreeMap<String, Ty>,
    pub(super) calls: BTreeMap<String, Ty>,
}

impl Declared {
    /// Notes a type; two that differ leave nothing known.
    pub(super) fn note(map: &mut BTreeMap<String, Ty>, name: &str, ty: Ty) {
        match map.get_mut(name) {
            None => {
                map.insert(name.to_owned(), ty);
            }
            Some(known) if *known == ty => {}
            Some(known) if known.class == ty.class => known.name.clear(),
            Some(known) => *known = Ty::default(),
        }
    }
}

/// A guess at the type of an expression. `depth`: how far to look into it.
pub(super) fn guess(text: &str, grammar: &Grammar, known: &dyn Known, node: Node<'_>, depth: u8) -> Ty {
    if depth == 0 {
        return Ty::default();
    }
    let inside = |node: Option<Node<'_>>| {
        node.map_or_else(Ty::default, |node| guess(text, grammar, known, node, depth - 1))
    };
    let words = text_of(text, node);
    match grammar.shape(node) {
        Shape::Int => {
            let float = grammar.language.is_script();
            let suffix =
                grammar.table.integers.iter().find(|suffix| suffix.len() > 1 && words.ends_with(**suffix));
            match suffix {
                Some(suffix) => Ty { class: Class::Int, name: (*suffix).to_owned() },
                None => Ty::of(if float { Class::Float } else { Class::Int }),
            }
        }
        Shape::Float => Ty::of(Class::Float),
        Shape::Text => Ty::of(Class::Text),
        Shape::Char => Ty::of(Class::Char),
        Shape::True | Shape::False => Ty::of(Class::Bool),
        Shape::Array => Ty::of(Class::List),
        Shape::Lambda => Ty::of(Class::Function),
        Shape::Name => known.of_name(words, node.start_byte()),
        Shape::Member => {
            let name = super::desk::member_name(node).map_or("", |name| text_of(text, name));
            let by_name = known.of_member(name);
            if by_name.is_unknown() { of_well_known(grammar, name) } else { by_name }
        }
        Shape::Call => {
            let name = super::desk::callee_name(text, node).unwrap_or_default();
            let by_name = known.of_call(name);
            if by_name.is_unknown() { of_well_known(grammar, name) } else { by_name }
        }
        Shape::New => {
            let made = node.child_by_field_name("type").or_else(|| node.child_by_field_name("constructor"));
            made.map_or_else(Ty::default, |made| Ty::declared(grammar, text_of(text, made)))
        }
        Shape::Object => {
            let made = node.child_by_field_name("type").or_else(|| node.child_by_field_name("name"));
            made.map_or_else(|| Ty::of(Class::Map), |made| Ty::declared(grammar, text_of(text, made)))
        }
        Shape::Cast => {
            let to = node.child_by_field_name("type");
            to.map_or_else(Ty::default, |to| Ty::declared(grammar, text_of(text, to)))
        }
        Shape::Binary => binary(text, grammar, node, &inside),
        Shape::Unary => match words.as_bytes().first() {
            Some(b'!') if grammar.language != crate::languages::Language::Rust => Ty::of(Class::Bool),
            Some(b'!' | b'-' | b'+' | b'~' | b'^') => inside(grammar.parts(node).last().copied()),
            _ if words.starts_with("typeof") => Ty::of(Class::Text),
            _ => Ty::default(),
        },
        Shape::Update => Ty::of(if grammar.language.is_script() { Class::Float } else { Class::Int }),
        Shape::Paren | Shape::Reference => inside(grammar.parts(node).last().copied()),
        Shape::Ternary => inside(node.child_by_field_name("consequence")),
        Shape::Assign => inside(node.child_by_field_name("right")),
        Shape::Index => {
            let held = inside(grammar.parts(node).first().copied());
            item_of(grammar, &held)
        }
        Shape::Slice => inside(node.child_by_field_name("operand")),
        Shape::Value if node.kind() == "template_string" || node.kind() == "raw_string_literal" => {
            Ty::of(Class::Text)
        }
        Shape::Value if node.kind() == "instanceof_expression" => Ty::of(Class::Bool),
        _ => Ty::default(),
    }
}

fn of_well_known(grammar: &Grammar, name: &str) -> Ty {
    let known = grammar.table.returns.iter().find(|(known, _)| *known == name);
    known.map_or_else(Ty::default, |(_, letter)| {
        let size = matches!((grammar.language, name), (crate::languages::Language::Rust, "len" | "count"));
        Ty { class: Class::of_letter(*letter), name: if size { "usize".to_owned() } else { String::new() } }
    })
}

fn binary(text: &str, grammar: &Grammar, node: Node<'_>, inside: &dyn Fn(Option<Node<'_>>) -> Ty) -> Ty {
    let operator = operator_of(node).map_or("", |token| text_of(text, token));
    if grammar.table.comparisons.iter().any(|(known, _)| *known == operator)
        || matches!(operator, "&&" | "||")
    {
        let script = grammar.language.is_script() && matches!(operator, "&&" | "||");
        if !script {
            return Ty::of(Class::Bool);
        }
        let (one, two) =
            (inside(node.child_by_field_name("left")), inside(node.child_by_field_name("right")));
        return if one.class == Class::Bool && two.class == Class::Bool { one } else { Ty::default() };
    }
    let (one, two) = (inside(node.child_by_field_name("left")), inside(node.child_by_field_name("right")));
    match (one.class, two.class) {
        (Class::Text, _) | (_, Class::Text) if operator == "+" => Ty::of(Class::Text),
        _ if operator != "+" && grammar.language.is_script() => Ty::of(Class::Float),
        _ if one.name.is_empty() && !two.name.is_empty() && !matches!(operator, "<<" | ">>") => two,
        _ if one.is_unknown() => two,
        _ => one,
    }
}

/// The type of what a container holds, as far as its declaration says it.
pub(super) fn item_of(grammar: &Grammar, held: &Ty) -> Ty {
    let name = held.name.as_str();
    if let Some(item) = name.strip_suffix("[]") {
        return Ty::declared(grammar, item);
    }
    if name.starts_with('[') {
        let item = name.split_once(']').map_or("", |(_, item)| item);
        let rust = name.trim_start_matches('[').trim_end_matches(']').split(';').next().unwrap_or_default();
        return Ty::declared(grammar, if item.is_empty() { rust } else { item });
    }
    if let (Class::List, Some((_, inner))) = (held.class, name.split_once('<')) {
        return Ty::declared(grammar, inner.trim_end_matches('>'));
    }
    match (held.class, grammar.language) {
        (Class::Text, crate::languages::Language::Go) => Ty { class: Class::Int, name: "byte".to_owned() },
        (Class::Text, language) if language.is_script() => Ty::of(Class::Text),
        _ => Ty::default(),
    }
}

/// The operator of a binary or unary expression, or of an assignment.
pub(super) fn operator_of(node: Node<'_>) -> Option<Node<'_>> {
    node.child_by_field_name("operator").or_else(|| {
        children(node).into_iter().find(|child| !child.is_named() && !matches!(child.kind(), "(" | ")" | ";"))
    })
}
