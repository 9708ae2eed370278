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

/// `rows` as a Markdown table. `cargo xtask bench` collects the tables of all benchmarks and aligns them.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut text =
        String::from("| what | figure | baseline in the same run | target | met |\n| --- | --- | --- | --- | --- |\n");
    for Row { what, figure, baseline, target, met } in rows {
        let met = met.map_or("", |met| if met { "yes" } else { "NO" });
        let _ = writeln!(text, "| {what} | {figure} | {baseline} | {target} | {met} |");
    }
    text
}
