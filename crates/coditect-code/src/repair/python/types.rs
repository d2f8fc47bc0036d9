//! A guess at the type of an expression, from its form and from what is known of names. It only ranks.

use std::collections::BTreeMap;

use tree_sitter::Node;

use crate::syntax::{parts, text_of};

/// A type, as far as ranking needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Type {
    #[default]
    Unknown,
    Int,
    Float,
    Str,
    Bool,
    List,
    Tuple,
    Dict,
    Set,
    Function,
    Nothing,
}

impl Type {
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Float)
    }

    pub(super) fn is_sequence(self) -> bool {
        matches!(self, Self::List | Self::Tuple | Self::Str)
    }

    pub(super) fn is_container(self) -> bool {
        matches!(self, Self::List | Self::Tuple | Self::Dict | Self::Set | Self::Str)
    }

    /// How well a value of type `other` stands where this type stood, 0 to 1.
    pub(super) fn fit(self, other: Self) -> f64 {
        use Type::{Nothing, Unknown};
        match (self, other) {
            (a, b) if a == b && a != Unknown => 1.0,
            (Unknown, Unknown) => 0.7,
            (Nothing, _) | (_, Nothing) => 0.3,
            (Unknown, _) | (_, Unknown) => 0.55,
            (a, b) if a.is_number() && b.is_number() => 0.7,
            (a, b) if a.is_sequence() && b.is_sequence() => 0.3,
            _ => 0.12,
        }
    }

    /// True where a class of types of the tables (`n`, `s`, `l`, `d`, `b`, `*`) may hold this type.
    pub(super) fn is_in(self, classes: &str) -> bool {
        classes.contains(match self {
            Self::Int | Self::Float => 'n',
            Self::Str => 's',
            Self::List | Self::Tuple | Self::Set => 'l',
            Self::Dict => 'd',
            Self::Bool => 'b',
            Self::Unknown => return true,
            Self::Function | Self::Nothing => '*',
        }) || classes.contains('*')
    }

    /// The type that an annotation names.
    pub(super) fn of_annotation(text: &str) -> Self {
        let head = text.split(['[', '|', ' ']).next().unwrap_or_default().trim_matches(['"', '\'']);
        match head.rsplit('.').next().unwrap_or_default() {
            "int" => Self::Int,
            "float" => Self::Float,
            "str" => Self::Str,
            "bool" => Self::Bool,
            "list" | "List" | "Sequence" | "Iterable" | "deque" => Self::List,
            "tuple" | "Tuple" => Self::Tuple,
            "dict" | "Dict" | "Mapping" | "defaultdict" | "Counter" => Self::Dict,
            "set" | "Set" | "frozenset" => Self::Set,
            "Callable" => Self::Function,
            _ => Self::Unknown,
        }
    }
}

/// What calling a function of this name gives.
fn of_call(name: &str) -> Type {
    match name {
        "len" | "int" | "abs" | "ord" | "sum" | "index" | "find" | "rfind" | "count" | "round" | "floor"
        | "ceil" | "gcd" | "hash" | "bisect_left" | "bisect_right" | "bit_length" => Type::Int,
        "float" | "sqrt" | "log" => Type::Float,
        "str" | "repr" | "chr" | "bin" | "hex" | "oct" | "join" | "lower" | "upper" | "strip" | "lstrip"
        | "rstrip" | "replace" | "format" | "title" | "capitalize" | "swapcase" | "zfill" | "ljust"
        | "rjust" | "center" => Type::Str,
        "list" | "sorted" | "split" | "range" | "keys" | "values" | "items" | "deque" | "reversed"
        | "map" | "filter" | "zip" | "enumerate" | "splitlines" => Type::List,
        "tuple" | "divmod" | "partition" => Type::Tuple,
        "dict" | "defaultdict" | "Counter" | "OrderedDict" => Type::Dict,
        "set" | "frozenset" | "union" | "intersection" | "difference" => Type::Set,
        "bool" | "isinstance" | "any" | "all" | "hasattr" | "startswith" | "endswith" | "isdigit"
        | "isalpha" | "isupper" | "islower" | "isalnum" | "isspace" | "issubset" | "issuperset"
        | "callable" => Type::Bool,
        "append" | "extend" | "add" | "sort" | "reverse" | "update" | "insert" | "print" => Type::Nothing,
        _ => Type::Unknown,
    }
}

