//! The rules on small files that keep and break them.

use super::{File, Finding, Weight, findings};

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

/// What is wrong with one file, if it were alone in the repository.
fn complaints(path: &str, text: &str) -> Vec<String> {
    findings(&[file(path, text)]).into_iter().map(|Finding { message, .. }| message).collect()
}

#[test]
fn a_rust_file_says_what_it_is() {
    assert!(complaints("vfp/src/port.rs", "//! A port.\n").is_empty());
    for silent in ["", "//!\n", "use std::fmt;\n//! Too late.\n"] {
        assert_eq!(complaints("vfp/src/port.rs", silent).len(), 1, "{silent:?}");
    }
    assert!(complaints("README.md", "A controller.\n").is_empty());
}

#[test]
fn long_files_are_warned_of_and_very_long_ones_refused_unless_they_are_tests() {
    for (path, lines, expected) in [
        ("vfp/src/port.rs", 400, None),
        ("vfp/src/port.rs", 401, Some(Weight::Warning)),
        ("vfp/src/port.rs", 601, Some(Weight::Error)),
        ("vfp/src/port/tests.rs", 601, Some(Weight::Warning)),
        ("tests/system/main.rs", 601, Some(Weight::Warning)),
    ] {
        let text = "//! x\n".repeat(lines);
        let found = findings(&[file(path, &text)]);
        assert_eq!(found.first().map(|finding| finding.weight), expected, "{path} with {lines} lines");
    }
}

#[test]
fn unfinished_work_and_machine_paths_are_found_with_their_line() {
    for bad in [concat!("// TO", "DO later"), concat!("todo", "!()"), concat!("see /ro", "ot/notes")] {
        let found = findings(&[file("docs/a.md", &format!("fine\n{bad}\n"))]);
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [Some(2)], "{bad}");
    }
}

#[test]
fn paths_in_the_architecture_must_exist() {
    let tree = |text: &str| findings(&[file("ARCHITECTURE.md", text), file("vfp/src/port.rs", "//! A port.\n")]);
    for good in ["`vfp/`", "`vfp/src`", "`vfp/src/port.rs`", "`a port`", "`/v1/status`", "`network/<rdid>/routes`"] {
        assert!(tree(good).is_empty(), "{good}");
    }
    for bad in ["`vfp/src/por`", "see `vfp/` and `vfp/tests/`"] {
        assert_eq!(tree(bad).len(), 1, "{bad}");
    }
}

#[test]
fn relative_links_must_lead_somewhere() {
    let tree = |text: &str| findings(&[file("docs/a.md", text), file("README.md", "")]);
    for good in ["[up](../README.md)", "[here](#part)", "[part](../README.md#part)", "[out](https://example.org/a)"] {
        assert!(tree(good).is_empty(), "{good}");
    }
    assert_eq!(tree("[gone](README.md)").len(), 1);
}

#[test]
fn names_are_used_only_where_they_may_be() {
    for (path, line, respected) in [
        ("controller/src/store/write.rs", "use sqlx::Row;", true),
        ("controller/src/store.rs", "use sqlx::Row;", true),
        ("controller/src/stores.rs", "use sqlx::Row;", false),
        ("controller/src/api/mod.rs", "use sqlx::Row;", false),
        ("controller/src/api/mod.rs", "// sqlx::Row is for the store", true),
        ("controller/src/api/mod.rs", "use my_sqlx::Row;", true),
        ("controller/src/compiler/mod.rs", "let now = std::time::Instant::now();", false),
        ("southbound-agent/src/driver/software.rs", "use vfp::Switch;", true),
        ("southbound-agent/src/ledger.rs", "use vfp::Switch;", false),
        ("vfp/src/port.rs", "use policy::net::MacAddr;", true),
        ("vfp/src/port.rs", "use policy::acl::Acl;", false),
        ("vfp/src/port.rs", "use crate::tenant::policy::PortPolicy;", true),
    ] {
        let found = complaints(path, &format!("//! A file.\n{line}\n"));
        assert_eq!(found.is_empty(), respected, "{path}: {line}: {found:?}");
    }
}
