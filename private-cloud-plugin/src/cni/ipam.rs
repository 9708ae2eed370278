//! `private-cloud-ipam`: addresses of the controller, for whichever plugin asks.

use super::arguments;
use super::call::Call;
use super::environment::Command;
use super::failure::Failure;
use super::names::Attachment;
use super::outcome::{Address, Dns, Outcome, Route};
use super::status;
use super::wishes::Wishes;
use crate::book::{BookError, Holder, Lease, Want};
use crate::network::{EndpointId, NetworkId};
use crate::state::State;
use crate::vm::{Change, VmError};
use ipnet::{IpNet, Ipv4Net};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// Carries out a call; only ADD answers.
pub(super) async fn answer(call: &Call<'_>) -> Result<Option<Outcome>, Failure> {
    match &call.environment.command {
        Command::Add(attachment, _) => return add(call, attachment).await.map(Some),
        Command::Del(attachment, _) => del(call, attachment)?,
        Command::Check(attachment, _) => check(call, attachment)?,
        Command::Gc => gc(call)?,
        Command::Status => status(call).await?,
        Command::Version => {}
    }
    Ok(None)
}

async fn add(call: &Call<'_>, attachment: &Attachment) -> Result<Outcome, Failure> {
    arguments::judge(&call.environment.arguments)?;
    let wishes = call.config.wishes()?;
    let (network, endpoint) = (call.network()?, call.endpoint(attachment)?);
    let offer = call.offer().await?;
    let lease = call.vm().change(|change| {
        change.merge(&offer);
        lease(change, &network, &endpoint, &wishes)
    })?;
    Ok(outcome(&wishes, &lease))
}

fn del(call: &Call<'_>, attachment: &Attachment) -> Result<(), Failure> {
    let endpoint = call.endpoint(attachment)?;
    call.vm().change(|change| {
        // What an endpoint of ours uses goes with that endpoint.
        if !change.state().endpoints.contains_key(&endpoint) {
            change.release_of(&endpoint);
        }
        Ok(())
    })?;
    Ok(())
}

fn check(call: &Call<'_>, attachment: &Attachment) -> Result<(), Failure> {
    let endpoint = call.endpoint(attachment)?;
    let previous = call.previous()?;
    let (state, _) = call.vm().look()?;
    let holds = |address: &IpAddr| match address {
        IpAddr::V4(address) => state.book.get(*address).is_some_and(|record| match &record.holder {
            Some(Holder::Attachment { endpoint: holder, .. }) => *holder == endpoint,
            _ => false,
        }),
        IpAddr::V6(_) => false,
    };
    if previous.ips.iter().any(|ip| holds(&ip.address.addr())) {
        return Ok(());
    }
    let addresses: Vec<String> = previous.ips.iter().map(|ip| ip.address.to_string()).collect();
    Err(Failure::Drift(format!("no address of prevResult ({}) is reserved for this container", addresses.join(", "))))
}

fn gc(call: &Call<'_>) -> Result<(), Failure> {
    let (network, keep) = (call.network()?, valid(call)?);
    Ok(call.vm().change(|change| change.collect(&network, |endpoint| keep.contains(endpoint)))?)
}

async fn status(call: &Call<'_>) -> Result<(), Failure> {
    let wishes = call.config.wishes()?;
    let (mut state, observed) = call.vm().look()?;
    let offer = call.offer().await.map(|offer| state.book.merge(&offer)).map_err(|failure| failure.told());
    status::judge(&call.network()?, &wishes, &state, &observed, Some(offer))
}

/// The endpoints that GC keeps.
pub(super) fn valid(call: &Call<'_>) -> Result<BTreeSet<EndpointId>, Failure> {
    call.config.valid()?.iter().map(|attachment| call.endpoint(attachment)).collect()
}

/// Takes an address for an attachment.
pub(super) fn lease(
    change: &mut Change<'_>,
    network: &NetworkId,
    endpoint: &EndpointId,
    wishes: &Wishes,
) -> Result<Lease, VmError> {
    let want = Want { subnet: Some(subnet(change.state(), network, endpoint, wishes)?) };
    let holder = Holder::Attachment { network: network.clone(), endpoint: endpoint.clone() };
    let lease = match change.lease(want, holder.clone()) {
        Err(VmError::Book(BookError::Exhausted { .. })) => {
            // Containers may have ended without DEL.
            change.reconcile()?;
            change.lease(want, holder)
        }
        other => other,
    };
    let mut lease = lease?;
    lease.routing.gateway = wishes.gateway.or(lease.routing.gateway);
    Ok(lease)
}

/// The subnet to take an address from: the one that is wished for, or that the network has. A network that is another
/// plugin's is known here only by the addresses that were taken for it. The first container of a network decides.
fn subnet(state: &State, network: &NetworkId, endpoint: &EndpointId, wishes: &Wishes) -> Result<Ipv4Net, BookError> {
    let known = wishes.subnet.or_else(|| Some(state.networks.get(network)?.subnet));
    let taken = |by_whom: &dyn Fn(&NetworkId, &EndpointId) -> bool| {
        let records = state.book.addresses().map(|(_, record)| record);
        let mut taken = records.filter(|record| match &record.holder {
            Some(Holder::Attachment { network, endpoint }) => by_whom(network, endpoint),
            _ => false,
        });
        taken.next().map(|record| record.subnet)
    };
    let known = known.or_else(|| taken(&|_, holder| holder == endpoint)).or_else(|| taken(&|of, _| of == network));
    known.map_or_else(|| state.book.choose_subnet(Want::default()), Ok)
}

/// An address as IPAM plugins report it.
pub(super) fn outcome(wishes: &Wishes, lease: &Lease) -> Outcome {
    let gateway = lease.routing.gateway.map(IpAddr::V4);
    let named = || Dns { nameservers: lease.routing.dns.iter().map(IpAddr::to_string).collect(), ..Dns::default() };
    let routes = routes(wishes, lease).into_iter();
    let routes = routes.map(|(to, via)| Route::new(IpNet::V4(to), via.map(IpAddr::V4)));
    let dns = wishes.dns.clone().unwrap_or_else(named);
    Outcome::of_address(Address::new(IpNet::V4(own(lease)), gateway), routes.collect(), dns)
}

/// The routes that are wished for; if none, everything goes by way of the subnet's router.
pub(super) fn routes(wishes: &Wishes, lease: &Lease) -> Vec<(Ipv4Net, Option<Ipv4Addr>)> {
    if wishes.routes.is_empty() {
        lease.routing.gateway.map(|gateway| (Ipv4Net::default(), Some(gateway))).into_iter().collect()
    } else {
        wishes.routes.clone()
    }
}

/// The address with the length of its subnet's prefix.
pub(super) fn own(lease: &Lease) -> Ipv4Net {
    // The length comes from a prefix, so it is one.
    Ipv4Net::new_assert(lease.address, lease.subnet.prefix_len())
}

#[cfg(test)]
mod tests;
