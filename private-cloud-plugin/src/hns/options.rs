//! Docker's `-o` options for Windows networks: labels in, typed options out. (`containers.md` section 1.1)

use policy::net::{MacAddr, ParseError, Prefix, Vsid};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use uuid::Uuid;

/// What all labels of a network begin with.
const NETWORK: &str = "com.docker.network.windowsshim.";

/// VXLAN identifiers of an overlay's subnets, in their order.
const VXLAN_IDS: &str = "com.docker.network.driver.overlay.vxlanid_list";

/// Bytes per second that an endpoint may send.
const QOS: &str = "com.docker.endpoint.windowsshim.qospolicies";

/// Everything that can be said about a network by labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkOptions {
    /// `networkname`: name in HNS, when it shall not be docker's id.
    pub network_name: Option<String>,
    /// `hnsid`: adopt this network of HNS instead of creating one.
    pub hns_id: Option<Uuid>,
    /// `routingdomain`: docker takes it and puts it into no document, and so do we.
    pub routing_domain: Option<Uuid>,
    /// `interface`: physical adapters of the switch; several make a SET team.
    pub interfaces: Vec<String>,
    /// `vlanid`.
    pub vlan: Option<u16>,
    /// `vsid`, or `vxlanid_list` of an overlay: one for each subnet.
    pub vsids: Vec<Vsid>,
    /// `dnssuffix`.
    pub dns_suffix: Option<String>,
    /// `dnsservers`.
    pub dns_servers: Vec<IpAddr>,
    /// `macpool`: ranges, both ends included.
    pub mac_pool: Vec<(MacAddr, MacAddr)>,
    /// `sourcemac`.
    pub source_mac: Option<MacAddr>,
    /// `disableicc`: endpoints do not reach each other.
    pub disable_icc: bool,
    /// `disable_dns`: no name resolution by docker; of nat, in documents of version 1.
    pub disable_dns: bool,
    /// `disable_gatewaydns`: the same for all endpoints of a network.
    pub disable_gateway_dns: bool,
    /// `enable_outboundnat` with `outboundnat_exceptions`: `None` leaves it off.
    pub outbound_nat: Option<BTreeSet<Prefix>>,
    /// `qospolicies`: bytes per second that each endpoint may send.
    pub max_egress: Option<u64>,
}

/// Why a label cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// Not one of ours, although it looks like it.
    #[error("option '{0}' is not known; known ones are {NETWORK}{{{known}}}, {VXLAN_IDS} and {QOS}", known = NAMES.join(","))]
    Unknown(String),
    /// The value is none for this label.
    #[error("option {label}={value}: {problem}")]
    Value {
        /// The label.
        label: String,
        /// What it was set to.
        value: String,
        /// What is wrong with it.
        problem: String,
    },
    /// One label needs the other.
    #[error("option {label} has no effect without {needs}; add it or leave both out")]
    Needs {
        /// The label.
        label: String,
        /// What it needs.
        needs: String,
    },
    /// One label contradicts the other.
    #[error("options {one} and {other} say the same thing twice; keep one of them")]
    Twice {
        /// One label.
        one: String,
        /// The other.
        other: String,
    },
}

/// The labels of a network without what they begin with.
const NAMES: [&str; 15] = [
    "networkname",
    "hnsid",
    "routingdomain",
    "interface",
    "vlanid",
    "vsid",
    "dnssuffix",
    "dnsservers",
    "macpool",
    "sourcemac",
    "disableicc",
    "disable_dns",
    "disable_gatewaydns",
    "enable_outboundnat",
    "outboundnat_exceptions",
];

