//! `ip -j address show`: one network device, as far as anybody here wants to know it.

use ipnet::IpNet;
use serde::Deserialize;
use std::net::IpAddr;

/// A device of the VM, or of a container. What `ip` leaves out is empty.
#[derive(Deserialize)]
pub(crate) struct Link {
    pub(crate) ifname: Option<String>,
    /// Its MAC, if it is an Ethernet device.
    pub(crate) address: Option<String>,
    /// Bytes.
    #[serde(default)]
    pub(crate) mtu: u32,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    addr_info: Vec<Address>,
}

#[derive(Deserialize)]
struct Address {
    local: Option<IpAddr>,
    #[serde(default)]
    prefixlen: u8,
}

impl Link {
    /// Its addresses of both families, each with its subnet.
    pub(crate) fn nets(&self) -> impl Iterator<Item = IpNet> {
        self.addr_info.iter().filter_map(|address| IpNet::new(address.local?, address.prefixlen).ok())
    }

    /// Whether somebody switched it on.
    pub(crate) fn is_up(&self) -> bool {
        self.flags.iter().any(|flag| flag == "UP")
    }
}
