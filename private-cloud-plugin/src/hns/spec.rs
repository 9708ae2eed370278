//! What a network and an endpoint shall be, before it is put into HNS's words, and what does not go together.

use super::network::Dns;
use super::options::NetworkOptions;
use crate::firewall::{Era, Isolation, Place, Refusal, Rule};
use crate::network::{Kind, PublishedPort, Transport};
use policy::net::{MacAddr, Prefix, Vsid};
use std::net::IpAddr;
use uuid::Uuid;

/// A network to be had from HNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Docker's id or a name chosen by the caller; the option `networkname` wins.
    pub name: String,
    /// Which driver.
    pub kind: Kind,
    /// Subnets; a transparent network without any takes its addresses from DHCP.
    pub subnets: Vec<SubnetSpec>,
    /// Labels.
    pub options: NetworkOptions,
    /// Overlay only: where the addresses of other hosts are.
    pub remote_subnets: Vec<RemoteSubnet>,
}

/// One subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubnetSpec {
    /// Its addresses.
    pub prefix: Prefix,
    /// Its gateway.
    pub gateway: Option<IpAddr>,
}

/// A part of an overlay on another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteSubnet {
    /// Its addresses.
    pub prefix: Prefix,
    /// Its VSID.
    pub vsid: Vsid,
    /// Address of that host.
    pub provider_address: IpAddr,
    /// MAC of that host's distributed router.
    pub router_mac: MacAddr,
}

/// An endpoint to be had from HNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSpec {
    /// Docker's id or a name chosen by the caller.
    pub name: String,
    /// Driver of its network.
    pub kind: Kind,
    /// Its network in HNS.
    pub network: Uuid,
    /// Subnet it is in; `None` lets HNS or DHCP choose.
    pub subnet: Option<SubnetSpec>,
    /// Its address within the subnet; `None` lets HNS choose.
    pub address: Option<IpAddr>,
    /// `None` lets HNS choose.
    pub mac: Option<MacAddr>,
    /// Empty inherits the network's.
    pub dns: Dns,
    /// Labels of its network.
    pub options: NetworkOptions,
    /// `--publish`.
    pub ports: Vec<PublishedPort>,
    /// How the container is kept apart.
    pub isolation: Isolation,
    /// Users' rules.
    pub rules: Vec<(Place, Rule)>,
    /// Which defaults to write with users' rules; `None` leaves defaults to HNS.
    pub defaults: Option<Era>,
    /// Overlay only: the host that the endpoint is on, when it is another.
    pub provider_address: Option<IpAddr>,
}

/// What does not go together. (`containers.md` section 1)
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The driver has no such thing.
    #[error("{what} is not supported on {kind} networks: {why}")]
    NotOn {
        /// The option.
        what: &'static str,
        /// The driver.
        kind: Kind,
        /// The reason, and what to do instead.
        why: &'static str,
    },
    /// The driver cannot do without.
    #[error("a {kind} network needs {what}")]
    Needs {
        /// The driver.
        kind: Kind,
        /// What, and how to give it.
        what: &'static str,
    },
    /// Overlays begin where VLANs could not.
    #[error("VSID {0} is not for overlays: give a number from {min} to {max}", min = Vsid::MIN_TENANT, max = Vsid::MAX_TENANT)]
    Vsid(Vsid),
    /// Every subnet of an overlay is a VXLAN network of its own.
    #[error("the overlay has {subnets} subnets but {vsids} VSIDs; give one for each with vxlanid_list")]
    VsidCount {
        /// How many subnets.
        subnets: usize,
        /// How many VSIDs.
        vsids: usize,
    },
    /// HNS would refuse it, less clearly.
    #[error("{what} {address} is not in the subnet {prefix}")]
    Outside {
        /// Which address.
        what: &'static str,
        /// The address.
        address: IpAddr,
        /// The subnet.
        prefix: Prefix,
    },
    /// Two mappings for one port.
    #[error("port {port}/{protocol} of the host is published twice")]
    PortTwice {
        /// The port.
        port: u16,
        /// Its protocol.
        protocol: Transport,
    },
    /// A firewall rule that nothing would enforce.
    #[error(transparent)]
    Rule(#[from] Refusal),
}

impl NetworkSpec {
    /// The name in HNS.
    pub fn hns_name(&self) -> &str {
        self.options.network_name.as_deref().unwrap_or(&self.name)
    }

