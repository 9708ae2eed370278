//! The IPAM driver: pools and addresses are what the controller gave (`containers.md` section 5).

use super::Driver;
use super::error::CallError;
use super::wire::{ADDRESS_TYPE, Address, GATEWAY, Pool, ReleaseAddress, RequestAddress, RequestPool};
use crate::book::{Book, BookError, Want};
use ipnet::Ipv4Net;
use serde_json::Value;
use std::net::Ipv4Addr;

/// Name of the address space, by which the network driver knows addresses that this driver gave.
pub(super) const ADDRESS_SPACE: &str = "private-cloud";

impl Driver {
    /// The same question gives the same pool, so several networks may share a subnet.
    ///
    /// Asked for any pool, docker would go on asking until it gets one that the VM has no route to, which is never: the
    /// VM itself is in the tenant's subnet (libnetwork, `requestPoolHelper`).
    pub(super) async fn request_pool(&self, request: Result<RequestPool, CallError>) -> Result<Pool, CallError> {
        let wanted = wanted_pool(&request?)?;
        let offer = self.offers.now().await.map_err(CallError::Proxy)?;
        let chosen = self.change(move |change| {
            change.merge(&offer);
            let book = &change.state().book;
            let chosen = book.choose_subnet(Want { subnet: wanted })?;
            Ok(if wanted.is_some() { Ok(chosen) } else { Err(book.subnets().map(|(net, _)| *net).collect()) })
        });
        let pool = chosen.await?.map_err(CallError::SubnetMissing)?;
        Ok(Pool { id: pool_id(pool), pool })
    }

    pub(super) async fn request_address(
        &self,
        request: Result<RequestAddress, CallError>,
    ) -> Result<Address, CallError> {
        let request = request?;
        let pool = subnet_of(&request.pool)?;
        let asked = asked_address(&request.address)?;
        let offer = self.offers.now().await.map_err(CallError::Proxy)?;
        if is_gateway(&request) {
            let book = self.change(move |change| {
                change.merge(&offer);
                Ok(change.state().book.clone())
            });
            let gateway = gateway(&book.await?, pool, asked)?;
            return Ok(Address { address: with_prefix(gateway, pool) });
        }
        if let Some(asked) = asked {
            return Err(CallError::Static(asked));
        }
        let lease = self.change(move |change| {
            change.merge(&offer);
            change.lease_to_docker(Want { subnet: Some(pool) })
        });
        Ok(Address { address: with_prefix(lease.await?.address, pool) })
    }

    pub(super) async fn release_address(&self, request: Result<ReleaseAddress, CallError>) -> Result<(), CallError> {
        let ReleaseAddress { pool, address } = request?;
        subnet_of(&pool)?;
        if !self.change(move |change| Ok(change.release(address))).await? {
            tracing::warn!(%address, "docker releases an address that an endpoint uses; it is kept");
        }
        Ok(())
    }
}

/// What pool is asked for.
fn wanted_pool(request: &RequestPool) -> Result<Option<Ipv4Net>, CallError> {
    if request.v6 {
        return Err(CallError::Ipv6);
    }
    if !request.sub_pool.is_empty() {
        return Err(CallError::Range);
    }
    if let Some(name) = request.options.iter().flatten().map(|(name, _)| name).next() {
        return Err(CallError::IpamOption(name.clone()));
    }
    if !["", ADDRESS_SPACE].contains(&request.address_space.as_str()) {
        return Err(CallError::Pool(request.address_space.clone()));
    }
    let text = request.pool.as_str();
    if text.is_empty() {
        return Ok(None);
    }
    let subnet: Ipv4Net = text.parse().map_err(|_| CallError::Subnet(text.to_owned()))?;
    Ok(Some(subnet.trunc()))
}

fn is_gateway(request: &RequestAddress) -> bool {
    let kind = request.options.as_ref().and_then(|options| options.get(ADDRESS_TYPE));
    kind.and_then(Value::as_str) == Some(GATEWAY)
}

/// The gateway of `pool`, which takes no address from anybody; if one is asked for, it has to be the right one.
fn gateway(book: &Book, pool: Ipv4Net, asked: Option<Ipv4Addr>) -> Result<Ipv4Addr, CallError> {
    let known = book.subnets().find(|(subnet, _)| **subnet == pool).map(|(_, routing)| routing);
    let Some(routing) = known else {
        return Err(match book.choose_subnet(Want { subnet: Some(pool) }) {
            Err(error) => error.into(),
            Ok(_) => BookError::NothingOffered.into(),
        });
    };
    let right = routing.gateway.ok_or(CallError::NoGateway(pool))?;
    match asked {
        Some(asked) if asked != right => Err(CallError::Gateway { asked, subnet: pool, right }),
        _ => Ok(right),
    }
}

fn asked_address(text: &str) -> Result<Option<Ipv4Addr>, CallError> {
    let wrong = |_| CallError::Address { text: text.to_owned() };
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(wrong) }
}

fn pool_id(subnet: Ipv4Net) -> String {
    format!("{ADDRESS_SPACE}|{subnet}")
}

fn subnet_of(pool: &str) -> Result<Ipv4Net, CallError> {
    let subnet = pool.strip_prefix(ADDRESS_SPACE).and_then(|rest| rest.strip_prefix('|'));
    subnet.and_then(|subnet| subnet.parse().ok()).ok_or_else(|| CallError::Pool(pool.to_owned()))
}

fn with_prefix(address: Ipv4Addr, subnet: Ipv4Net) -> Ipv4Net {
    Ipv4Net::new(address, subnet.prefix_len()).unwrap_or(subnet)
}
