//! What is wanted against what is there. HNS adds members, fills in defaults and writes numbers, words and GUIDs its own
//! way, so "the same" means that all that is wanted is there.

use crate::hns::endpoint::HostComputeEndpoint;
use crate::hns::network::{Dns, HostComputeNetwork, Ipam};
use crate::hns::policy::Policy;
use serde_json::Value;

/// What has to be done to an object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// A part that cannot be changed: the object has to be made anew.
    Fixed(&'static str),
    /// Parts that can be changed; nothing when all is well.
    Changes(Changes),
}

/// Parts to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) remove: Vec<Policy>,
    pub(super) add: Vec<Policy>,
    pub(super) dns: Option<Dns>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Policies that HNS lets come and go. We take away only these: others may be HNS's own.
const REMOVABLE: [&str; 6] = ["RemoteSubnetRoute", "ACL", "OutBoundNAT", "PortMapping", "QOS", "SDNRoute"];

/// How `found` has to change to be `wanted`.
pub(super) fn networks(wanted: &HostComputeNetwork, found: &HostComputeNetwork) -> Difference {
    if wanted.kind != found.kind {
        return Difference::Fixed("Type");
    }
    if !wanted.name.eq_ignore_ascii_case(&found.name) {
        return Difference::Fixed("Name");
    }
    if !wanted.ipams.iter().all(|ipam| found.ipams.iter().any(|other| ipam_holds(other, ipam))) {
        return Difference::Fixed("Ipams");
    }
    if !wanted.mac_pool.ranges.iter().all(|range| found.mac_pool.ranges.contains(range)) {
        return Difference::Fixed("MacPool");
    }
    let (adapters, others): (Vec<_>, Vec<_>) = wanted.policies.iter().cloned().partition(|policy| !removable(policy));
    if !adapters.iter().all(|policy| present(policy, &found.policies)) {
        return Difference::Fixed("Policies");
    }
    Difference::Changes(changes(&others, &found.policies, &wanted.dns, &found.dns))
}

/// How `found` has to change to be `wanted`.
pub(super) fn endpoints(wanted: &HostComputeEndpoint, found: &HostComputeEndpoint) -> Difference {
    if wanted.host_compute_network != found.host_compute_network {
        return Difference::Fixed("HostComputeNetwork");
    }
    if !wanted.ip_configurations.iter().all(|address| found.ip_configurations.contains(address)) {
        return Difference::Fixed("IpConfigurations");
    }
    if wanted.mac_address.is_some() && wanted.mac_address != found.mac_address {
        return Difference::Fixed("MacAddress");
    }
    let (others, fixed): (Vec<_>, Vec<_>) = wanted.policies.iter().cloned().partition(removable);
    if !fixed.iter().all(|policy| present(policy, &found.policies)) {
        return Difference::Fixed("Policies");
    }
    Difference::Changes(changes(&others, &found.policies, &wanted.dns, &found.dns))
}

fn changes(wanted: &[Policy], found: &[Policy], wanted_dns: &Dns, found_dns: &Dns) -> Changes {
    let add = wanted.iter().filter(|policy| !present(policy, found)).cloned();
    let superfluous = |policy: &&Policy| removable(policy) && !wanted.iter().any(|other| same(other, policy));
    Changes {
        remove: found.iter().filter(superfluous).cloned().collect(),
        add: add.collect(),
        dns: (!wanted_dns.is_empty() && wanted_dns != found_dns).then(|| wanted_dns.clone()),
    }
}

fn ipam_holds(found: &Ipam, wanted: &Ipam) -> bool {
    let holds = |subnet: &crate::hns::network::Subnet| {
        found.subnets.iter().any(|other| {
            other.ip_address_prefix == subnet.ip_address_prefix
                && subnet.policies.iter().all(|policy| present(policy, &other.policies))
                && subnet.routes.iter().all(|route| other.routes.contains(route))
        })
    };
    found.kind == wanted.kind && wanted.subnets.iter().all(holds)
}

fn removable(policy: &Policy) -> bool {
    REMOVABLE.iter().any(|kind| kind.eq_ignore_ascii_case(&policy.kind))
}

fn present(wanted: &Policy, found: &[Policy]) -> bool {
    found.iter().any(|policy| same(wanted, policy))
}

fn same(wanted: &Policy, found: &Policy) -> bool {
    wanted.kind.eq_ignore_ascii_case(&found.kind) && holds(&found.settings, &wanted.settings)
}

/// Whether all that is in `wanted` is in `found`, which may hold more.
fn holds(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted.iter().all(|(name, value)| {
            found.iter().any(|(other, found)| other.eq_ignore_ascii_case(name) && holds(found, value))
        }),
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| holds(found, wanted))
        }
        (Value::Null, wanted) => wanted.is_null(),
        // "6" and 6, "In" and "in" are one.
        (found, wanted) => text(found).eq_ignore_ascii_case(&text(wanted)),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
