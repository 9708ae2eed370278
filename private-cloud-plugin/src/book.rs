//! The address book: which addresses the controller gave, and who uses which of them.
//!
//! The proxy only says what may be used (`network-proxy.md` section 6); choosing is done here. The host is never told.

#[cfg(test)]
mod tests;

use crate::network::{EndpointId, NetworkId};
use crate::offer::Offer;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// Seconds after which an address that docker asked for and never used counts as forgotten. Docker takes milliseconds
/// between the two; only a docker that was killed in between leaves such an address.
const FORGOTTEN: u64 = 120;

/// All addresses that were offered and are not yet forgotten, and the subnets they are in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    subnets: BTreeMap<Ipv4Net, Routing>,
    addresses: BTreeMap<Ipv4Addr, Record>,
}

/// What a container needs to know about its subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// Router of the subnet.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers, in order of preference.
    pub dns: Vec<IpAddr>,
}

/// One address of the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Subnet it was offered in.
    pub subnet: Ipv4Net,
    /// The controller withdrew it while it was in use: it is kept for its holder and forgotten when released.
    #[serde(default)]
    pub lost: bool,
    /// Who has it.
    #[serde(default)]
    pub holder: Option<Holder>,
}

/// Who has an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Holder {
    /// Docker, from `RequestAddress` to `ReleaseAddress`.
    Docker {
        /// The endpoint that uses it, in between.
        endpoint: Option<EndpointId>,
        /// When it came to be without endpoint, in seconds since 1970.
        since: u64,
    },
    /// One attachment of a container, for as long as it lasts.
    Attachment {
        /// Network of the endpoint.
        network: NetworkId,
        /// The endpoint. It need not be one of ours: a CNI runtime may combine our addresses with another plugin.
        endpoint: EndpointId,
    },
}

/// An address that was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: Ipv4Addr,
    /// Its subnet.
    pub subnet: Ipv4Net,
    /// Router and name servers.
    pub routing: Routing,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// Only from this subnet.
    pub subnet: Option<Ipv4Net>,
}

/// Why there is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// The proxy's list is empty.
    #[error(
        "the controller offers no address for containers on this NIC; add ipConfigurations to the network interface \
         resource"
    )]
    NothingOffered,
    /// The proxy's list has other subnets.
    #[error("the controller offers no address in subnet {asked}; it offers {}", list(offered))]
    UnknownSubnet {
        /// What was asked for.
        asked: Ipv4Net,
        /// What there is.
        offered: Vec<Ipv4Net>,
    },
    /// Everything is in use.
    #[error(
        "no free address: all {total} that the controller gave for containers{} are in use; remove a container or add \
         ipConfigurations to the network interface resource",
        subnet.map(|subnet| format!(" in {subnet}")).unwrap_or_default()
    )]
    Exhausted {
        /// Where there is none.
        subnet: Option<Ipv4Net>,
        /// How many there are.
        total: usize,
    },
    /// Not an address of the book.
    #[error("{0} is not among the addresses that the controller gave to this NIC for containers")]
    Unknown(Ipv4Addr),
    /// In somebody else's hands.
    #[error("{0} is in use by another container")]
    InUse(Ipv4Addr),
}

fn list(subnets: &[Ipv4Net]) -> String {
    subnets.iter().map(Ipv4Net::to_string).collect::<Vec<_>>().join(", ")
}

impl Book {
    /// Takes note of what is offered now. New addresses are added; withdrawn ones are forgotten unless they are in use,
    /// then they are lost; what is offered again is healthy again (`network-proxy.md` section 6.4). A used address that
    /// is now offered in another subnet is lost where it is used, and found in the new subnet once it is released.
    pub fn merge(&mut self, offer: &Offer) {
        for (address, record) in &mut self.addresses {
            record.lost = !offer.subnets.get(&record.subnet).is_some_and(|subnet| subnet.addresses.contains(address));
        }
        for (net, subnet) in &offer.subnets {
            self.subnets.insert(*net, Routing { gateway: subnet.gateway, dns: subnet.dns.clone() });
            for address in &subnet.addresses {
                let fresh = Record { subnet: *net, lost: false, holder: None };
                let record = self.addresses.entry(*address).or_insert_with(|| fresh.clone());
                if record.holder.is_none() {
                    *record = fresh;
                }
            }
        }
        self.forget();
    }

