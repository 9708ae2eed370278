//! `cargo xtask bench [NAME]`: every benchmark beside its baseline in the same run, as one table.

use crate::repository;
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Names that can be asked for.
pub(crate) const NAMES: [&str; 6] = ["vfp", "compiler", "northbound", "dissemination", "proxy", "containers"];

/// One line of the table: what, figure, baseline, target, met.
type Row = [String; 5];

/// Time of a cached flow with VXLAN, in nanoseconds.
const CACHED_NS: f64 = 150.0;
/// Time of a first packet, in nanoseconds.
const FIRST_NS: f64 = 2_000.0;

/// Runs the benchmark `name`, or all.
pub(crate) fn run(name: Option<&str>) -> ExitCode {
    if let Some(unknown) = name.filter(|name| !NAMES.contains(name)) {
        eprintln!("'{unknown}' is no benchmark; there are {}.", NAMES.join(", "));
        return ExitCode::from(2);
    }
    let wanted = |candidate: &str| name.is_none_or(|name| name == candidate);
    let mut rows = Vec::new();
    let mut succeeded = true;
    if wanted("vfp") {
        succeeded &= bench("vfp", "dataplane", &[]).is_some();
        rows.extend(packet_path(&repository().join("target/criterion")));
    }
    if wanted("compiler") {
        succeeded &= collect(&mut rows, bench("controller", "compiler", &[]));
    }
    let system: Vec<&str> =
        ["northbound", "dissemination", "proxy", "containers"].into_iter().filter(|name| wanted(name)).collect();
    if !system.is_empty() {
        succeeded &= succeeds(cargo().args([
            "build",
            "--release",
            "--bins",
            "--package",
            "controller",
            "--package",
            "southbound-agent",
            "--package",
            "private-cloud-plugin",
        ]));
        succeeded &= collect(&mut rows, bench("system-tests", "system", &system));
    }
    println!("\n{}", render(&rows));
    if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one bench target and shows what it says; its lines, if it succeeded.
fn bench(package: &str, target: &str, arguments: &[&str]) -> Option<Vec<String>> {
    let mut command = cargo();
    command.args(["bench", "--package", package, "--bench", target, "--"]).args(arguments).stdout(Stdio::piped());
    let mut child = command.spawn().inspect_err(|error| eprintln!("cargo: {error}")).ok()?;
    let mut lines = Vec::new();
    for line in child.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()).map_while(Result::ok)
    {
        println!("{line}");
        lines.push(line);
    }
    child.wait().is_ok_and(|status| status.success()).then_some(lines)
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

fn cargo() -> Command {
    let program = std::env::var_os("CARGO");
    let mut command = Command::new(program.as_deref().unwrap_or(OsStr::new("cargo")));
    command.current_dir(repository());
    command
}

/// Adds the rows of the Markdown tables among `lines`.
fn collect(rows: &mut Vec<Row>, lines: Option<Vec<String>>) -> bool {
    rows.extend(lines.iter().flatten().filter_map(|line| row(line)));
    lines.is_some()
}

/// Reads one line of a Markdown table with five columns; neither its head nor the rule below it.
fn row(line: &str) -> Option<Row> {
    let cells = line.strip_prefix('|')?.trim_end().strip_suffix('|')?;
    let cells: Vec<String> = cells.split('|').map(|cell| cell.trim().to_owned()).collect();
    let row: Row = cells.try_into().ok()?;
    (row[0] != "what" && !row[0].starts_with("--")).then_some(row)
}

/// What criterion wrote about the packet path.
fn packet_path(results: &Path) -> Vec<Row> {
    let read = |path: &[&str]| mean_ns(&path.iter().collect::<PathBuf>(), results);
    let baseline = |size: &str| {
        let time = read(&["baseline", "copy and look at headers", size]);
        time.map_or("-".to_owned(), |time| format!("copy and look at headers {time:.0} ns"))
    };
    let lines: [(&str, &[&str], &str, f64); 4] = [
        ("cached flow out with VXLAN, 64 bytes", &["cached flow", "out with VXLAN", "64"], "64", CACHED_NS),
        ("cached flow in with VXLAN, 64 bytes", &["cached flow", "in with VXLAN", "64"], "64", CACHED_NS),
        ("first packet, list of 10 rules", &["first packet", "rules", "10"], "64", FIRST_NS),
        ("first packet, list of 1000 rules", &["first packet", "rules", "1000"], "64", FIRST_NS),
    ];
    let rows = lines.into_iter().filter_map(|(what, path, size, target)| {
        let time = read(path)?;
        let met = if time <= target { "yes" } else { "NO" };
        Some([what.to_owned(), format!("{time:.0} ns"), baseline(size), format!("≤ {target:.0} ns"), met.to_owned()])
    });
    rows.collect()
}

fn mean_ns(path: &Path, results: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(results.join(path).join("new/estimates.json")).ok()?;
    let estimates: Value = serde_json::from_str(&text).ok()?;
    estimates["mean"]["point_estimate"].as_f64()
}

fn render(rows: &[Row]) -> String {
    let head: Row = ["what", "figure", "baseline in the same run", "target", "met"].map(str::to_owned);
    let width =
        |column: usize| std::iter::once(&head).chain(rows).map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let line = |row: &Row| {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule: Row = widths.map(|width| "-".repeat(width));
    std::iter::once(&head).chain([&rule]).chain(rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_out_of_markdown_tables_and_nothing_else_is() {
        let text = [
            "noise",
            "| what | figure | b | t | met |",
            "| ---- | - | - | - | - |",
            "| a b | 1/s | - | ≥ 1/s | yes |",
            "| two | cells |",
        ];
        let rows: Vec<Row> = text.iter().filter_map(|line| row(line)).collect();
        assert_eq!(rows, [["a b", "1/s", "-", "≥ 1/s", "yes"].map(str::to_owned)]);
        assert_eq!(row(render(&rows).lines().nth(2).unwrap()), Some(rows[0].clone()));
    }
}
