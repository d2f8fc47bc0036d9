//! A picture in layers (Sugiyama, Tagawa and Toda 1981): what uses stands left of what it uses, circles are cut where they are met
//! first, and within a layer each node goes where its neighbours are. Nothing is drawn by chance.

use std::fmt::Write as _;

use coditect_ports::graph::Node;
use coditect_types::graph::{EdgeKind, NodeKind};

use super::{Part, label, xml};

/// Pixels of a box, and between boxes.
const HEIGHT: usize = 26;
const GAP: usize = 12;
const BETWEEN: usize = 90;
const LETTER: f64 = 6.7;
const MARGIN: usize = 20;
/// Letters of a label.
const LETTERS: usize = 34;
/// Boxes of a column; a layer with more takes several.
const COLUMN: usize = 24;
/// Times that neighbours are looked at.
const SWEEPS: usize = 8;

/// Where a box stands, and what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spot {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// How wide it is.
    pub width: usize,
    /// The end of the node's name, which says most.
    pub text: String,
}

/// A line from a box to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Curve {
    /// Its way, as the attribute `d` of a path has it: digits, blanks, `M` and `C`.
    pub path: String,
    /// What it says.
    pub kind: EdgeKind,
    /// It is less sure than others.
    pub is_faint: bool,
}

/// A part of a graph, laid out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Laid {
    /// How wide and how high all of it is.
    pub size: (usize, usize),
    /// The boxes, in the order of the part's nodes.
    pub spots: Vec<Spot>,
    /// The lines, in the order of the part's.
    pub curves: Vec<Curve>,
}

/// How high a box is.
pub const BOX_HEIGHT: usize = HEIGHT;

/// Lays a part out.
#[must_use]
pub fn lay(part: &Part) -> Laid {
    let spots = spots(part, &columns(part));
    let width = spots.iter().map(|spot| spot.x + spot.width).max().unwrap_or(200) + MARGIN;
    let bottom = spots.iter().map(|spot| spot.y + HEIGHT).max().unwrap_or(20);
    let curve = |line: &super::Line| Curve {
        path: way(&spots[line.from], &spots[line.to]),
        kind: line.kind,
        is_faint: line.sure < 60,
    };
    let curves = part.lines.iter().map(curve).collect();
    Laid { size: (width, bottom + MARGIN), spots, curves }
}

/// The part as an SVG picture.
#[must_use]
pub fn svg(part: &Part) -> String {
    let laid = lay(part);
    // Below it stands how much it is.
    let (width, height) = (laid.size.0, laid.size.1 + 24);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-sans-serif, system-ui, sans-serif\" font-size=\"12\">\n"
    );
    out.push_str("<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#64748b\"/></marker></defs>\n");
    writeln!(out, "<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>").ok();
    for Curve { path, kind, is_faint } in &laid.curves {
        let dash = if *kind == EdgeKind::Defines { " stroke-dasharray=\"2 3\"" } else { "" };
        let faint = if *is_faint { "0.4" } else { "0.8" };
        writeln!(out, "<path d=\"{path}\" fill=\"none\" stroke=\"#64748b\" stroke-opacity=\"{faint}\"{dash} marker-end=\"url(#tip)\"><title>{}</title></path>", kind.name()).ok();
    }
    for (node, spot) in part.nodes.iter().zip(&laid.spots) {
        let (fill, edge) = colours(node.kind);
        writeln!(
            out,
            "<g><title>{} {} {}</title><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{HEIGHT}\" rx=\"5\" fill=\"{fill}\" stroke=\"{edge}\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"#0f172a\">{}</text></g>",
            node.kind.name(),
            xml(label(node)),
            xml(&place(node)),
            spot.x,
            spot.y,
            spot.width,
            spot.x + 8,
            spot.y + 17,
            xml(&spot.text),
        )
        .ok();
    }
    let more = if part.left_out > 0 { format!(", {} left out", part.left_out) } else { String::new() };
    let told = format!("{} nodes, {} edges{more}", part.nodes.len(), part.lines.len());
    writeln!(out, "<text x=\"{MARGIN}\" y=\"{}\" fill=\"#64748b\">{told}</text>\n</svg>", height - 12).ok();
    out
}

/// Where a node stands in the source.
fn place(node: &Node) -> String {
    if node.lines.0 > 0 && node.kind.is_symbol() {
        format!("{}:{}", node.path, node.lines.0)
    } else {
        node.path.clone()
    }
}

/// The end of a name says most.
fn shortened(label: &str) -> String {
    let count = label.chars().count();
    if count <= LETTERS {
        return label.to_owned();
    }
    let tail: String = label.chars().skip(count - (LETTERS - 1)).collect();
    format!("…{tail}")
}

