//! Control groups of the containers in a guest: the only thing of them that the kernel does not drop with the guest.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where hierarchies of control groups are, or the only one.
const ROOT: &str = "/sys/fs/cgroup";

/// How long the processes in a group may take to end after they were killed.
const END: Duration = Duration::from_secs(10);

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
        let end = Instant::now() + END;
        for group in roots.iter().map(|root| root.join(&self.0)) {
            while group.is_dir() && !remove(&group) && Instant::now() < end {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// Removes a group and those in it, unless a process is still in one of them.
fn remove(group: &Path) -> bool {
    let entries = std::fs::read_dir(group).into_iter().flatten().flatten();
    let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut empty = true;
    for directory in directories {
        empty &= remove(&directory.path());
    }
    empty && std::fs::remove_dir(group).is_ok()
}