    /// Whether driver, subnets and options go together.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), Invalid> {
        let Self { kind, subnets, options, remote_subnets, .. } = self;
        let kind = *kind;
        let not_on = |what, why| Err(Invalid::NotOn { what, kind, why });
        match kind {
            Kind::Nat if !options.interfaces.is_empty() => {
                return not_on(
                    "the option interface",
                    "their switch is internal and has no physical adapter, let alone a SET team",
                );
            }
            Kind::Nat if subnets.len() > 1 => {
                return not_on("more than one subnet", "a host has one internal prefix; carve it up instead");
            }
            _ => {}
        }
        if options.vlan.is_some() && !matches!(kind, Kind::Transparent | Kind::L2Bridge) {
            return not_on("the option vlanid", "use transparent or l2bridge for VLANs");
        }
        if !options.vsids.is_empty() && kind != Kind::Overlay {
            return not_on("the option vsid", "only overlays are encapsulated by the container host");
        }
        if options.outbound_nat.is_some() && matches!(kind, Kind::Nat | Kind::Transparent) {
            return not_on(
                "the option enable_outboundnat",
                "nat translates anyway and transparent never; use l2bridge",
            );
        }
        if options.source_mac.is_some() && kind == Kind::Nat {
            return not_on("the option sourcemac", "their MACs are not seen outside of the host");
        }
        if !remote_subnets.is_empty() && kind != Kind::Overlay {
            return not_on("a remote subnet", "only overlays are encapsulated by the container host");
        }
        if subnets.is_empty() && kind != Kind::Transparent {
            return Err(Invalid::Needs {
                kind,
                what: "a subnet: give --subnet; only transparent networks can use DHCP",
            });
        }
        if kind == Kind::Overlay {
            self.check_vsids()?;
        }
        for SubnetSpec { prefix, gateway } in subnets {
            if !prefix.is_ipv4() && kind != Kind::L2Bridge {
                return not_on("an IPv6 subnet", "HNS has IPv6 on l2bridge alone, from Windows Server 2022 on");
            }
            if let Some(address) = gateway.filter(|gateway| !prefix.contains(*gateway)) {
                return Err(Invalid::Outside { what: "gateway", address, prefix: *prefix });
            }
        }
        Ok(())
    }

    fn check_vsids(&self) -> Result<(), Invalid> {
        let vsids = &self.options.vsids;
        if vsids.is_empty() {
            return Err(Invalid::Needs {
                kind: self.kind,
                what: "a VSID: give the option vsid, or vxlanid_list for several subnets",
            });
        }
        if vsids.len() != self.subnets.len() {
            return Err(Invalid::VsidCount { subnets: self.subnets.len(), vsids: vsids.len() });
        }
        let remote = self.remote_subnets.iter().map(|remote| remote.vsid);
        let tenant = Vsid::MIN_TENANT..=Vsid::MAX_TENANT;
        match vsids.iter().copied().chain(remote).find(|vsid| !tenant.contains(&vsid.get())) {
            Some(vsid) => Err(Invalid::Vsid(vsid)),
            None => Ok(()),
        }
    }
}

impl EndpointSpec {
    /// Whether driver, address, ports and rules go together.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), Invalid> {
        let kind = self.kind;
        let not_on = |what, why| Err(Invalid::NotOn { what, kind, why });
        if !self.ports.is_empty() && kind != Kind::Nat {
            return not_on(
                "a published port",
                "the container is reached at its own address and port; leave --publish out",
            );
        }
        for (index, port) in self.ports.iter().enumerate() {
            let same = |other: &PublishedPort| (other.protocol, other.external) == (port.protocol, port.external);
            if self.ports[..index].iter().any(same) {
                return Err(Invalid::PortTwice { port: port.external, protocol: port.protocol });
            }
        }
        if self.provider_address.is_some() && kind != Kind::Overlay {
            return not_on("an endpoint on another host", "only overlays are encapsulated by the container host");
        }
        match (self.subnet, self.address) {
            (Some(subnet), Some(address)) if !subnet.prefix.contains(address) => {
                Err(Invalid::Outside { what: "address", address, prefix: subnet.prefix })
            }
            (None, Some(_)) => Err(Invalid::Needs { kind, what: "the subnet of an address that is asked for" }),
            _ => Ok(()),
        }
    }
}
