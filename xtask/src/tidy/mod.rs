//! `cargo xtask tidy`: rules of this repository that no compiler knows.
//!
//! The rules are pure functions from a file to findings; this module alone reads files.

mod edges;
mod paths;
mod source;
#[cfg(test)]
mod tests;

use crate::repository;
use std::collections::BTreeSet;
use std::process::{Command, ExitCode};

/// A text file of the repository.
#[derive(Clone, Debug)]
struct File {
    /// From the root of the repository, with `/`.
    path: String,
    text: String,
}

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// Counted from 1; absent when the file as a whole is meant.
    line: Option<usize>,
    weight: Weight,
    message: String,
}

/// Whether a finding fails the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Warning,
    Error,
}

pub(crate) fn run() -> ExitCode {
    if check() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints findings; `true` when none is an error.
pub(crate) fn check() -> bool {
    let files = match files() {
        Ok(files) => files,
        Err(message) => {
            println!("{message}");
            return false;
        }
    };
    let findings = findings(&files);
    for Finding { path, line, weight, message } in &findings {
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let weight = if *weight == Weight::Error { "error" } else { "warning" };
        println!("{weight}: {path}{line}: {message}");
    }
    let errors = findings.iter().filter(|finding| finding.weight == Weight::Error).count();
    println!("{} files, {errors} errors, {} warnings", files.len(), findings.len() - errors);
    errors == 0
}

/// Every rule on every file.
fn findings(files: &[File]) -> Vec<Finding> {
    let known: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut findings = Vec::new();
    for file in files {
        findings.extend(source::no_machine_paths(file));
        findings.extend(source::nothing_unfinished(file));
        if file.path.ends_with(".rs") {
            findings.extend(source::says_what_it_is(file));
            findings.extend(source::short(file));
            findings.extend(edges::respected(file));
        }
        if file.path.ends_with(".md") {
            findings.extend(paths::links_lead_somewhere(file, &known));
        }
        if file.path == "ARCHITECTURE.md" {
            findings.extend(paths::named_paths_exist(file, &known));
        }
    }
    findings
}

/// All text files that are or could be committed.
fn files() -> Result<Vec<File>, String> {
    let root = repository();
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(&root);
    let output = git.output().map_err(|error| format!("git cannot be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let paths = listed.split('\0').filter(|path| !path.is_empty());
    // What is deleted but not yet committed cannot be read; what is no text has no lines to judge.
    let files = paths.filter_map(|path| {
        let text = std::fs::read_to_string(root.join(path)).ok()?;
        Some(File { path: path.to_owned(), text })
    });
    Ok(files.collect())
}

impl File {
    /// Lines with their numbers, counted from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    fn error(&self, line: Option<usize>, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line, weight: Weight::Error, message: message.into() }
    }

    fn warning(&self, message: impl Into<String>) -> Finding {
        Finding { path: self.path.clone(), line: None, weight: Weight::Warning, message: message.into() }
    }
}
