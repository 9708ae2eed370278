//! Whether a VM or a container reaches an address, and over how many routers.

use crate::namespace::Namespace;
use crate::vm::Vm;
use crate::{Error, Result};
use std::net::IpAddr;
use std::process::Output;

/// An answer to an echo request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echo {
    /// TTL of the answer: 64 from the same subnet, 63 over one router.
    pub ttl: u8,
}

impl Vm {
    /// [`Namespace::ping`] from the VM.
    ///
    /// # Errors
    /// Those of that.
    pub fn ping(&self, address: IpAddr) -> Result<Option<Echo>> {
        self.namespace.ping(address)
    }

    /// [`Namespace::ping_from`] from the VM.
    ///
    /// # Errors
    /// Those of that.
    pub fn ping_from(&self, source: IpAddr, address: IpAddr) -> Result<Option<Echo>> {
        self.namespace.ping_from(source, address)
    }
}

impl Namespace {
    /// Pings until an answer comes; gives up after two seconds.
    ///
    /// # Errors
    /// `ping` cannot be run. Silence is no error but `None`.
    pub fn ping(&self, address: IpAddr) -> Result<Option<Echo>> {
        self.ping_with(&["-c", "1", "-i", "0.2", "-w", "2"], address)
    }

    /// The same from a certain address.
    ///
    /// # Errors
    /// `ping` cannot be run.
    pub fn ping_from(&self, source: IpAddr, address: IpAddr) -> Result<Option<Echo>> {
        self.ping_with(&["-c", "1", "-i", "0.2", "-w", "2", "-I", &source.to_string()], address)
    }

    fn ping_with(&self, arguments: &[&str], address: IpAddr) -> Result<Option<Echo>> {
        let mut command = self.command("ping");
        command.arg("-n").args(arguments).arg(address.to_string());
        let Output { status, stdout, stderr } = command.output().map_err(Error::io("run ping"))?;
        let said = String::from_utf8_lossy(&stdout);
        match status.code() {
            Some(0) => Ok(ttl(&said).map(|ttl| Echo { ttl })),
            Some(1) => Ok(None), // nobody answered
            _ => {
                let output = format!("{said}{}", String::from_utf8_lossy(&stderr));
                Err(Error::Command { command: format!("ping {address}"), output })
            }
        }
    }
}

/// The TTL in `64 bytes from 10.0.0.4: icmp_seq=1 ttl=63 time=0.4 ms`.
fn ttl(output: &str) -> Option<u8> {
    let (_, rest) = output.split_once("ttl=")?;
    rest.split_whitespace().next()?.parse().ok()
}
