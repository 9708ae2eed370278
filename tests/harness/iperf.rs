//! Throughput between VMs and containers, measured with `iperf3`.

use crate::namespace::Namespace;
use crate::process::Process;
use crate::vm::Vm;
use crate::{Error, Result};
use serde_json::Value;
use std::net::IpAddr;
use std::path::Path;

/// Mbit/s that `from` gets through to `to` over one TCP connection in `seconds`.
///
/// # Errors
/// `iperf3` failed.
pub fn tcp_mbps(from: &Vm, to: &Vm, seconds: u32) -> Result<f64> {
    measure(&from.namespace, &to.namespace, to.address(), seconds, &[])
}

/// The same between any two namespaces, the second of which has `address`.
///
/// # Errors
/// `iperf3` failed.
pub fn tcp_mbps_between(from: &Namespace, to: &Namespace, address: IpAddr, seconds: u32) -> Result<f64> {
    measure(from, to, address, seconds, &[])
}

/// Mbit/s that arrive at `to` when `from` sends datagrams of 1,400 bytes at a steady `offered` Mbit/s for `seconds`.
///
/// # Errors
/// `iperf3` failed.
pub fn udp_mbps(from: &Vm, to: &Vm, seconds: u32, offered: u32) -> Result<f64> {
    let more = ["--udp", "--bitrate", &format!("{offered}M"), "--length", "1400"];
    measure(&from.namespace, &to.namespace, to.address(), seconds, &more)
}

fn measure(from: &Namespace, to: &Namespace, address: IpAddr, seconds: u32, more: &[&str]) -> Result<f64> {
    let address = address.to_string();
    let arguments = ["--server", "--one-off", "--forceflush", "--bind", &address];
    let server = Process::start("iperf3", Some(to), Path::new("iperf3"), arguments)?;
    server.wait_for_line("iperf3 listens", 0, |line| line.starts_with("Server listening").then_some(()))?;

    let mut client = from.command("iperf3");
    client.args(["--client", &address, "--time", &seconds.to_string(), "--json", "--connect-timeout", "3000"]);
    let output = client.args(more).output().map_err(Error::io("run iperf3"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: Value = serde_json::from_str(&said).unwrap_or_default();
    let received = report["end"]["sum_received"]["bits_per_second"].as_f64();
    let failed = Error::Command { command: format!("iperf3 --client {address}"), output: said };
    received.map(|bits| bits / 1e6).ok_or(failed)
}
