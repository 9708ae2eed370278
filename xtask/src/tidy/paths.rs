//! Documents name only files that exist.

use super::{File, Finding};
use std::collections::BTreeSet;

/// Every path in backticks exists: a word with a slash and nothing but the characters of file names.
pub(super) fn named_paths_exist(file: &File, known: &BTreeSet<&str>) -> Vec<Finding> {
    let missing = |(number, line): (usize, &str)| {
        let quoted: Vec<&str> = line.split('`').skip(1).step_by(2).collect();
        let paths = quoted.into_iter().filter(|word| is_path(word) && !exists(word, known));
        paths.map(|word| file.error(Some(number), format!("names '{word}', which is not there"))).collect::<Vec<_>>()
    };
    file.lines().flat_map(missing).collect()
}

/// Every relative link of a Markdown file leads to a file or folder.
pub(super) fn links_lead_somewhere(file: &File, known: &BTreeSet<&str>) -> Vec<Finding> {
    let broken = |(number, line): (usize, &str)| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next());
        let relative = targets.filter(|target| !target.is_empty() && !target.contains("://"));
        let missing = relative.filter(|target| !exists(&resolve(&file.path, target), known));
        missing
            .map(|target| file.error(Some(number), format!("links to '{target}', which is not there")))
            .collect::<Vec<_>>()
    };
    file.lines().flat_map(broken).collect()
}

fn is_path(word: &str) -> bool {
    let named = |character: char| character.is_ascii_alphanumeric() || "._-/".contains(character);
    word.contains('/') && !word.starts_with('/') && word.chars().all(named)
}

/// Whether `path` is a file or a folder with files.
fn exists(path: &str, known: &BTreeSet<&str>) -> bool {
    let path = path.trim_end_matches('/');
    let folder = format!("{path}/");
    path.is_empty()
        || known.contains(path)
        || known.range(folder.as_str()..).next().is_some_and(|file| file.starts_with(&folder))
}

/// `target` as seen from the folder that `from` is in, from the root of the repository.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}
