//! One table of figures: what was measured, against what, and whether the target was met.

use std::fmt::Write;

/// One line of the table.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// The figure with its unit.
    pub(crate) figure: String,
    /// The baseline measured in the same run, or `-`.
    pub(crate) baseline: String,
    /// The target, or `-`.
    pub(crate) target: String,
    /// Whether the target was met; none where there is none.
    pub(crate) met: Option<bool>,
}

/// Renders `rows` with aligned columns, as Markdown.
pub(crate) fn render(rows: &[Row]) -> String {
    let met = |row: &Row| match row.met {
        Some(true) => "yes",
        Some(false) => "NO",
        None => "",
    };
    let heads = ["what", "figure", "baseline in the same run", "target", "met"].map(str::to_owned);
    let lines: Vec<[String; 5]> = std::iter::once(heads)
        .chain(rows.iter().map(|row| {
            [row.what.clone(), row.figure.clone(), row.baseline.clone(), row.target.clone(), met(row).to_owned()]
        }))
        .collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3, 4].map(width);
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cells: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
        if number == 0 {
            let _ = writeln!(text, "| {} |", widths.map(|width| "-".repeat(width)).join(" | "));
        }
    }
    text
}
