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

/// What the guest side of container networking needs in addition.
pub const GUEST_PROGRAMS: [(&str, &str); 3] =
    [("nft", "nftables"), ("busybox", "busybox-static"), (CNI_PLUGIN, "containernetworking-plugins")];

/// What a docker engine needs in addition.
pub const ENGINE_PROGRAMS: [(&str, &str); 3] =
    [("docker", "docker.io"), ("dockerd", "docker.io"), ("containerd", "containerd")];

/// One of the plugins that Debian keeps where CNI looks for them, away from the search path.
const CNI_PLUGIN: &str = "/usr/lib/cni/host-local";

/// Whether `program` is on the search path, or where its absolute path says.
pub fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| Path::new(&directory).join(program).is_file())
}

/// What keeps real packets from flowing here; `None` if nothing does.
pub fn missing() -> Option<String> {
    let mut missing = absent(&PROGRAMS);
    if missing.is_empty()
        && let Err(error) = Namespace::new()
    {
        missing.push(format!("the right to {error}"));
    }
    if missing.is_empty() { None } else { Some(missing.join(", ")) }
}

/// What keeps the guest side from working here, beside [`missing`]; `None` if nothing does.
pub fn missing_for_guests() -> Option<String> {
    let mut missing = absent(&GUEST_PROGRAMS);
    // The privileges of a user namespace are not enough: mounts and control groups of this machine are involved.
    if !rustix::process::geteuid().is_root() {
        missing.push("root".to_owned());
    }
    if missing.is_empty() { None } else { Some(missing.join(", ")) }
}

/// What keeps a container engine from running here, beside [`missing`]; `None` if nothing does. Nobody promises to have one:
/// the packages that bring it start services on some machines.
pub fn missing_for_containers() -> Option<String> {
    let engine = absent(&ENGINE_PROGRAMS);
    missing_for_guests().or_else(|| (!engine.is_empty()).then(|| engine.join(", ")))
}

fn absent(programs: &[(&str, &str)]) -> Vec<String> {
    let absent = programs.iter().filter(|(program, _)| !on_path(program));
    absent.map(|(program, package)| format!("{program} (package {package})")).collect()
}

/// Says that a test is skipped, past the test runner, which hides what passing tests print.
pub fn skip_aloud(missing: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a test");
    let _ = writeln!(std::io::stderr(), "SKIPPED {name}: it cannot run here; missing: {missing}");
}
