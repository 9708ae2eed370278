//! Control groups of the containers in a guest: the only thing of them that the kernel does not drop with the guest.

use std::path::{Path, PathBuf};

/// Where hierarchies of control groups are, or the only one.
const ROOT: &str = "/sys/fs/cgroup";

/// One name in every hierarchy, below which everything in a guest makes its groups. Removed when dropped.
#[derive(Debug)]
pub(crate) struct ControlGroups(String);

impl ControlGroups {
    pub(crate) fn new() -> Self {
        Self(format!("sdn-{}", uuid::Uuid::new_v4().simple()))
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for ControlGroups {
    fn drop(&mut self) {
        let hierarchies = std::fs::read_dir(ROOT).into_iter().flatten().flatten().map(|entry| entry.path());
        let roots: Vec<PathBuf> = hierarchies.chain([PathBuf::from(ROOT)]).collect();
        roots.iter().for_each(|root| remove(&root.join(&self.0)));
    }
}

/// Removes a group and those in it, as far as no process is in them.
fn remove(group: &Path) {
    let entries = std::fs::read_dir(group).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    directories.for_each(|directory| remove(&directory.path()));
    let _ = std::fs::remove_dir(group);
}