/// The type of an expression, `depth` levels deep at most.
pub(super) fn guess(text: &str, node: Node<'_>, names: &BTreeMap<String, Type>, depth: u8) -> Type {
    let Some(depth) = depth.checked_sub(1) else { return Type::Unknown };
    let field = |name: &str| {
        node.child_by_field_name(name).map_or(Type::Unknown, |child| guess(text, child, names, depth))
    };
    match node.kind() {
        "integer" => Type::Int,
        "float" => Type::Float,
        "string" | "concatenated_string" => Type::Str,
        "true" | "false" | "comparison_operator" | "not_operator" => Type::Bool,
        "none" => Type::Nothing,
        "list" | "list_comprehension" | "generator_expression" => Type::List,
        "tuple" | "expression_list" => Type::Tuple,
        "dictionary" | "dictionary_comprehension" => Type::Dict,
        "set" | "set_comprehension" => Type::Set,
        "lambda" => Type::Function,
        "identifier" => names.get(text_of(text, node)).copied().unwrap_or_default(),
        "parenthesized_expression" | "conditional_expression" | "await" => {
            parts(node).first().map_or(Type::Unknown, |inner| guess(text, *inner, names, depth))
        }
        "unary_operator" => field("argument"),
        "boolean_operator" => match (field("left"), field("right")) {
            (left, Type::Unknown | Type::Nothing) => left,
            (_, right) => right,
        },
        "binary_operator" => of_binary(
            node.child_by_field_name("operator").map_or("", |op| text_of(text, op)),
            field("left"),
            field("right"),
        ),
        "subscript" => {
            let value = field("value");
            let sliced = parts(node).iter().any(|part| part.kind() == "slice");
            if sliced || value == Type::Str { value } else { Type::Unknown }
        }
        "call" => {
            let Some(function) = node.child_by_field_name("function") else { return Type::Unknown };
            let name = function.child_by_field_name("attribute").unwrap_or(function);
            if text_of(text, name) == "copy" {
                return function
                    .child_by_field_name("object")
                    .map_or(Type::Unknown, |object| guess(text, object, names, depth));
            }
            of_call(text_of(text, name))
        }
        _ => Type::Unknown,
    }
}

fn of_binary(operator: &str, left: Type, right: Type) -> Type {
    use Type::{Dict, Float, Int, List, Set, Str, Tuple, Unknown};
    match (operator, left, right) {
        ("/", ..) => Float,
        ("%" | "*", Str, _) | ("*", _, Str) => Str,
        ("*", List, _) | ("*", _, List) => List,
        (_, Float, _) | (_, _, Float) => Float,
        ("+", Str | List | Tuple, _) | ("-" | "&" | "|" | "^", Set | Dict, _) => left,
        ("+", Unknown, known) => known,
        ("-" | "*" | "//" | "%" | "**" | "<<" | ">>" | "&" | "|" | "^", ..) | ("+", Int, _) => Int,
        _ => Unknown,
    }
}

/// What the use of a value tells of its type: `len(x)`, `x[i]`, `x.append`, `x + 1`.
pub(super) fn of_use(text: &str, node: Node<'_>, names: &BTreeMap<String, Type>) -> Type {
    let Some(parent) = node.parent() else { return Type::Unknown };
    let is = |field: &str| parent.child_by_field_name(field) == Some(node);
    match parent.kind() {
        "subscript" if is("value") => match parts(parent).get(1) {
            Some(index) if index.kind() == "slice" => Type::List,
            Some(index) => of_index(guess(text, *index, names, 3)),
            None => Type::Unknown,
        },
        "for_statement" | "for_in_clause" if is("right") => Type::List,
        "attribute" if is("object") => {
            of_method(parent.child_by_field_name("attribute").map_or("", |name| text_of(text, name)))
        }
        "argument_list" => match parent.parent().and_then(|call| call.child_by_field_name("function")) {
            Some(function) if matches!(text_of(text, function), "len" | "sorted" | "sum" | "enumerate") => {
                Type::List
            }
            Some(function) if matches!(text_of(text, function), "range" | "abs" | "chr" | "bin") => Type::Int,
            _ => Type::Unknown,
        },
        "comparison_operator" | "binary_operator" | "augmented_assignment" => {
            let number = parts(parent).iter().any(|part| matches!(part.kind(), "integer" | "float"));
            let repeated = parent.child_by_field_name("operator").is_some_and(|op| text_of(text, op) == "*");
            if number && !repeated { Type::Int } else { Type::Unknown }
        }
        _ => Type::Unknown,
    }
}

/// What is indexed by values of this type.
fn of_index(index: Type) -> Type {
    if index == Type::Int {
        Type::List
    } else if index == Type::Str {
        Type::Dict
    } else {
        Type::Unknown
    }
}

fn of_method(name: &str) -> Type {
    match name {
        "append" | "extend" | "sort" | "insert" | "reverse" | "popleft" | "appendleft" => Type::List,
        "add" | "union" | "intersection" | "issubset" | "discard" => Type::Set,
        "items" | "keys" | "values" | "get" | "setdefault" => Type::Dict,
        "lower" | "upper" | "strip" | "split" | "startswith" | "endswith" | "join" | "isdigit"
        | "isupper" | "islower" | "replace" | "swapcase" | "isalpha" => Type::Str,
        _ => Type::Unknown,
    }
}
