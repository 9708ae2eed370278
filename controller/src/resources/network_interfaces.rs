//! `networkInterfaces`: what the ports of VMs bind to. Contract 12.23, [MS-NCNBI 3.1.5.11].

mod ip_configurations;
mod mac;
mod port_settings;

pub use ip_configurations::IP_CONFIGURATIONS;
pub(super) use port_settings::has_qos;

use super::schema::{Access, Collection, Default, Kind, MacForm, Property};
use super::version::Version;
use super::{Draft, Proposal, Rules, configuration_state, dns, virtual_switch_manager};
use crate::engine::ledger::Ledger;
use crate::engine::reading::Reading;
use crate::engine::world::{Key, Node, World};
use crate::error::{ApiError, Code};
use crate::fabric::{Change, Nic};
use policy::ids::NicId;
use serde_json::{Value, json};
use std::sync::Arc;

/// The collection.
pub static NETWORK_INTERFACES: Collection = Collection::new("networkInterfaces")
    .properties(&[
        Property::children(&IP_CONFIGURATIONS),
        Property::new("dnsSettings", Kind::Object(&[Property::new("dnsServers", Kind::List(&Kind::Address))])).always(),
        Property::new("internalDnsNameLabel", DNS_LABEL).invalid(Code::InvalidDomainNameLabel),
        Property::new("privateMacAddress", Kind::Mac(MacForm::Plain)).invalid(Code::InvalidPrivateMacAddress),
        Property::new("privateMacAllocationMethod", Kind::Enum(&["Static", "Dynamic"]))
            .access(Access::Fixed(Code::PrivateMacAllocationMethodCannotBeUpdated)),
        Property::back_references("serviceInsertionElements", &[("serviceInsertions", "networkInterface")]),
        Property::new("portSettings", Kind::Object(port_settings::MEMBERS)).always(),
        Property::new("isHostVirtualNetworkInterface", Kind::Boolean)
            .access(Access::Fixed(Code::IsHostVirtualNetworkInterfaceCannotBeUpdated))
            .default(Default::Boolean(false)),
        Property::new("isPrimary", Kind::Boolean)
            .access(Access::Fixed(Code::PrimaryNicPropertyCannotBeUpdated))
            .default(Default::Boolean(true)),
        Property::new("isMultitenantStack", Kind::Boolean).default(Default::Boolean(false)),
        Property::new("securityTags", Kind::List(&Kind::Reference(&["securityTags"]))).since(Version::V5),
        Property::derived("server", Kind::Reference(&["servers"])),
        Property::back_reference(
            "gateway",
            &[("gateways", "externalNetworkInterface"), ("gateways", "internalNetworkInterface")],
        ),
        Property::back_reference("loadBalancerMuxExternal", &[("loadBalancerMuxes", "externalNetworkInterface")]),
        Property::back_reference("loadBalancerMuxInternal", &[("loadBalancerMuxes", "internalNetworkInterface")]),
        configuration_state::WITH_ID,
        Property::derived("counters", Kind::List(&Kind::Json)).since(Version::V2).until(Version::V4),
    ])
    .in_use(Code::NicInUse)
    .rules(&NetworkInterfaceRules);

/// One label of a domain name. RFC 1035 section 2.3.1, digits first allowed by RFC 1123 section 2.1.
const DNS_LABEL: Kind = Kind::Checked {
    what: "DNS label",
    valid: |text| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        text.len() <= 63 && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
    },
};

struct NetworkInterfaceRules;

impl Rules for NetworkInterfaceRules {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), ApiError> {
        mac::complete(draft)?;
        check_dns(draft)
    }

    fn claim(&self, node: &Node, ledger: &mut Ledger<'_>) -> Result<(), ApiError> {
        mac::claim(node, ledger)
    }

    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        if has_qos(node) && !virtual_switch_manager::qos_is_configured(proposal.after) {
            let message = "QoS of network interfaces needs qosSettings of /virtualSwitchManager/configuration first.";
            let error = ApiError::new(Code::QosGlobalSettingsNotConfigured, message);
            return Err(error.target("portSettings.qosSettings"));
        }
        check_networks(node, proposal.after)?;
        ip_configurations::check_primary(node, proposal.after)
    }

    fn derive(&self, property: &'static str, node: &Node, reading: &Reading<'_>) -> Option<Value> {
        let id = NicId(node.instance_id);
        match property {
            "server" => {
                let server = reading.world().instance(reading.world().host_of(id)?.0)?;
                Some(json!({ "resourceRef": &*server.path }))
            }
            "configurationState" => {
                reading.nic_state(id).map(|state| configuration_state::of(&state, Some(node.instance_id)))
            }
            _ => None,
        }
    }

    fn project(&self, node: &Node, world: &World, changes: &mut Vec<Change>) {
        let id = NicId(node.instance_id);
        changes.push(Change::Nic(id, compile(node, world).map(Arc::new)));
    }

    fn retract(&self, node: &Node, _: &World, changes: &mut Vec<Change>) {
        changes.push(Change::Nic(NicId(node.instance_id), None));
    }
}

