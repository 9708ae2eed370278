//! Text forms of what is not text.

use crate::engine::claims::{Claim, ClaimKind};
use policy::net::{MacAddr, address_to_u128};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `claim.kind`.
pub(super) fn kind_text(kind: ClaimKind) -> &'static str {
    match kind {
        ClaimKind::Ipv4 => "ipv4",
        ClaimKind::Ipv6 => "ipv6",
        ClaimKind::Mac => "mac",
        ClaimKind::Vsid => "vsid",
    }
}

/// `claim.value`: addresses and MACs as people write them.
pub(super) fn value_text(claim: &Claim) -> String {
    match (claim.kind, u32::try_from(claim.number), u64::try_from(claim.number)) {
        (ClaimKind::Ipv4, Ok(number), _) => Ipv4Addr::from(number).to_string(),
        (ClaimKind::Ipv6, ..) => Ipv6Addr::from(claim.number).to_string(),
        (ClaimKind::Mac, _, Ok(number)) => MacAddr::from_u64(number).to_string(),
        _ => claim.number.to_string(),
    }
}

/// The reverse of both.
pub(super) fn claim_parts(kind: &str, value: &str) -> Option<(ClaimKind, u128)> {
    let address = || value.parse::<IpAddr>().ok().map(address_to_u128);
    Some(match kind {
        "ipv4" => (ClaimKind::Ipv4, address()?),
        "ipv6" => (ClaimKind::Ipv6, address()?),
        "mac" => (ClaimKind::Mac, value.parse::<MacAddr>().ok()?.to_u64().into()),
        "vsid" => (ClaimKind::Vsid, value.parse().ok()?),
        _ => return None,
    })
}
