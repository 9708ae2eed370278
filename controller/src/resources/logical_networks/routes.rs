//! `routes` of logical subnets: provider routes. Contract 12.15.1.2, [MS-NCNBI 3.1.5.8.2.3].

use crate::engine::world::Node;
use crate::error::{ApiError, Code};
use crate::resources::schema::{Collection, Kind, Property};
use policy::net::Prefix;
use std::net::IpAddr;

/// The collection; PowerShell calls it FabricRoute.
pub static FABRIC_ROUTES: Collection = Collection::child("logicalNetworks/subnets/routes").properties(&[
    Property::new("destination", Kind::Prefix).required().invalid(Code::InvalidRouteAddressPrefix),
    Property::new("nextHop", Kind::Address)
        .required_or(Code::MissingNextHopIpAddress)
        .invalid(Code::InvalidNextHopIpAddress),
]);

/// Destination in the family of the subnet, next hop inside of it.
pub(super) fn check(route: &Node, subnet: Option<Prefix>) -> Result<(), ApiError> {
    let destination: Option<Prefix> = route.text("destination").and_then(|text| text.parse().ok());
    let next_hop: Option<IpAddr> = route.text("nextHop").and_then(|text| text.parse().ok());
    let (Some(destination), Some(next_hop)) = (destination, next_hop) else {
        return Ok(());
    };
    if subnet.is_none_or(|subnet| !subnet.contains(next_hop)) {
        let message = format!("Next hop {next_hop} of {} is not inside the subnet.", route.path);
        return Err(ApiError::new(Code::InvalidNextHopIpAddress, message).target("nextHop"));
    }
    if destination.is_ipv4() != next_hop.is_ipv4() {
        let message = format!("{destination} of {} is of another address family than the subnet.", route.path);
        return Err(ApiError::new(Code::InvalidRouteAddressPrefix, message).target("destination"));
    }
    Ok(())
}
