//! Rules for single files: what they open with, how long they are, what must not be in them.

use super::{File, Finding};

/// A file aims at fewer lines than this.
const LONG: usize = 400;

/// No file but tests has more lines than this.
const TOO_LONG: usize = 600;

/// Marks of unfinished work. Put together here, so that this file passes its own rule.
const UNFINISHED: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
];

/// Where things are on somebody's machine.
const MACHINE_PATHS: [&str; 4] =
    [concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/"), concat!("C:\\", "Users")];

/// Every Rust file opens with a line that says what it is.
pub(super) fn says_what_it_is(file: &File) -> Option<Finding> {
    let first = file.text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//!").is_some_and(|words| !words.trim().is_empty());
    (!says).then(|| file.error(Some(1), "opens with a line '//! …' that says what the file is"))
}

/// Files stay short enough to be held in mind.
pub(super) fn short(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    let is_test = file.path.ends_with("/tests.rs") || file.path.split('/').any(|part| part == "tests");
    if lines > TOO_LONG && !is_test {
        return Some(file.error(None, format!("{lines} lines; split it, {TOO_LONG} is the limit")));
    }
    (lines > LONG).then(|| file.warning(format!("{lines} lines; {LONG} is the aim")))
}

/// What is committed is done; what is not done is an entry in the tracker.
pub(super) fn nothing_unfinished(file: &File) -> Vec<Finding> {
    mentions(file, &UNFINISHED, "marks unfinished work")
}

/// The repository speaks of the project, not of a machine.
pub(super) fn no_machine_paths(file: &File) -> Vec<Finding> {
    mentions(file, &MACHINE_PATHS, "is a path of somebody's machine")
}

fn mentions(file: &File, words: &[&str], complaint: &str) -> Vec<Finding> {
    let hit = |(number, line): (usize, &str)| {
        let word = words.iter().find(|word| line.contains(**word))?;
        Some(file.error(Some(number), format!("'{word}' {complaint}")))
    };
    file.lines().filter_map(hit).collect()
}
