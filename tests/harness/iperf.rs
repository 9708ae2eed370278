//! Throughput between two VMs, measured with `iperf3`.

use crate::process::Process;
use crate::vm::Vm;
use crate::{Error, Result};
use serde_json::Value;
use std::path::Path;

/// Mbit/s that `from` gets through to `to` over one TCP connection in `seconds`.
///
/// # Errors
/// `iperf3` failed.
pub fn tcp_mbps(from: &Vm, to: &Vm, seconds: u32) -> Result<f64> {
    measure(from, to, seconds, &[])
}

/// Mbit/s that arrive at `to` when `from` sends datagrams of 1,400 bytes at a steady `offered` Mbit/s for `seconds`.
///
/// # Errors
/// `iperf3` failed.
pub fn udp_mbps(from: &Vm, to: &Vm, seconds: u32, offered: u32) -> Result<f64> {
    measure(from, to, seconds, &["--udp", "--bitrate", &format!("{offered}M"), "--length", "1400"])
}

fn measure(from: &Vm, to: &Vm, seconds: u32, more: &[&str]) -> Result<f64> {
    let address = to.address().to_string();
    let arguments = ["--server", "--one-off", "--forceflush", "--bind", &address];
    let server = Process::start("iperf3", Some(&to.namespace), Path::new("iperf3"), arguments)?;
    server.wait_for_line("iperf3 listens", 0, |line| line.starts_with("Server listening").then_some(()))?;

    let mut client = from.namespace.command("iperf3");
    client.args(["--client", &address, "--time", &seconds.to_string(), "--json", "--connect-timeout", "3000"]);
    let output = client.args(more).output().map_err(Error::io("run iperf3"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let report: Value = serde_json::from_str(&said).unwrap_or_default();
    let received = report["end"]["sum_received"]["bits_per_second"].as_f64();
    let failed = Error::Command { command: format!("iperf3 --client {address}"), output: said };
    received.map(|bits| bits / 1e6).ok_or(failed)
}
