//! Making the VM forward for containers, beside a docker engine that forbids it.
//!
//! An engine that manages the packet filter drops whatever is forwarded for others than its own bridges, and has a chain in
//! which administrators say what else may pass. What passes there is still judged by our own table.

use super::KernelError;
use super::commands::run;
use crate::network::DEVICE_PREFIX;
use std::fs;

/// Docker's chain for administrators (docker, "Packet filtering and firewalls").
const DOCKER_USER: &str = "DOCKER-USER";

/// Switches forwarding on, and lets it pass docker's filter if there is one.
pub(super) fn enable() -> Result<(), KernelError> {
    let switched = fs::write("/proc/sys/net/ipv4/ip_forward", "1");
    switched.map_err(|error| KernelError::Io("switch forwarding on", error))?;
    // Without the chain, or without `iptables`, there is no such filter.
    if run("iptables", &["-w", "-S", DOCKER_USER], "").is_err() {
        return Ok(());
    }
    for side in ["-i", "-o"] {
        let devices = format!("{DEVICE_PREFIX}+");
        let rule = |verb| run("iptables", &["-w", verb, DOCKER_USER, side, &devices, "-j", "ACCEPT"], "");
        if rule("-C").is_err() {
            rule("-I")?;
        }
    }
    Ok(())
}