impl NetworkOptions {
    /// Reads labels. Those that belong to others are left alone.
    ///
    /// # Errors
    /// A label of ours is unknown, has a bad value, or contradicts another.
    pub fn parse(labels: &BTreeMap<String, String>) -> Result<Self, OptionError> {
        let mut options = Self::default();
        let mut exceptions = None;
        for (label, value) in labels {
            let read = |problem: Result<(), String>| {
                problem.map_err(|problem| OptionError::Value { label: label.clone(), value: value.clone(), problem })
            };
            match label.strip_prefix(NETWORK) {
                Some("outboundnat_exceptions") => {
                    read(list(value).map(|prefixes: Vec<Prefix>| exceptions = Some(prefixes.into_iter().collect())))?;
                }
                Some(name) if NAMES.contains(&name) => read(options.set(name, value))?,
                Some(_) => return Err(OptionError::Unknown(label.clone())),
                None if label == VXLAN_IDS => {
                    if labels.contains_key(&format!("{NETWORK}vsid")) {
                        return Err(OptionError::Twice { one: format!("{NETWORK}vsid"), other: label.clone() });
                    }
                    read(
                        list(value).map(|ids: Vec<VsidText>| options.vsids = ids.into_iter().map(|id| id.0).collect()),
                    )?;
                }
                None if label == QOS => read(number(value).map(|bytes| options.max_egress = Some(bytes)))?,
                None => {}
            }
        }
        if let Some(exceptions) = exceptions {
            let needs = || OptionError::Needs {
                label: format!("{NETWORK}outboundnat_exceptions"),
                needs: format!("{NETWORK}enable_outboundnat=true"),
            };
            *options.outbound_nat.as_mut().ok_or_else(needs)? = exceptions;
        }
        Ok(options)
    }

    /// Sets one of [`NAMES`].
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "networkname" => self.network_name = Some(text(value)?),
            "hnsid" => self.hns_id = Some(guid(value)?),
            "routingdomain" => self.routing_domain = Some(guid(value)?),
            "interface" => self.interfaces = list(value)?,
            "vlanid" => self.vlan = Some(vlan(value)?),
            "vsid" => self.vsids = vec![value.parse::<VsidText>().map_err(|error| error.to_string())?.0],
            "dnssuffix" => self.dns_suffix = Some(text(value)?),
            "dnsservers" => self.dns_servers = list(value)?,
            "macpool" => self.mac_pool = ranges(value)?,
            "sourcemac" => self.source_mac = Some(value.parse().map_err(|error: ParseError| error.to_string())?),
            "disableicc" => self.disable_icc = boolean(value)?,
            "disable_dns" => self.disable_dns = boolean(value)?,
            "disable_gatewaydns" => self.disable_gateway_dns = boolean(value)?,
            _ => self.outbound_nat = boolean(value)?.then(BTreeSet::new),
        }
        Ok(())
    }
}

/// A VSID in decimal digits.
struct VsidText(Vsid);

impl std::str::FromStr for VsidText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let id = text.parse().ok().and_then(Vsid::new);
        id.map(Self).ok_or_else(|| format!("'{text}' is no number from 0 to 16777215"))
    }
}

fn text(value: &str) -> Result<String, String> {
    let value = value.trim();
    if value.is_empty() { Err("must not be empty".to_owned()) } else { Ok(value.to_owned()) }
}

fn guid(value: &str) -> Result<Uuid, String> {
    value.parse().map_err(|_| "is no GUID, such as 11111111-2222-4333-8444-555555555555".to_owned())
}

fn number(value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| "is no whole number".to_owned())
}

fn boolean(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err("is neither 'true' nor 'false'".to_owned()),
    }
}

fn vlan(value: &str) -> Result<u16, String> {
    let id = value.parse().ok().filter(|id| (1..=4094).contains(id));
    id.ok_or_else(|| "is no VLAN: give a number from 1 to 4094".to_owned())
}

/// Values separated by commas, at least one.
fn list<T: std::str::FromStr<Err: std::fmt::Display>>(value: &str) -> Result<Vec<T>, String> {
    value.split(',').map(|item| text(item)?.parse().map_err(|error: T::Err| format!("'{item}': {error}"))).collect()
}

fn ranges(value: &str) -> Result<Vec<(MacAddr, MacAddr)>, String> {
    let ends: Vec<MacAddr> = list(value)?;
    let (pairs, rest) = ends.as_chunks::<2>();
    if !rest.is_empty() {
        return Err("must be pairs: the first and the last MAC of each range".to_owned());
    }
    let ranges = pairs.iter().map(|&[first, last]| match first <= last {
        true => Ok((first, last)),
        false => Err(format!("the range from {first} to {last} is empty")),
    });
    ranges.collect()
}