fn colours(kind: NodeKind) -> (&'static str, &'static str) {
    match kind {
        NodeKind::File => ("#e2e8f0", "#64748b"),
        NodeKind::Type => ("#dbeafe", "#2563eb"),
        NodeKind::Function | NodeKind::Method => ("#ecfeff", "#0891b2"),
        NodeKind::Value | NodeKind::Module => ("#f8fafc", "#94a3b8"),
        NodeKind::Test => ("#dcfce7", "#16a34a"),
        NodeKind::Dependency => ("#fef3c7", "#d97706"),
        NodeKind::Commit | NodeKind::Author | NodeKind::Episode => ("#f3e8ff", "#9333ea"),
        NodeKind::Error => ("#fee2e2", "#dc2626"),
    }
}

/// The way of a line from one box to another.
fn way(from: &Spot, to: &Spot) -> String {
    let middle = |spot: &Spot| spot.y + HEIGHT / 2;
    let (y1, y2) = (middle(from), middle(to));
    if to.x > from.x + from.width {
        let (x1, x2) = (from.x + from.width, to.x);
        let bend = (x2 - x1) / 2;
        format!("M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}", x1 + bend, x2 - bend)
    } else {
        // Back, or within a column: round the left side.
        let (x1, x2) = (from.x, to.x);
        let bend = BETWEEN / 2;
        format!("M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}", x1.saturating_sub(bend), x2.saturating_sub(bend))
    }
}

/// The layers, each as columns of nodes from top to bottom.
fn columns(part: &Part) -> Vec<Vec<usize>> {
    let count = part.nodes.len();
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut back: Vec<Vec<usize>> = vec![Vec::new(); count];
    for line in part.lines.iter().filter(|line| line.from != line.to) {
        out[line.from].push(line.to);
        back[line.to].push(line.from);
    }
    let mut layers: Vec<Vec<usize>> = Vec::new();
    for (node, depth) in depths(&out).into_iter().enumerate() {
        if layers.len() <= depth {
            layers.resize(depth + 1, Vec::new());
        }
        layers[depth].push(node);
    }
    let mut place: Vec<f64> = vec![0.0; count];
    let settle = |layers: &[Vec<usize>], place: &mut [f64]| {
        for layer in layers {
            for (at, node) in layer.iter().enumerate() {
                place[*node] = (at as f64 + 0.5) / layer.len() as f64;
            }
        }
    };
    settle(&layers, &mut place);
    for sweep in 0..SWEEPS {
        let order: Vec<usize> =
            if sweep % 2 == 0 { (0..layers.len()).collect() } else { (0..layers.len()).rev().collect() };
        for at in order {
            let near = if sweep % 2 == 0 { &back } else { &out };
            let mean = |node: usize| {
                let near = &near[node];
                let sum: f64 = near.iter().map(|other| place[*other]).sum();
                if near.is_empty() { place[node] } else { sum / near.len() as f64 }
            };
            let mut means: Vec<(f64, usize)> = layers[at].iter().map(|node| (mean(*node), *node)).collect();
            means.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            layers[at] = means.into_iter().map(|(_, node)| node).collect();
            settle(&layers[at..=at], &mut place);
        }
    }
    layers.iter().flat_map(|layer| layer.chunks(COLUMN).map(<[usize]>::to_vec)).collect()
}

/// How deep each node lies: the longest way to it that goes through no circle twice.
fn depths(out: &[Vec<usize>]) -> Vec<usize> {
    let count = out.len();
    // Depth first, with a stack of our own; what leads back to an open node is cut.
    let (mut state, mut done) = (vec![0_u8; count], Vec::with_capacity(count));
    let mut kept: Vec<Vec<usize>> = vec![Vec::new(); count];
    for start in 0..count {
        let mut stack = vec![(start, 0)];
        while let Some((node, at)) = stack.pop() {
            if at == 0 {
                if state[node] != 0 {
                    continue;
                }
                state[node] = 1;
            }
            if let Some(next) = out[node].get(at).copied() {
                stack.push((node, at + 1));
                if state[next] != 1 {
                    kept[node].push(next);
                    stack.push((next, 0));
                }
            } else {
                state[node] = 2;
                done.push(node);
            }
        }
    }
    let mut depth = vec![0; count];
    for node in done.into_iter().rev() {
        for next in &kept[node] {
            depth[*next] = depth[*next].max(depth[node] + 1);
        }
    }
    depth
}

fn spots(part: &Part, columns: &[Vec<usize>]) -> Vec<Spot> {
    let mut spots = vec![Spot::default(); part.nodes.len()];
    let tallest = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut x = MARGIN + BETWEEN / 2;
    for column in columns {
        let letters = |node: &usize| shortened(label(&part.nodes[*node])).chars().count();
        let width = column.iter().map(letters).max().unwrap_or(0);
        // Letters of a proportional font are not all as wide; this leaves room.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred pixels")]
        let width = (width as f64 * LETTER) as usize + 18;
        let top = MARGIN + (tallest - column.len()) * (HEIGHT + GAP) / 2;
        for (at, node) in column.iter().enumerate() {
            let text = shortened(label(&part.nodes[*node]));
            spots[*node] = Spot { x, y: top + at * (HEIGHT + GAP), width, text };
        }
        x += width + BETWEEN;
    }
    spots
}
