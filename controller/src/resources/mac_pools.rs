//! `macPools`: ranges that MAC addresses are taken from. Contract 12.16, [MS-NCNBI 3.1.5.9].

use super::schema::{Access, Collection, Kind, MacForm, Property};
use super::{Draft, Proposal, Rules};
use crate::engine::claims::{ClaimKind, Claims};
use crate::engine::reading::Reading;
use crate::engine::world::Node;
use crate::error::{ApiError, Code};
use policy::net::MacAddr;
use serde_json::{Value, json};
use std::ops::RangeInclusive;
use uuid::Uuid;

const COUNT: Kind = Kind::Integer(0, i64::MAX);

/// The collection.
pub static MAC_POOLS: Collection = Collection::new("macPools")
    .properties(&[
        end("startMacAddress"),
        end("endMacAddress"),
        Property::derived(
            "usage",
            Kind::Object(&[
                Property::derived("numberOfMacAddresses", COUNT),
                // Lower-case "of" is how the original writes it.
                Property::derived("numberofMacAddressesAllocated", COUNT),
            ]),
        ),
    ])
    .in_use(Code::ResourceInUse)
    .rules(&MacPoolRules);

const fn end(name: &'static str) -> Property {
    Property::new(name, Kind::Mac(MacForm::Dashed))
        .access(Access::Fixed(Code::InvalidMacAddressForMacPool))
        .required()
        .invalid(Code::InvalidMacAddressForMacPool)
}

struct MacPoolRules;

impl Rules for MacPoolRules {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), ApiError> {
        let mac = |property| -> Option<MacAddr> { draft.properties.get(property)?.as_str()?.parse().ok() };
        let (Some(first), Some(last)) = (mac("startMacAddress"), mac("endMacAddress")) else {
            return Ok(());
        };
        if last < first {
            let message = format!("{first} to {last} is no range.");
            return Err(ApiError::new(Code::InvalidMacAddressForMacPool, message).target("endMacAddress"));
        }
        // The group bit is in the first octet: a range that crosses into another first octet holds group addresses too.
        if first.is_multicast() || first.octets()[0] != last.octets()[0] {
            let message = format!("{first} to {last} has multicast addresses.");
            return Err(ApiError::new(Code::MacPoolContainsMulticastAddresses, message).target("startMacAddress"));
        }
        Ok(())
    }

    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        let Some(own) = range(node) else {
            return Ok(());
        };
        let others = proposal.after.all(MAC_POOLS.name).filter(|other| other.key != node.key);
        let mut overlapping = others
            .filter(|other| range(other).is_some_and(|other| other.start() <= own.end() && own.start() <= other.end()));
        match overlapping.next() {
            Some(other) => {
                let message = format!("The range overlaps with that of {}.", other.path);
                Err(ApiError::new(Code::InvalidMacAddressForMacPool, message).target("startMacAddress"))
            }
            None => Ok(()),
        }
    }

    fn check_removal(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        match allocated(node, proposal.before.claims()) {
            0 => Ok(()),
            count => {
                let message = format!("{count} addresses of {} are allocated.", node.path);
                Err(ApiError::new(Code::ResourceInUse, message))
            }
        }
    }

    fn derive(&self, property: &'static str, node: &Node, reading: &Reading<'_>) -> Option<Value> {
        let range = range(node)?;
        let size = u64::try_from(range.end() - range.start() + 1).unwrap_or(u64::MAX);
        (property == "usage").then(|| {
            let allocated = allocated(node, reading.claims());
            json!({ "numberOfMacAddresses": size, "numberofMacAddressesAllocated": allocated })
        })
    }
}

/// The addresses as numbers.
pub(super) fn range(pool: &Node) -> Option<RangeInclusive<u128>> {
    let mac = |property| -> Option<MacAddr> { pool.text(property)?.parse().ok() };
    Some(u128::from(mac("startMacAddress")?.to_u64())..=u128::from(mac("endMacAddress")?.to_u64()))
}

fn allocated(pool: &Node, claims: &Claims) -> u64 {
    range(pool).map_or(0, |range| claims.usage(ClaimKind::Mac, Uuid::nil(), *range.start(), *range.end()).0)
}

#[cfg(test)]
mod tests;
