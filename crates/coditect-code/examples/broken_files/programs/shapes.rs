//! Shapes and a small store of them.

use std::collections::BTreeMap;
use std::fmt;

#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Circle(f64),
    Rectangle { width: f64, height: f64 },
    Group(Vec<Shape>),
}

impl Shape {
    pub fn area(&self) -> f64 {
        match self {
            Shape::Circle(radius) => 3.0 * radius * radius,
            Shape::Rectangle { width, height } => width * height,
            Shape::Group(shapes) => shapes.iter().map(|shape| shape.area()).sum(),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Circle(radius) => write!(f, "circle of {}", radius),
            Shape::Rectangle { width, height } => write!(f, "{} by {}", width, height),
            Shape::Group(shapes) => write!(f, "group of {}", shapes.len()),
        }
    }
}

pub struct Store<'a> {
    names: BTreeMap<&'a str, usize>,
    shapes: Vec<Shape>,
}

impl<'a> Store<'a> {
    pub fn new() -> Self {
        Self { names: BTreeMap::new(), shapes: Vec::new() }
    }

    pub fn add(&mut self, name: &'a str, shape: Shape) -> Result<usize, String> {
        if name.is_empty() || name.contains(' ') {
            return Err(format!("bad name `{}`", name));
        }
        let at = self.shapes.len();
        if let Some(old) = self.names.insert(name, at) {
            self.names.insert(name, old);
            return Err(String::from("known"));
        }
        self.shapes.push(shape);
        Ok(at)
    }

    pub fn get(&self, name: &str) -> Option<&Shape> {
        let at = self.names.get(name)?;
        self.shapes.get(*at)
    }

    pub fn largest(&self) -> Option<&'a str> {
        let mut best: Option<(&'a str, f64)> = None;
        for (name, at) in &self.names {
            let area = self.shapes[*at].area();
            if best.map_or(true, |(_, most)| area > most) {
                best = Some((*name, area));
            }
        }
        best.map(|(name, _)| name)
    }
}

pub fn parse(text: &str) -> Option<Shape> {
    let mut parts = text.split(',').map(|part| part.trim());
    let kind = parts.next()?;
    let first: f64 = parts.next()?.parse().ok()?;
    let shape = match kind {
        "circle" => Shape::Circle(first),
        "square" => Shape::Rectangle { width: first, height: first },
        _ => return None,
    };
    let mut count = parts.count();
    while count > 0 {
        count -= 1;
        if count == 1 {
            return None;
        }
    }
    Some(shape)
}
