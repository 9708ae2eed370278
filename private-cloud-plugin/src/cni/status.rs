//! STATUS: whether a container could be attached now, and whether those that are attached may be cut off.

use super::failure::Failure;
use super::wishes::Wishes;
use crate::kernel::Observed;
use crate::network::NetworkId;
use crate::state::State;

/// Judges what is remembered, what is there and what the proxy said; the last is `None` when the addresses are another
/// plugin's affair. `state` must have taken note of the offer.
///
/// # Errors
/// [`Failure::Unavailable`] and [`Failure::Limited`].
pub(super) fn judge(
    network: &NetworkId,
    wishes: &Wishes,
    state: &State,
    observed: &Observed,
    proxy: Option<Result<(), String>>,
) -> Result<(), Failure> {
    let known = state.networks.get(network);
    let uplink = known.map(|known| known.uplink.as_str());
    let uplink = uplink.or(wishes.uplink.as_ref().map(|name| name.as_str())).or(observed.default_device.as_deref());
    let attached = || state.endpoints.iter().filter(|(_, endpoint)| endpoint.network == *network);
    let uplink_gone = match uplink {
        None => Some("the VM has no default route, and the configuration names no master".to_owned()),
        Some(uplink) if !observed.devices.contains_key(uplink) => Some(format!("the VM has no device '{uplink}'")),
        Some(_) => None,
    };
    if let Some(reason) = uplink_gone {
        return Err(if attached().next().is_some() { Failure::Limited(reason) } else { Failure::Unavailable(reason) });
    }
    let reason = match proxy {
        None => return Ok(()),
        Some(Err(reason)) => reason,
        Some(Ok(())) => {
            let subnet = wishes.subnet.or(known.map(|known| known.subnet));
            let in_reach = |at| subnet.is_none_or(|subnet| subnet == at);
            let mut addresses = state.book.addresses().map(|(_, record)| record);
            if addresses.any(|record| record.holder.is_none() && !record.lost && in_reach(record.subnet)) {
                return Ok(());
            }
            "no address is free that the controller gave for containers".to_owned()
        }
    };
    let lost: Vec<String> = attached()
        .filter(|(_, endpoint)| state.book.get(endpoint.address).is_some_and(|record| record.lost))
        .map(|(_, endpoint)| endpoint.address.to_string())
        .collect();
    if lost.is_empty() {
        return Err(Failure::Unavailable(reason));
    }
    Err(Failure::Limited(format!("{reason}; withdrawn by the controller while in use: {}", lost.join(", "))))
}

#[cfg(test)]
mod tests;
