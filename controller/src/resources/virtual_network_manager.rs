//! `virtualNetworkManager/configuration`: settings of the overlay. Contract 12.35, [MS-NCNBI 3.1.5.19].

use super::allocation::DEFAULT_VSIDS;
use super::schema::{Collection, Default, Kind, Property, Untouched};
use super::version::Version;
use super::{Draft, Members, Proposal, Rules, virtual_networks};
use crate::engine::world::{Key, Node, World};
use crate::error::{ApiError, Code};
use crate::fabric::{Change, Settings};
use policy::host::Encapsulation;
use policy::net::Vsid;
use serde_json::Value;
use std::ops::RangeInclusive;

const PROTOCOL: &str = "networkVirtualizationProtocol";
const RANGE: &str = "virtualSubnetIdRange";
const ROUTER: &str = "distributedRouterState";

/// The collection.
pub static VIRTUAL_NETWORK_MANAGER: Collection = Collection::singleton(
    "virtualNetworkManager",
    "configuration",
    Untouched::Defaults { reference: "/virtualNetworkManager/" },
)
.properties(&[
    Property::new(ROUTER, Kind::Enum(&["Enabled", "Disabled"])).default(Default::Text("Enabled")),
    Property::new(PROTOCOL, Kind::Enum(&["VXLAN", "NVGRE"])).default(Default::Text("VXLAN")),
    Property::new(
        RANGE,
        Kind::Object(&[
            Property::new("startId", ANY_NUMBER)
                .required_or(Code::InvalidVsidRangeFormat)
                .invalid(Code::InvalidVsidRangeFormat),
            Property::new("endId", ANY_NUMBER)
                .required_or(Code::InvalidVsidRangeFormat)
                .invalid(Code::InvalidVsidRangeFormat),
        ]),
    )
    .invalid(Code::InvalidVsidRangeFormat)
    .since(Version::V2)
    .too_new_is(Code::MinimumApiVersionNotSpecifiedForVsidRange),
    Property::new("enableMetering", Kind::Boolean).default(Default::Boolean(false)).since(Version::V6),
])
.rules(&VirtualNetworkManagerRules);

/// What is no number has another code than a number that is out of bounds.
const ANY_NUMBER: Kind = Kind::Integer(i64::MIN, i64::MAX);

/// Bounds of `virtualSubnetIdRange`. The last number may be named, but is never handed out.
const BOUNDS: RangeInclusive<u32> = Vsid::MIN_TENANT..=0x00ff_ffff;

struct VirtualNetworkManagerRules;

impl Rules for VirtualNetworkManagerRules {
    fn complete(&self, draft: &mut Draft<'_>) -> Result<(), ApiError> {
        // The published schema knows no other value, and no host can do without its router.
        if draft.properties.get(ROUTER).is_some_and(|state| state == "Disabled") {
            let message = "The distributed router cannot be disabled.";
            return Err(ApiError::new(Code::OperationNotSupported, message).target(ROUTER));
        }
        match draft.properties.contains_key(RANGE) && range(draft.properties).is_none() {
            true => {
                let message = format!("A range of ids between {} and {} is expected.", BOUNDS.start(), BOUNDS.end());
                Err(ApiError::new(Code::InvalidVsidRangeValues, message).target(RANGE))
            }
            false => Ok(()),
        }
    }

    /// Subnets that exist keep their ids and their encapsulation.
    fn check(&self, node: &Node, proposal: &Proposal<'_>) -> Result<(), ApiError> {
        let after = (encapsulation(Some(node)), range(&node.properties));
        let stored = proposal.stored(node);
        let before = (encapsulation(stored), stored.and_then(|stored| range(&stored.properties)));
        match after != before && proposal.after.count(virtual_networks::VIRTUAL_SUBNETS.name) > 0 {
            true => {
                let message = format!("{PROTOCOL} and {RANGE} cannot change while virtual subnets exist.");
                Err(ApiError::new(Code::ResourceInUse, message))
            }
            false => Ok(()),
        }
    }

    fn project(&self, node: &Node, _: &World, changes: &mut Vec<Change>) {
        changes.push(Change::Settings(Settings { encapsulation: encapsulation(Some(node)), ..Settings::default() }));
    }
}

fn encapsulation(node: Option<&Node>) -> Encapsulation {
    match node.and_then(|node| node.text(PROTOCOL)) {
        Some("NVGRE") => Encapsulation::Nvgre,
        _ => Encapsulation::Vxlan,
    }
}

/// `virtualSubnetIdRange`; `None` when it is not set, or no range within the bounds.
fn range(properties: &Members) -> Option<RangeInclusive<u32>> {
    let range = properties.get(RANGE)?;
    let id = |member| range.get(member).and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
    let (first, last) = (id("startId")?, id("endId")?);
    (BOUNDS.contains(&first) && BOUNDS.contains(&last) && first <= last).then_some(first..=last)
}

/// The ids that virtual subnets get.
pub(super) fn vsid_range(world: &World) -> RangeInclusive<u32> {
    let key = Key::new("/virtualNetworkManager/configuration");
    let set = world.find(VIRTUAL_NETWORK_MANAGER.name, &key).and_then(|node| range(&node.properties));
    set.map_or(DEFAULT_VSIDS, |range| *range.start()..=(*range.end()).min(Vsid::MAX_TENANT))
}

#[cfg(test)]
mod tests;
