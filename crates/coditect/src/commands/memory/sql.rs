//! `coditect sql`: questions about all episodes, the ones that were put away among them.

use std::time::Duration;

use coditect_adapters::shelves::{Answer, Cell};
use serde_json::{Map, Value, json};

use super::{open, tell_findings};
use crate::args::SqlArgs;
use crate::commands::Context;
use crate::out::harmless;
use crate::report::{Doing, Done};

/// Characters of a value in a table.
const WIDTH: usize = 60;

pub(crate) fn perform(cx: &mut Context, args: &SqlArgs) -> Done {
    let opened = open(cx)?;
    let answer = opened
        .shelves
        .query(&args.query, Duration::from_secs(args.timeout_s))
        .doing("asking memory in SQL")?;
    tell_findings(cx, &opened.shelves);
    if cx.out.json {
        let rows: Vec<Value> = answer.rows.iter().map(|row| object(&answer.columns, row)).collect();
        cx.out.object(&json!({ "columns": answer.columns, "rows": rows }))?;
        return Ok(0);
    }
    table(cx, &answer)
}

fn object(columns: &[String], row: &[Cell]) -> Value {
    let value = |cell: &Cell| match cell {
        Cell::Null => Value::Null,
        Cell::Integer(number) => json!(number),
        Cell::Real(number) => json!(number),
        Cell::Text(text) => json!(text),
        Cell::Bytes(count) => json!({ "bytes": count }),
    };
    let mut object = Map::new();
    for (column, cell) in columns.iter().zip(row) {
        // Two columns of one name are both told.
        let name = (1..).map(|n| if n == 1 { column.clone() } else { format!("{column}_{n}") });
        let name = name.into_iter().find(|name| !object.contains_key(name)).unwrap_or_default();
        object.insert(name, value(cell));
    }
    Value::Object(object)
}

fn text(cell: &Cell) -> String {
    let text = match cell {
        Cell::Null => "-".to_owned(),
        Cell::Integer(number) => number.to_string(),
        Cell::Real(number) => format!("{number:.3}"),
        Cell::Text(text) => text.lines().collect::<Vec<_>>().join(" "),
        Cell::Bytes(count) => format!("{count} bytes"),
    };
    harmless(&text).chars().take(WIDTH).collect()
}

fn table(cx: &mut Context, answer: &Answer) -> Done {
    let mut lines: Vec<Vec<String>> = vec![answer.columns.clone()];
    lines.extend(answer.rows.iter().map(|row| row.iter().map(text).collect()));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..answer.columns.len()).map(width).collect();
    for line in &lines {
        let cells: Vec<String> =
            line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cx.out.line(cells.join("  ").trim_end())?;
    }
    Ok(0)
}