    /// Gives a free address to `holder`: the lowest, so that people can tell which comes next. One who already has an
    /// address in the wanted subnet as an [`Holder::Attachment`] gets the same again. `taken` are addresses that the VM
    /// itself is configured with.
    ///
    /// # Errors
    /// There is none; the error says why.
    pub fn lease(
        &mut self,
        want: Want,
        holder: Holder,
        taken: &BTreeSet<Ipv4Addr>,
        now: u64,
    ) -> Result<Lease, BookError> {
        let in_reach = |record: &Record| want.subnet.is_none_or(|subnet| record.subnet == subnet);
        let mine =
            |record: &Record| matches!(holder, Holder::Attachment { .. }) && record.holder.as_ref() == Some(&holder);
        let held = self.addresses.iter().find(|(_, record)| mine(record) && in_reach(record));
        let free = |(address, record): &(&Ipv4Addr, &Record)| {
            in_reach(record) && !record.lost && record.is_free(now) && !taken.contains(address)
        };
        let unused = || self.addresses.iter().find(|pair| pair.1.holder.is_none() && free(pair));
        // What seems forgotten is taken only when nothing else is left.
        let forgotten = || self.addresses.iter().find(free);
        let found = held.or_else(unused).or_else(forgotten).map(|(address, _)| *address);
        let address = found.ok_or_else(|| self.why_not(want))?;
        let record = self.addresses.get_mut(&address).ok_or(BookError::Unknown(address))?;
        record.holder = Some(holder);
        let subnet = record.subnet;
        Ok(Lease { address, subnet, routing: self.subnets.get(&subnet).cloned().unwrap_or_default() })
    }

    /// Takes note that `holder` uses an address that somebody else gave to it, so that nobody gets the same from here.
    /// What the controller does not offer is forgotten when it is released.
    ///
    /// # Errors
    /// It is in use.
    pub fn reserve(&mut self, address: Ipv4Addr, subnet: Ipv4Net, holder: Holder) -> Result<(), BookError> {
        let record = self.addresses.entry(address).or_insert(Record { subnet, lost: true, holder: None });
        match &record.holder {
            Some(other) if *other != holder => return Err(BookError::InUse(address)),
            _ => record.holder = Some(holder),
        }
        Ok(())
    }

    /// Docker's endpoint begins to use an address that docker asked for earlier.
    ///
    /// # Errors
    /// It was not asked for, or is in use.
    pub fn occupy(&mut self, address: Ipv4Addr, by: &EndpointId) -> Result<Lease, BookError> {
        let record = self.addresses.get_mut(&address).ok_or(BookError::Unknown(address))?;
        match &mut record.holder {
            Some(Holder::Docker { endpoint, .. }) if endpoint.is_none() || endpoint.as_ref() == Some(by) => {
                *endpoint = Some(by.clone());
            }
            Some(Holder::Attachment { endpoint, .. }) if endpoint == by => {}
            Some(_) => return Err(BookError::InUse(address)),
            None => return Err(BookError::Unknown(address)),
        }
        let subnet = record.subnet;
        Ok(Lease { address, subnet, routing: self.subnets.get(&subnet).cloned().unwrap_or_default() })
    }

    /// The endpoint is gone. What it held as an attachment is free; what docker asked for waits for docker's release.
    pub fn vacate(&mut self, gone: &EndpointId, now: u64) {
        for record in self.addresses.values_mut() {
            match &mut record.holder {
                Some(Holder::Docker { endpoint, since }) if endpoint.as_ref() == Some(gone) => {
                    *endpoint = None;
                    *since = now;
                }
                Some(Holder::Attachment { endpoint, .. }) if endpoint == gone => record.holder = None,
                _ => {}
            }
        }
        self.forget();
    }

