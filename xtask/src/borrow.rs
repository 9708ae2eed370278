//! Borrowed privileges: a user namespace gives somebody who is not root what network namespaces need, if the kernel lends
//! them.

use std::ffi::OsStr;
use std::process::Command;

/// Set for programs that run with borrowed privileges.
const BORROWED: &str = "SDN_BORROWED_PRIVILEGES";

/// Whether this process runs with borrowed privileges.
pub(crate) fn has_borrowed() -> bool {
    std::env::var_os(BORROWED).is_some()
}

/// Whether the kernel lends.
pub(crate) fn can_borrow() -> bool {
    let probe = borrowing("unshare").args(["--net", "true"]).output();
    probe.is_ok_and(|output| output.status.success())
}

/// `program` with all privileges in a user namespace of its own.
///
/// It keeps its user id: programs that give up root when they see that they have it, as `tcpdump` does, would fail at
/// changing to a user that the namespace does not have.
pub(crate) fn borrowing(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-current-user", "--keep-caps"]).arg(program).env(BORROWED, "1");
    command
}
