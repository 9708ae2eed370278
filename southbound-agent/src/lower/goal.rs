//! What each object of the engine has to be.

use crate::driver::{HostPolicy, Key, Programmed, Step};
use crate::goal_state::GoalState;
use crate::lower::acl;
use crate::lower::index::{Index, entries};
use crate::lower::network;
use crate::lower::port::{self, Unusable};
use crate::ports::{Attachment, Attachments};
use crate::proxy::settings::Site;
use policy::goal_state::{Section, SectionKey};
use policy::ids::NetworkId;
use policy::mapping::{Mapping, ShardId};
use policy::net::Vsid;
use std::collections::BTreeMap;
use std::net::IpAddr;
use vfp::{HostService, PortPolicy, Tag};

/// A goal state with everything that is needed to read it: what has to be programmed.
#[derive(Clone, Copy)]
pub(crate) struct Goal<'a> {
    /// What the controller wants.
    pub(crate) state: &'a GoalState,
    /// Its references.
    pub(crate) index: &'a Index,
    /// The ports that are there. Policy of others waits.
    pub(crate) ports: &'a Attachments,
    /// Provider address that the host's own settings fix.
    pub(crate) provider_address: Option<IpAddr>,
    /// Where VMs find the network proxy, while it is on.
    pub(crate) proxy: Option<Site>,
}

