//! The result of ADD: interfaces, addresses, routes, DNS [CNI SPEC section 5, ADD Success].
//!
//! What another plugin put in and this one does not know is kept and written again.

use super::version::SpecVersion;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::net::IpAddr;

/// What an attachment consists of. An IPAM plugin leaves interfaces, and the links to them, out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Version of the specification that the document follows.
    #[serde(rename = "cniVersion", default, skip_serializing_if = "String::is_empty")]
    version: String,
    /// In the container and outside.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub interfaces: Vec<Interface>,
    /// Addresses in the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub ips: Vec<Address>,
    /// Routes in the container.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub routes: Vec<Route>,
    /// Where the container resolves names.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub dns: Dns,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// One interface.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its hardware address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// In bytes; since version 1.1.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// The container's network namespace; absent if the interface is outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// One address of a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Address {
    /// With its prefix length.
    pub address: IpNet,
    /// The subnet's router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Which of the interfaces has it, counted from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<usize>,
    /// `4` or `6`; before version 1.0.0.
    #[serde(default, rename = "version", skip_serializing_if = "Option::is_none")]
    family: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// One route of a container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Where to.
    pub dst: IpNet,
    /// By way of; the gateway of an address if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gw: Option<IpAddr>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// How a container resolves names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// Servers, best first.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub nameservers: Vec<String>,
    /// The local domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Domains to try for short names.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub search: Vec<String>,
    /// For the resolver.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub options: Vec<String>,
}

impl Interface {
    /// An interface outside of containers. `mtu` is in bytes.
    pub fn new(name: &str, mac: Option<String>, mtu: u32) -> Self {
        Self { name: name.to_owned(), mac, mtu: Some(mtu), sandbox: None, rest: Map::new() }
    }
}

impl Address {
    /// An address without an interface, as IPAM plugins give it.
    pub fn new(address: IpNet, gateway: Option<IpAddr>) -> Self {
        Self { address, gateway, interface: None, family: None, rest: Map::new() }
    }
}

impl Route {
    /// A route with nothing special about it.
    pub fn new(dst: IpNet, gw: Option<IpAddr>) -> Self {
        Self { dst, gw, rest: Map::new() }
    }
}

impl Outcome {
    /// What an IPAM plugin answers.
    pub fn of_address(address: Address, routes: Vec<Route>, dns: Dns) -> Self {
        Self { ips: vec![address], routes, dns, ..Self::default() }
    }

    /// Adds what this plugin made to what those before it in the chain made.
    pub fn after(mut self, previous: Option<Self>) -> Self {
        let Some(mut all) = previous else { return self };
        let shift = all.interfaces.len();
        for address in &mut self.ips {
            address.interface = address.interface.map(|index| index + shift);
        }
        all.interfaces.append(&mut self.interfaces);
        all.ips.append(&mut self.ips);
        all.routes.append(&mut self.routes);
        if all.dns == Dns::default() {
            all.dns = self.dns;
        }
        all
    }

    /// The same in the words of `version`.
    pub fn in_version(mut self, version: SpecVersion) -> Self {
        version.name().clone_into(&mut self.version);
        for address in &mut self.ips {
            let family = if address.address.addr().is_ipv4() { "4" } else { "6" };
            address.family = (version < SpecVersion::V1_0_0).then(|| family.to_owned());
        }
        if version < SpecVersion::V1_1_0 {
            self.interfaces.iter_mut().for_each(|interface| interface.mtu = None);
        }
        self
    }
}

/// `null` where a list or an object belongs is what Go's libraries write for an empty one.
pub(super) fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests;
