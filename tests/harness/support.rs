//! Whether this machine lets us build a fabric.

use crate::namespace::Namespace;
use std::io::Write;
use std::path::Path;

/// Set by whoever wants a missing facility to fail tests instead of skipping them.
pub const REQUIRE_PACKETS: &str = "SDN_TESTS_REQUIRE_PACKETS";

/// Programs that a fabric needs, each with the Debian package that has it.
pub const PROGRAMS: [(&str, &str); 6] = [
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("ping", "iputils-ping"),
    ("tcpdump", "tcpdump"),
    ("iperf3", "iperf3"),
];

/// Whether `program` is on the search path.
pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| Path::new(&directory).join(program).is_file())
}

/// What keeps real packets from flowing here; `None` if nothing does.
pub fn missing() -> Option<String> {
    let absent = PROGRAMS.iter().filter(|(program, _)| !on_path(program));
    let mut missing: Vec<String> = absent.map(|(program, package)| format!("{program} (package {package})")).collect();
    if missing.is_empty()
        && let Err(error) = Namespace::new()
    {
        missing.push(format!("the right to {error}"));
    }
    if missing.is_empty() { None } else { Some(missing.join(", ")) }
}

/// Says that a test is skipped, past the test runner, which hides what passing tests print.
pub fn skip_aloud(missing: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: no real packets here; missing: {missing}");
}
