//! `privateMacAddress`: given by the client or taken from the MAC pools. Contract 12.23, `semantics.md` 3.6.

use crate::engine::claims::ClaimKind;
use crate::engine::ledger::Ledger;
use crate::engine::world::Node;
use crate::error::{ApiError, Code};
use crate::resources::allocation::first_free;
use crate::resources::{Draft, mac_pools};
use policy::net::MacAddr;
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

const ADDRESS: &str = "privateMacAddress";
const METHOD: &str = "privateMacAllocationMethod";

/// Chooses the method where samples leave it out, and keeps an address that was allocated.
pub(super) fn complete(draft: &mut Draft<'_>) -> Result<(), ApiError> {
    let given: Option<MacAddr> =
        draft.properties.get(ADDRESS).and_then(Value::as_str).and_then(|text| text.parse().ok());
    if !draft.properties.contains_key(METHOD) {
        let by_address = if given.is_some() { "Static" } else { "Dynamic" };
        let method = draft.stored.and_then(|stored| stored.text(METHOD)).unwrap_or(by_address);
        draft.properties.insert(METHOD.to_owned(), method.into());
    }
    if draft.properties.get(METHOD).is_some_and(|method| method == "Dynamic") {
        match draft.stored.and_then(|stored| stored.text(ADDRESS)) {
            Some(stored) => draft.properties.insert(ADDRESS.to_owned(), stored.into()),
            None => draft.properties.remove(ADDRESS),
        };
        return Ok(());
    }
    let (code, message) = match given {
        None => (Code::PrivateMacAddressMissing, "A static MAC address must be given.".to_owned()),
        Some(mac) if mac.is_multicast() || mac.to_u64() == 0 => {
            (Code::InvalidPrivateMacAddress, format!("{mac} is no address that a network interface can have."))
        }
        Some(_) => return Ok(()),
    };
    Err(ApiError::new(code, message).target(ADDRESS))
}

/// Takes the address that the document has, or the first free one of the pools.
pub(super) fn claim(node: &Node, ledger: &mut Ledger<'_>) -> Result<(), ApiError> {
    if let Some(mac) = node.text(ADDRESS).and_then(|text| text.parse::<MacAddr>().ok()) {
        return ledger.take(ClaimKind::Mac, Uuid::nil(), mac.to_u64().into()).map_err(|owner| {
            let message = format!("MAC address {mac} is taken by {owner}.");
            ApiError::new(Code::InvalidPrivateMacAddress, message).target(ADDRESS)
        });
    }
    let pools = ledger.world().all(mac_pools::MAC_POOLS.name).filter_map(mac_pools::range);
    let free = first_free(pools, &ledger.taken(ClaimKind::Mac, Uuid::nil()), &BTreeSet::new());
    match free.filter(|number| ledger.take(ClaimKind::Mac, Uuid::nil(), *number).is_ok()) {
        Some(number) => {
            ledger.assign(ADDRESS, format!("{number:012X}").into());
            Ok(())
        }
        None => {
            let message = "No MAC pool has a free address; create a pool in /macPools, or give a static address.";
            Err(ApiError::new(Code::PrivateMacAddressMissing, message).target(ADDRESS))
        }
    }
}
