//! The network configuration that a runtime hands to the plugin [CNI SPEC section 1, plugin configuration objects].
//!
//! Reading goes in two steps. [`Config`] is what every command needs, DEL and GC among them: they must do their work
//! even if the rest has become wrong. [`Config::wishes`] is the rest, which ADD, CHECK and STATUS insist on.

use super::failure::Failure;
use super::names::{Attachment, InterfaceName, Token};
use super::outcome::{Dns, Outcome, Route, null_is_empty};
use super::version::SpecVersion;
use crate::network::Kind;
use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// The IPAM plugin that is part of this program.
pub const OUR_IPAM: &str = "private-cloud-ipam";

/// What every command needs.
#[derive(Clone, Debug)]
pub struct Config {
    /// Version of the specification that it is written for, and that the answer must follow.
    pub version: SpecVersion,
    /// Name of the network.
    pub network: Token,
    /// `ipam.type` if another plugin gives the addresses.
    pub ipam: Option<Token>,
    /// Where state is kept, if not at the usual place.
    pub state_dir: Option<PathBuf>,
    /// `proxy`: URL of the host's network proxy, if not the usual one.
    pub proxy: Option<String>,
    document: Document,
}

/// What ADD, CHECK and STATUS need beyond that.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// How containers are connected; [`Kind::L2Bridge`] unless it is said.
    pub mode: Kind,
    /// `master`: the device that containers reach the network by, if not the one of the default route.
    pub uplink: Option<InterfaceName>,
    /// MTU of the container's interface in bytes, if not the uplink's.
    pub mtu: Option<u32>,
    /// `ipam.subnet`: which prefix addresses are taken from.
    pub subnet: Option<Ipv4Net>,
    /// `ipam.gateway`: the subnet's router, if not the one that the proxy names.
    pub gateway: Option<Ipv4Addr>,
    /// `ipam.routes`, in place of a default route: where to, and by way of which router, the subnet's if it is not said.
    pub routes: Vec<(Ipv4Net, Option<Ipv4Addr>)>,
    /// `dns`, in place of what the proxy names.
    pub dns: Option<Dns>,
    /// `AdditionalArgs`: access lists of the endpoint.
    pub policies: Vec<EndpointPolicy>,
}

/// An `EndpointPolicy` as Windows plugins write it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct EndpointPolicy {
    /// What it is about, such as `ACL`.
    #[serde(rename = "Type", alias = "type")]
    pub kind: String,
    /// Its details.
    #[serde(rename = "Settings", alias = "settings", default)]
    pub settings: Value,
}

/// As it is written.
#[derive(Clone, Debug, Deserialize)]
struct Document {
    #[serde(rename = "cniVersion")]
    version: Option<String>,
    name: Option<String>,
    mode: Option<String>,
    master: Option<String>,
    proxy: Option<String>,
    mtu: Option<u64>,
    #[serde(rename = "stateDir")]
    state_dir: Option<PathBuf>,
    #[serde(rename = "ipMasq", default, deserialize_with = "null_is_empty")]
    masquerade: bool,
    #[serde(default, deserialize_with = "null_is_empty")]
    ipam: IpamDocument,
    dns: Option<Dns>,
    #[serde(rename = "AdditionalArgs", alias = "additionalArgs", default, deserialize_with = "null_is_empty")]
    additional: Vec<Additional>,
    #[serde(rename = "runtimeConfig", default, deserialize_with = "null_is_empty")]
    runtime: Map<String, Value>,
    #[serde(rename = "prevResult")]
    previous: Option<Outcome>,
    #[serde(rename = "cni.dev/valid-attachments")]
    valid: Option<Vec<Attachment>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct IpamDocument {
    #[serde(rename = "type")]
    plugin: Option<String>,
    subnet: Option<String>,
    gateway: Option<String>,
    #[serde(deserialize_with = "null_is_empty")]
    routes: Vec<Route>,
}

#[derive(Clone, Debug, Deserialize)]
struct Additional {
    #[serde(rename = "Name", alias = "name")]
    name: String,
    #[serde(rename = "Value", alias = "value")]
    value: Value,
}

/// Finds the version that an answer has to follow, in input that may be wrong in any other way.
pub fn version_of(input: &[u8]) -> SpecVersion {
    #[derive(Deserialize)]
    struct Versioned {
        #[serde(rename = "cniVersion")]
        version: String,
    }
    let versioned: Option<Versioned> = serde_json::from_slice(input).ok();
    versioned.and_then(|versioned| versioned.version.parse().ok()).unwrap_or(SpecVersion::NEWEST)
}

impl Config {
    /// Reads the configuration.
    ///
    /// # Errors
    /// [`Failure::Decode`], [`Failure::Version`], [`Failure::Config`].
    pub fn read(input: &[u8]) -> Result<Self, Failure> {
        let decode =
            |source| Failure::Decode { what: "the network configuration on standard input".to_owned(), source };
        let document: Document = serde_json::from_slice(input).map_err(decode)?;
        // What says no version is written for 0.1.0 [CNI SPEC 0.2.0].
        let version = document.version.as_deref().unwrap_or("0.1.0").parse()?;
        let network = parsed("name", document.name.as_deref())?;
        let network = network.ok_or_else(|| wrong("name", "a network must have a name"))?;
        let ipam = parsed("ipam.type", document.ipam.plugin.as_deref().filter(|name| !name.is_empty()))?;
        let ipam = ipam.filter(|name: &Token| name.as_str() != OUR_IPAM);
        let (state_dir, proxy) = (document.state_dir.clone(), document.proxy.clone());
        Ok(Self { version, network, ipam, state_dir, proxy, document })
    }

