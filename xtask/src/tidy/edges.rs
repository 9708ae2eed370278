//! Who may use whom within a crate. Edges between crates are Cargo's; these are finer.
//!
//! A rule reads lines of code, not meaning: it looks for `name::`. That catches what happens by accident.

use super::{File, Finding};

/// Where a name may be used.
struct Edge {
    /// Files it is about.
    within: &'static str,
    /// Path that is looked for, such as `sqlx::`.
    name: &'static str,
    /// Files of `within` that may use it.
    only: &'static [&'static str],
}

/// `ARCHITECTURE.md`, section Invariants.
const EDGES: [Edge; 19] = [
    Edge { within: "controller/src/", name: "sqlx::", only: &["store", "startup", "main.rs"] },
    Edge { within: "controller/src/", name: "actix_web::", only: &["api", "startup", "push/tests"] },
    Edge { within: "controller/src/", name: "reqwest::", only: &["push", "startup"] },
    Edge { within: "controller/src/compiler", name: "tokio::", only: &[] },
    Edge { within: "controller/src/compiler", name: "crate::engine", only: &[] },
    Edge { within: "controller/src/compiler", name: "crate::store", only: &[] },
    Edge { within: "controller/src/compiler", name: "crate::push", only: &[] },
    Edge { within: "controller/src/compiler", name: "SystemTime::", only: &[] },
    Edge { within: "controller/src/compiler", name: "Instant::", only: &[] },
    Edge { within: "controller/src/resources", name: "tokio::", only: &[] },
    Edge { within: "controller/src/resources", name: "crate::api", only: &[] },
    Edge { within: "controller/src/resources", name: "crate::store", only: &[] },
    Edge { within: "southbound-agent/src/", name: "vfp::", only: &["lower", "driver", "datapath", "startup"] },
    Edge { within: "southbound-agent/src/lower", name: "tokio::", only: &[] },
    Edge { within: "southbound-agent/src/reconcile/plan", name: "tokio::", only: &[] },
    Edge { within: "southbound-agent/src/proxy", name: "tokio::", only: &[] },
    Edge { within: "private-cloud-plugin/src/", name: "actix_web::", only: &["docker"] },
    Edge { within: "vfp/src/", name: "Instant::", only: &[] },
    Edge { within: "vfp/src/", name: "SystemTime::", only: &[] },
];

/// `vfp` knows of the shared words the ones for addresses alone. (It has a module of its own that is called `policy`.)
const VFP_MAY_USE: &str = "policy::net";

/// Every edge that `file` is subject to is respected.
pub(super) fn respected(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in file.lines().filter(|(_, line)| is_code(line)) {
        for Edge { within, name, only } in &EDGES {
            let Some(inside) = file.path.strip_prefix(within) else { continue };
            let permitted = only.iter().any(|place| belongs(inside, place));
            if !permitted && uses(line, name) {
                let places = if only.is_empty() { "nowhere".to_owned() } else { only.join(", ") };
                findings
                    .push(file.error(Some(number), format!("uses {name}; in {within} that may be used in: {places}")));
            }
        }
        if file.path.starts_with("vfp/src/")
            && uses(line, "policy::")
            && !uses(line, VFP_MAY_USE)
            && !line.contains("::policy::")
        {
            findings.push(file.error(Some(number), format!("uses more of policy than {VFP_MAY_USE}")));
        }
    }
    findings
}

/// Whether `inside`, a path within a crate's sources, is the module `place` or in it.
fn belongs(inside: &str, place: &str) -> bool {
    inside.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest.starts_with('.'))
}

fn is_code(line: &str) -> bool {
    !line.trim_start().starts_with("//")
}

/// Whether `name` occurs in `line` as a path of its own, not as the end of a longer word.
fn uses(line: &str, name: &str) -> bool {
    let starts = |(at, _): (usize, &str)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    line.match_indices(name).any(starts)
}
