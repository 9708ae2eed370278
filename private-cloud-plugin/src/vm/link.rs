//! The device pair of an endpoint: what to tell the kernel, as text.

use super::VmError;
use crate::network::{Endpoint, EndpointId, Network};
use ipnet::Ipv4Net;
use policy::net::MacAddr;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

/// Where the container's end of a device pair goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It stays beside the VM's end, down and without address, until docker takes it.
    Here,
    /// Into a container, configured.
    Namespace {
        /// Path of the network namespace.
        path: PathBuf,
        /// Name of the device there. It is an error if there is one.
        interface: String,
        /// Routes instead of the default route by the network's gateway: destination and next hop, the network's
        /// gateway if there is none.
        routes: Option<Vec<(Ipv4Net, Option<Ipv4Addr>)>>,
    },
}

impl Place {
    /// The names can be given to `ip`.
    pub(super) fn check(&self) -> Result<(), VmError> {
        let Self::Namespace { path, interface, .. } = self else { return Ok(()) };
        let bad =
            |character: char| character.is_whitespace() || character.is_control() || "/:\"'\\".contains(character);
        if interface.is_empty()
            || interface.len() > 15
            || [".", ".."].contains(&interface.as_str())
            || interface.contains(bad)
        {
            return Err(VmError::BadInterface(interface.clone()));
        }
        let path = path.to_string_lossy();
        if !path.starts_with('/') || path.contains(|character: char| character.is_control() || character == '"') {
            return Err(VmError::BadNamespace(path.into_owned()));
        }
        Ok(())
    }
}

/// A device pair that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attached {
    /// The VM's end.
    pub host_device: String,
    /// The container's end, where [`Place`] put it.
    pub container_device: String,
    /// MAC of the container's end.
    pub mac: MacAddr,
    /// Bytes.
    pub mtu: u32,
}

/// Lines of `ip -batch` that make the pair, the container's end in its place.
pub(super) fn make(id: &EndpointId, endpoint: &Endpoint, mtu: u32, place: &Place) -> (String, Attached) {
    let host = id.host_device();
    let (name, netns) = match place {
        Place::Here => (id.container_device(), String::new()),
        Place::Namespace { path, interface, .. } => (interface.clone(), format!(" netns {}", quoted(path))),
    };
    let mac = endpoint.mac;
    // Whatever else configures devices in this VM keeps off: the VM's end has no IPv6 of its own.
    let batch = format!(
        "link add {host} mtu {mtu} type veth peer name {name} mtu {mtu} address {mac}{netns}\n\
         link set {host} addrgenmode none\n\
         link set {host} up\n"
    );
    (batch, Attached { host_device: host, container_device: name, mac, mtu })
}

/// Lines of `ip -batch` that configure the container's end within the container.
pub(super) fn configure(
    endpoint: &Endpoint,
    network: &Network,
    interface: &str,
    routes: Option<&[(Ipv4Net, Option<Ipv4Addr>)]>,
) -> String {
    let address = endpoint.address;
    let mut batch = format!(
        "link set lo up\nlink set {interface} up\naddress add {address}/{} broadcast + dev {interface}\n",
        network.subnet.prefix_len()
    );
    let default = [(Ipv4Net::default(), None)];
    for (to, via) in routes.unwrap_or(if network.gateway.is_some() { &default } else { &[] }) {
        batch += &match via.or(network.gateway) {
            Some(via) => format!("route add {to} via {via} dev {interface} onlink\n"),
            None => format!("route add {to} dev {interface}\n"),
        };
    }
    batch
}

/// A path as a word of `ip -batch`, which understands double quotes.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}