    /// The result of the last ADD, or of the plugin before this one in a chain of ADDs.
    pub fn previous(&self) -> Option<&Outcome> {
        self.document.previous.as_ref()
    }

    /// For GC: the attachments to keep.
    ///
    /// # Errors
    /// [`Failure::Config`]: they are not given. Silence must not be read as "none".
    pub fn valid(&self) -> Result<&[Attachment], Failure> {
        let key = "cni.dev/valid-attachments";
        self.document.valid.as_deref().ok_or_else(|| wrong(key, "GC needs the attachments that are still valid"))
    }

    /// Reads the rest.
    ///
    /// # Errors
    /// [`Failure::Config`], [`Failure::Unsupported`], [`Failure::Decode`].
    pub fn wishes(&self) -> Result<Wishes, Failure> {
        let document = &self.document;
        if self.ipam.is_none() {
            self.refuse_chosen_addresses()?;
        }
        let mode = parsed("mode", document.mode.as_deref())?.unwrap_or(Kind::L2Bridge);
        if document.masquerade && mode != Kind::Nat {
            let hint = "only mode nat hides containers behind the VM's address; leave it out";
            return Err(Failure::Unsupported { key: "ipMasq", value: "true".to_owned(), hint });
        }
        let mtu = document.mtu.filter(|mtu| *mtu != 0);
        let mtu = mtu.map(|mtu| match u32::try_from(mtu) {
            Ok(bytes @ 68..=65535) => Ok(bytes),
            _ => Err(wrong("mtu", format!("{mtu} bytes; an interface that carries IPv4 has 68 to 65535"))),
        });
        Ok(Wishes {
            mode,
            uplink: parsed("master", document.master.as_deref())?,
            mtu: mtu.transpose()?,
            subnet: parsed("ipam.subnet", document.ipam.subnet.as_deref())?,
            gateway: parsed("ipam.gateway", document.ipam.gateway.as_deref())?,
            routes: document.ipam.routes.iter().map(ipv4_route).collect::<Result<_, _>>()?,
            dns: document.dns.clone().filter(|dns| *dns != Dns::default()),
            policies: document.additional.iter().map(Additional::policy).collect::<Result<_, _>>()?,
        })
    }

    fn refuse_chosen_addresses(&self) -> Result<(), Failure> {
        let hint = "addresses are given by the network controller and cannot be chosen; leave it out";
        let runtime = &self.document.runtime;
        for (name, key) in [("ips", "runtimeConfig.ips"), ("mac", "runtimeConfig.mac")] {
            if let Some(value) = runtime.get(name).filter(|value| says_something(value)) {
                return Err(Failure::Unsupported { key, value: value.to_string(), hint });
            }
        }
        Ok(())
    }
}

impl Additional {
    fn policy(&self) -> Result<EndpointPolicy, Failure> {
        if !self.name.eq_ignore_ascii_case("EndpointPolicy") {
            let hint = "only EndpointPolicy is known";
            return Err(Failure::Unsupported { key: "AdditionalArgs.Name", value: self.name.clone(), hint });
        }
        let decode = |source| Failure::Decode { what: "AdditionalArgs.Value".to_owned(), source };
        let policy = EndpointPolicy::deserialize(&self.value).map_err(decode)?;
        if policy.kind.eq_ignore_ascii_case("ACL") {
            return Ok(policy);
        }
        let hint = "of endpoint policies only ACL is known here";
        Err(Failure::Unsupported { key: "AdditionalArgs.Value.Type", value: policy.kind, hint })
    }
}

/// A route as `ip` is told it.
///
/// # Errors
/// [`Failure::Config`]: not of IPv4.
pub(super) fn ipv4_route(route: &Route) -> Result<(Ipv4Net, Option<Ipv4Addr>), Failure> {
    match (route.dst, route.gw) {
        (IpNet::V4(to), None) => Ok((to.trunc(), None)),
        (IpNet::V4(to), Some(IpAddr::V4(via))) => Ok((to.trunc(), Some(via))),
        _ => Err(wrong("ipam.routes", format!("{}: only IPv4 is possible", route.dst))),
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(values) => !values.is_empty(),
        _ => true,
    }
}

fn wrong(key: &'static str, problem: impl Into<String>) -> Failure {
    Failure::Config { key, problem: problem.into() }
}

fn parsed<T>(key: &'static str, text: Option<&str>) -> Result<Option<T>, Failure>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.map(|text| text.parse().map_err(|error| wrong(key, format!("'{text}': {error}")))).transpose()
}

#[cfg(test)]
mod tests;
