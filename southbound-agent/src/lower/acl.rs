//! Lists: service tags become addresses of the network, or of the subnet, that the list is used in.
//! (`semantics.md` 1.5)

use crate::lower::tag::TagBuilder;
use policy::acl::{Acl, AclRule, Action, AddressMatch, Direction, Protocol, ServiceTag};
use policy::goal_state::ContentHash;
use policy::ids::{AclId, NetworkId, SubnetId};
use policy::net::Prefix;
use policy::network::Network;
use std::net::IpAddr;
use vfp::{AddressSet, Condition, Tag};

/// How much of its surroundings a list's meaning depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Dependence {
    /// No service tags: one list for all.
    Nothing,
    /// VIRTUALNETWORK or INTERNET: one list for each network.
    Network,
    /// AZURELOADBALANCER: one list for each subnet.
    Subnet,
}

impl Dependence {
    pub(super) fn of(acl: &Acl) -> Self {
        let sides = acl.rules.iter().flat_map(|rule| [rule.source, rule.destination]);
        let needs = sides.map(|side| match side {
            AddressMatch::Any | AddressMatch::Prefix(_) => Self::Nothing,
            AddressMatch::Tag(ServiceTag::VirtualNetwork | ServiceTag::Internet) => Self::Network,
            AddressMatch::Tag(ServiceTag::AzureLoadBalancer) => Self::Subnet,
        });
        needs.max().unwrap_or(Self::Nothing)
    }

    /// The list as it is used in `subnet` of `network`.
    pub(super) fn variant(self, acl: AclId, network: NetworkId, subnet: SubnetId) -> Variant {
        let place = match self {
            Self::Nothing => Place::Anywhere,
            Self::Network => Place::Network(network),
            Self::Subnet => Place::Subnet(network, subnet),
        };
        Variant { acl, place }
    }
}

/// One list in one place: what the engine knows as one list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Variant {
    pub(super) acl: AclId,
    pub(super) place: Place,
}

/// Where a list is used, as far as that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Anywhere,
    Network(NetworkId),
    Subnet(NetworkId, SubnetId),
}

impl Variant {
    /// The engine's name: the list's own where there is one variant only.
    pub(super) fn id(self) -> vfp::AclId {
        let acl = self.acl;
        vfp::AclId(match self.place {
            Place::Anywhere => acl.0.as_u128(),
            Place::Network(network) => TagBuilder::new().add(acl).add(network).number(),
            Place::Subnet(network, subnet) => TagBuilder::new().add(acl).add(network).add(subnet).number(),
        })
    }

    pub(super) fn network(self) -> Option<NetworkId> {
        match self.place {
            Place::Anywhere => None,
            Place::Network(network) | Place::Subnet(network, _) => Some(network),
        }
    }
}

/// What service tags stand for in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Surroundings {
    address_space: Vec<Prefix>,
    probe_source: Option<IpAddr>,
}

impl Surroundings {
    /// Where `variant` is used. Empty for lists without service tags, and where the network is unknown.
    pub(super) fn of(variant: Variant, network: Option<&Network>) -> Self {
        let subnet = match variant.place {
            Place::Subnet(_, subnet) => network.and_then(|network| network.subnets.iter().find(|s| s.id == subnet)),
            _ => None,
        };
        let network = network.filter(|_| variant.network().is_some());
        Self {
            address_space: network.map(|network| network.address_space.clone()).unwrap_or_default(),
            // Probes come from the distributed router.
            probe_source: subnet.map(|subnet| subnet.router),
        }
    }

    /// Name of the list's content here.
    pub(super) fn tag(&self, section: ContentHash) -> Tag {
        let mut tag = TagBuilder::new().add(section);
        for prefix in &self.address_space {
            tag = tag.add(prefix);
        }
        if let Some(address) = self.probe_source {
            tag = tag.add("probes").add(address);
        }
        tag.tag()
    }

    fn expand(&self, side: AddressMatch) -> AddressSet {
        match side {
            AddressMatch::Any => AddressSet::Any,
            AddressMatch::Prefix(prefix) => AddressSet::Within(vec![prefix]),
            AddressMatch::Tag(ServiceTag::VirtualNetwork) => AddressSet::Within(self.address_space.clone()),
            AddressMatch::Tag(ServiceTag::Internet) => AddressSet::Outside(self.address_space.clone()),
            AddressMatch::Tag(ServiceTag::AzureLoadBalancer) => {
                AddressSet::Within(self.probe_source.into_iter().map(Prefix::host).collect())
            }
        }
    }
}

/// The list as the engine takes it.
pub(super) fn lower(acl: &Acl, surroundings: &Surroundings) -> vfp::Acl {
    vfp::Acl {
        name: acl.id.to_string(),
        inbound_default: action(acl.inbound_default),
        outbound_default: action(acl.outbound_default),
        rules: acl.rules.iter().map(|rule| lower_rule(rule, surroundings)).collect(),
    }
}

fn lower_rule(rule: &AclRule, surroundings: &Surroundings) -> vfp::AclRule {
    // The audit log has no writer yet.
    let AclRule {
        id,
        priority,
        direction,
        action: verdict,
        protocol,
        source,
        source_ports,
        destination,
        destination_ports,
        logging: _,
    } = rule;
    vfp::AclRule {
        id: id.clone(),
        priority: *priority,
        direction: match direction {
            Direction::Inbound => vfp::Direction::Inbound,
            Direction::Outbound => vfp::Direction::Outbound,
        },
        action: action(*verdict),
        condition: Condition {
            protocol: match protocol {
                Protocol::Any => vfp::Protocol::Any,
                Protocol::Tcp => vfp::Protocol::Tcp,
                Protocol::Udp => vfp::Protocol::Udp,
                Protocol::IcmpV4 => vfp::Protocol::IcmpV4,
                Protocol::IcmpV6 => vfp::Protocol::IcmpV6,
            },
            source: surroundings.expand(*source),
            source_ports: *source_ports,
            destination: surroundings.expand(*destination),
            destination_ports: *destination_ports,
        },
    }
}

/// Verdicts have one meaning in both crates.
pub(super) fn action(action: Action) -> vfp::Action {
    match action {
        Action::Allow => vfp::Action::Allow,
        Action::Deny => vfp::Action::Deny,
    }
}
