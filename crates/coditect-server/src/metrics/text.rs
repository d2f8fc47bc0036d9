//! Figures in Prometheus' text format, version 0.0.4.

use std::fmt::Write;

use coditect_types::figure::{Amount, Figure, Kind, Spread};

/// Figures as text.
#[must_use]
pub(crate) fn text(figures: &[Figure]) -> String {
    let mut out = String::new();
    for Figure { family, points } in figures {
        let kind = match family.kind {
            Kind::Gauge => "gauge",
            Kind::Counter => "counter",
            Kind::Histogram => "histogram",
        };
        let name = family.name;
        // Writing into a string cannot fail.
        writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", family.help).ok();
        for point in points {
            let labels: Vec<String> =
                point.labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
            match &point.amount {
                Amount::Count(n) => row(&mut out, name, "", &labels, &n.to_string()),
                Amount::Part { n, per } => row(&mut out, name, "", &labels, &fixed(*n, *per)),
                Amount::Spread(spread) => rows(&mut out, name, labels, spread),
            }
        }
    }
    out
}

fn row(out: &mut String, name: &str, end: &str, labels: &[String], value: &str) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
    writeln!(out, "{name}{end}{labels} {value}").ok();
}

/// The rows of a histogram: buckets count all that is below their end.
fn rows(out: &mut String, name: &str, mut labels: Vec<String>, spread: &Spread) {
    let ends = spread.ends().iter().map(|end| short(*end, spread.per())).chain(["+Inf".to_owned()]);
    let mut all = 0;
    for (end, n) in ends.zip(spread.counts()) {
        all += n;
        labels.push(format!("le=\"{end}\""));
        row(out, name, "_bucket", &labels, &all.to_string());
        labels.pop();
    }
    row(out, name, "_sum", &labels, &short(spread.sum(), spread.per()));
    row(out, name, "_count", &labels, &all.to_string());
}

/// So many parts of which `per`, a power of ten, make one.
fn fixed(n: u64, per: u64) -> String {
    let digits = usize::try_from(per.max(1).ilog10()).unwrap_or(0);
    match digits {
        0 => n.to_string(),
        _ => format!("{}.{:0digits$}", n / per, n % per),
    }
}

/// The same, as short as it can be written.
fn short(n: u64, per: u64) -> String {
    let text = fixed(n, per);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A label's value as the format has it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use coditect_types::figure::{Family, Point};

    use super::*;

    #[test]
    fn a_value_of_a_label_stays_one() {
        let family = Family::gauge("coditect_open", "1", "Open.");
        let figure = Figure { family, points: vec![Point::labelled("of", "a\"b\\c\nd", 1)] };
        let text = text(&[figure]);
        assert!(text.ends_with("coditect_open{of=\"a\\\"b\\\\c\\nd\"} 1\n"), "{text}");
        assert_eq!(
            (fixed(5, 1), fixed(5, 1_000), short(2_500, 1_000)),
            ("5".into(), "0.005".into(), "2.5".into())
        );
        assert_eq!((short(100, 1), short(1_800_000, 1_000)), ("100".into(), "1800".into()));
    }
}