    /// Docker releases `address`. Releasing what is not in use is no error (`network-proxy.md` section 6.7); an address
    /// with a living endpoint stays: such a release is a late one, for an earlier holder. `true` if it is free now.
    pub fn release(&mut self, address: Ipv4Addr) -> bool {
        let Some(record) = self.addresses.get_mut(&address) else { return true };
        let free = matches!(record.holder, None | Some(Holder::Docker { endpoint: None, .. }));
        if free {
            record.holder = None;
            self.forget();
        }
        free
    }

    /// Frees every address that is held by an attachment to `network` that `keep` does not want.
    pub fn collect(&mut self, network: &NetworkId, keep: impl Fn(&EndpointId) -> bool) {
        for record in self.addresses.values_mut() {
            let stale = matches!(&record.holder, Some(Holder::Attachment { network: of, endpoint })
                if of == network && !keep(endpoint));
            if stale {
                record.holder = None;
            }
        }
        self.forget();
    }

    /// Frees everything, as after a restart of the VM: no container has survived that.
    pub fn free_all(&mut self) {
        self.addresses.values_mut().for_each(|record| record.holder = None);
        self.forget();
    }

    /// All subnets that have addresses, with their router and name servers.
    pub fn subnets(&self) -> impl Iterator<Item = (&Ipv4Net, &Routing)> {
        self.subnets.iter()
    }

    /// All addresses, in order.
    pub fn addresses(&self) -> impl Iterator<Item = (&Ipv4Addr, &Record)> {
        self.addresses.iter()
    }

    /// What is known of `address`.
    pub fn get(&self, address: Ipv4Addr) -> Option<&Record> {
        self.addresses.get(&address)
    }

    /// The subnet in which `want` can be had, the one with most free addresses first.
    ///
    /// # Errors
    /// Nothing is offered, or not there.
    pub fn choose_subnet(&self, want: Want) -> Result<Ipv4Net, BookError> {
        let offered = |net: &&Ipv4Net| self.addresses.values().any(|record| record.subnet == **net && !record.lost);
        let wanted = self.subnets.keys().filter(|net| want.subnet.is_none_or(|subnet| subnet == **net));
        let free = |net: &Ipv4Net| {
            self.addresses.values().filter(|record| record.subnet == *net && record.holder.is_none()).count()
        };
        // Of equals `max_by_key` takes the last, so from the last to the first.
        wanted.rev().filter(offered).max_by_key(|net| free(net)).copied().ok_or_else(|| self.why_not(want))
    }

    fn why_not(&self, want: Want) -> BookError {
        let healthy = |net: &Ipv4Net| self.addresses.values().filter(|r| r.subnet == *net && !r.lost).count();
        let offered: Vec<_> = self.subnets.keys().filter(|net| healthy(net) > 0).copied().collect();
        match want.subnet {
            _ if offered.is_empty() => BookError::NothingOffered,
            Some(asked) if !offered.contains(&asked) => BookError::UnknownSubnet { asked, offered },
            Some(asked) => BookError::Exhausted { subnet: want.subnet, total: healthy(&asked) },
            None => BookError::Exhausted { subnet: None, total: offered.iter().map(healthy).sum() },
        }
    }

    /// Drops what is neither offered nor used.
    fn forget(&mut self) {
        self.addresses.retain(|_, record| !record.lost || record.holder.is_some());
        let used: BTreeSet<Ipv4Net> = self.addresses.values().map(|record| record.subnet).collect();
        self.subnets.retain(|net, _| used.contains(net));
    }
}

impl Record {
    fn is_free(&self, now: u64) -> bool {
        match &self.holder {
            None => true,
            Some(Holder::Docker { endpoint: None, since }) => now.saturating_sub(*since) > FORGOTTEN,
            Some(_) => false,
        }
    }
}
