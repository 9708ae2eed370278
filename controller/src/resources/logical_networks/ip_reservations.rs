//! `ipReservations`: addresses that allocation skips. Contract 12.15.1.3; not in MS-NCNBI, but in its PowerShell module.

use crate::engine::world::Node;
use crate::resources::schema::{Collection, Kind, Property};
use serde_json::Value;
use std::net::IpAddr;

/// The collection.
pub static IP_RESERVATIONS: Collection = Collection::child("logicalNetworks/subnets/ipReservations")
    .properties(&[Property::new("reservedAddresses", Kind::List(&Kind::Address)).required()]);

/// The addresses.
pub(super) fn addresses(reservation: &Node) -> impl Iterator<Item = IpAddr> {
    let addresses = reservation.properties.get("reservedAddresses").and_then(Value::as_array).into_iter().flatten();
    addresses.filter_map(Value::as_str).filter_map(|text| text.parse().ok())
}