/// [MS-NCNBI 3.1.5.35]; an empty `dnsSettings` is none.
fn check_dns(draft: &Draft<'_>) -> Result<(), ApiError> {
    let servers = draft.properties.get("dnsSettings").and_then(|settings| settings.get("dnsServers"));
    let servers = servers.and_then(Value::as_array).is_some_and(|servers| !servers.is_empty());
    let label =
        draft.properties.get("internalDnsNameLabel").and_then(Value::as_str).is_some_and(|label| !label.is_empty());
    let primary = draft.properties.get("isPrimary").and_then(Value::as_bool) != Some(false);
    match (servers || label) && !primary {
        true => {
            let message = "Only the primary network interface of a VM can have DNS settings.";
            Err(ApiError::new(Code::OnlyPrimaryNetworkInterfaceCanHaveDnsSettings, message).target("dnsSettings"))
        }
        false => Ok(()),
    }
}

/// Which virtual networks the NIC may join: a host's own NIC none, others one, or several when it says so.
fn check_networks(node: &Node, world: &World) -> Result<(), ApiError> {
    let mut networks = networks(node, world).map(|network| &network.key);
    let Some(first) = networks.next() else {
        return Ok(());
    };
    if node.flag("isHostVirtualNetworkInterface") {
        let message = "A host's own network interface cannot join a virtual network.";
        let code = Code::HostVirtualNetworkInterfaceCannotConnectToVirtualNetwork;
        return Err(ApiError::new(code, message).target("ipConfigurations"));
    }
    match networks.find(|network| *network != first) {
        Some(second) if !node.flag("isMultitenantStack") => {
            let message =
                format!("Without isMultitenantStack a network interface cannot join both {first} and {second}.");
            Err(ApiError::new(Code::VirtualNetworkMismatch, message).target("ipConfigurations"))
        }
        _ => Ok(()),
    }
}

/// The virtual networks of a NIC's addresses, in the order of the document, with repetition.
pub(super) fn networks<'a>(nic: &Node, world: &'a World) -> impl Iterator<Item = &'a Node> + use<'a> {
    let addresses = world.children(nic, &IP_CONFIGURATIONS).into_iter();
    addresses.filter_map(|address| ip_configurations::virtual_subnet(address, world)).map(|(network, _)| network)
}

/// The access control lists that judge a NIC's traffic: of its addresses and of their subnets.
pub(super) fn lists<'a>(nic: &Node, world: &'a World) -> impl Iterator<Item = Key> + use<'a> {
    let addresses = world.children(nic, &IP_CONFIGURATIONS).into_iter();
    let documents = addresses.flat_map(|address| {
        let subnet = address.reference("subnet").and_then(|reference| world.target(reference));
        [Some(address), subnet].into_iter().flatten()
    });
    documents.filter_map(|document| document.reference("accessControlList").map(|list| list.target.clone()))
}

/// The NIC as hosts know it; `None` when the document is not one that this collection accepts.
fn compile(nic: &Node, world: &World) -> Option<Nic> {
    let addresses = world.children(nic, &IP_CONFIGURATIONS);
    Some(Nic {
        id: NicId(nic.instance_id),
        mac: nic.text("privateMacAddress")?.parse().ok()?,
        addresses: addresses.into_iter().filter_map(|address| ip_configurations::compile(address, world)).collect(),
        qos: port_settings::qos(nic),
        guards: port_settings::guards(nic),
        secondary: nic.properties.get("isPrimary") == Some(&Value::Bool(false)),
        dns_servers: dns::servers(&nic.properties, "dnsSettings"),
    })
}

#[cfg(test)]
mod tests;