impl Goal<'_> {
    /// Names by content of all that has to be programmed, in the form in which a driver reads back what is.
    pub(crate) fn names(&self) -> Programmed {
        let ports = self.ports.iter().map(|port| (port::id(port.profile_id), self.port_tag(port).ok()));
        Programmed {
            host: self.host(),
            acls: self.index.variants().filter_map(|variant| Some((variant.id(), self.acl_tag(variant)?))).collect(),
            networks: self.index.networks().filter_map(|n| Some((network::id(n.id), self.network_tag(n)?))).collect(),
            mappings: self.mappings().collect(),
            ports: ports.collect(),
        }
    }

    /// What has to be done for each of `keys`, whatever is programmed now; in the order of `keys`.
    pub(crate) fn steps(&self, keys: impl IntoIterator<Item = Key>) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut shards: BTreeMap<(NetworkId, ShardId), Vec<(Vsid, IpAddr)>> = BTreeMap::new();
        for key in keys {
            match key {
                Key::Host => steps.push(Step::Host(self.host())),
                Key::Acl(id) => steps.push(self.acl(id).unwrap_or(Step::RemoveAcl(id))),
                Key::Network(id) => steps.push(self.network(id).unwrap_or(Step::RemoveNetwork(id))),
                Key::Mapping(network, vsid, ca) => {
                    let shard = (network::rdid(network), ShardId::of(ca));
                    shards.entry(shard).or_default().push((vsid, ca));
                }
                Key::Port(id) => steps.push(self.port_step(id)),
            }
        }
        for ((network, shard), wanted) in shards {
            // Without the network there is nothing to program the mapping into; it follows when the network comes.
            let entries = match self.index.network(network) {
                Some(_) => entries(self.state, network, shard),
                None => Vec::new(),
            };
            let id = network::id(network);
            steps.extend(wanted.into_iter().map(|(vsid, ca)| {
                match entries.binary_search_by_key(&(vsid, ca), |entry| (entry.vsid, entry.ca)) {
                    Ok(at) => Step::Mapping(id, vsid, ca, lower_mapping(&entries[at])),
                    Err(_) => Step::RemoveMapping(id, vsid, ca),
                }
            }));
        }
        steps
    }

    /// Policy of an attached port.
    ///
    /// # Errors
    /// [`Unusable`]: the port has to be blocked.
    pub(crate) fn port(&self, port: &Attachment) -> Result<(Tag, PortPolicy), Unusable> {
        let (network, resolved) = self.index.port(port.profile_id, port.mac)?;
        let key = SectionKey::Port(port.profile_id);
        match (self.state.section(key).as_deref(), self.state.hash(key)) {
            (Some(Section::Port(section)), Some(hash)) => {
                Ok((port::tag(hash, &resolved), port::lower(section, network, &resolved)))
            }
            _ => Err(Unusable::NoPolicy),
        }
    }

    /// The port, and the shared objects that its policy leans on.
    ///
    /// # Errors
    /// [`Unusable`]: the port has to be blocked.
    pub(crate) fn objects_of(&self, port: &Attachment) -> Result<Vec<Key>, Unusable> {
        let (network, resolved) = self.index.port(port.profile_id, port.mac)?;
        let subnets = self.index.network(network).map(|network| self.index.subnet_acls(network)).unwrap_or_default();
        let acls = resolved.iter().map(|address| address.acl).chain(subnets).flatten();
        let acls = acls.map(|variant| Key::Acl(variant.id()));
        Ok([Key::Port(port::id(port.profile_id)), Key::Network(network::id(network))].into_iter().chain(acls).collect())
    }

    fn port_step(&self, id: vfp::PortId) -> Step {
        let Some(attachment) = self.ports.get(port::nic(id)) else { return Step::RemovePort(id) };
        match self.port(attachment) {
            Ok((tag, policy)) => Step::Port(id, tag, policy),
            Err(_) => Step::BlockPort(id),
        }
    }

    fn port_tag(&self, port: &Attachment) -> Result<Tag, Unusable> {
        let (_, resolved) = self.index.port(port.profile_id, port.mac)?;
        let hash = self.state.hash(SectionKey::Port(port.profile_id)).ok_or(Unusable::NoPolicy)?;
        Ok(port::tag(hash, &resolved))
    }

    fn host(&self) -> HostPolicy {
        let service =
            self.proxy.map(|Site { listen, mac }| HostService { address: *listen.ip(), tcp_port: listen.port(), mac });
        let Some(host) = self.state.host() else {
            return HostPolicy { provider_address: self.provider_address, service, ..HostPolicy::default() };
        };
        HostPolicy {
            provider_address: self.provider_address.or_else(|| host.provider_address.map(|pa| pa.address)),
            without_acl: vfp::WithoutAcl {
                inbound: acl::action(host.without_acl.inbound),
                outbound: acl::action(host.without_acl.outbound),
            },
            service,
        }
    }

    fn acl(&self, id: vfp::AclId) -> Option<Step> {
        let variant = self.index.variant(id)?;
        match &*self.state.section(SectionKey::Acl(variant.acl))? {
            Section::Acl(acl) => {
                let lowered = acl::lower(acl, &self.index.surroundings(variant));
                Some(Step::Acl(id, self.acl_tag(variant)?, lowered))
            }
            _ => None,
        }
    }

    fn acl_tag(&self, variant: acl::Variant) -> Option<Tag> {
        Some(self.index.surroundings(variant).tag(self.state.hash(SectionKey::Acl(variant.acl))?))
    }

    fn network(&self, id: vfp::NetworkId) -> Option<Step> {
        let network = self.index.network(network::rdid(id))?;
        let lowered = network::lower(network, &self.index.subnet_acls(network));
        Some(Step::Network(id, self.network_tag(network)?, lowered))
    }

    fn network_tag(&self, network: &policy::network::Network) -> Option<Tag> {
        let hash = self.state.hash(SectionKey::Routes(network.id))?;
        Some(network::tag(hash, &self.index.subnet_acls(network)))
    }

    /// Mappings of networks that are there. Those of others cannot be programmed.
    fn mappings(&self) -> impl Iterator<Item = ((vfp::NetworkId, Vsid, IpAddr), vfp::Mapping)> {
        let shards = self.index.networks().flat_map(|network| {
            let id = network.id;
            self.state.shards(id).map(move |shard| (id, shard))
        });
        shards.flat_map(|(network, shard)| {
            let place = move |entry: &Mapping| (network::id(network), entry.vsid, entry.ca);
            entries(self.state, network, shard).into_iter().map(move |entry| (place(&entry), lower_mapping(&entry)))
        })
    }
}

fn lower_mapping(entry: &Mapping) -> vfp::Mapping {
    let Mapping { vsid: _, ca: _, mac, pa } = entry;
    vfp::Mapping { mac: *mac, pa: *pa }
}
