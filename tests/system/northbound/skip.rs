//! Tests that need what is not on every machine.

use harness::support::REQUIRE_PACKETS;
use std::io::Write as _;

/// Says that the running test is skipped, past the test runner, which hides what passing tests print.
pub(crate) fn aloud(missing: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: missing: {missing}");
}

/// The same, where whoever runs the tests has not promised that nothing of this machine is missing.
pub(crate) fn unless_promised(missing: &str) {
    assert!(std::env::var_os(REQUIRE_PACKETS).is_none(), "missing: {missing}");
    aloud(missing);
}
