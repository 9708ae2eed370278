//! Encapsulation layer: between customer and provider addresses. `semantics.md` 3.2.

use crate::address::Address;
use crate::drop_reason::DropReason;
use crate::flow::Origin;
use crate::tenant::walk::{Stop, Walk};
use crate::trace::{Finding, Observer, Stage};
use crate::transposition::{Outlet, Tunnel};

/// Finds where the destination is. What a mapping says goes before what is on this host: while a VM migrates, its old
/// port may still be here.
pub(crate) fn outbound(walk: &mut Walk<'_>, observer: &mut impl Observer) -> Result<(), Stop> {
    let Walk { shared, domain, packet, .. } = *walk;
    let subnet = walk.destination.ok_or(DropReason::NoRoute)?;
    let ours = shared.config.provider_address;
    let mapping = domain.space.get(subnet.vsid, packet.destination);
    let elsewhere = mapping.filter(|mapping| ours.is_some_and(|ours| ours != mapping.pa));
    let ca = packet.destination.to_ip();
    if let Some(mapping) = elsewhere {
        let tunnel = Tunnel { vsid: subnet.vsid, destination: mapping.pa.into(), source_port: walk.spread };
        walk.transposition.destination_mac = Some(mapping.mac);
        walk.transposition.outlet = Outlet::Tunnel(tunnel);
        observer.note(Stage::Encapsulation, || Finding::Tunnel {
            ca,
            mac: mapping.mac,
            vsid: subnet.vsid,
            pa: mapping.pa,
        });
        return Ok(());
    }
    let here = domain.local.get(&packet.destination).ok_or(match (mapping, ours) {
        (None, _) => DropReason::NoMapping,
        (Some(_), None) => DropReason::NoProviderAddress,
        (Some(_), Some(_)) => DropReason::NoLocalPort,
    })?;
    walk.transposition.destination_mac = Some(here.mac);
    walk.transposition.outlet = Outlet::Port(here.slot);
    observer.note(Stage::Encapsulation, || Finding::LocalPort { ca, mac: here.mac, port: here.id });
    Ok(())
}

/// Checks that a packet from another host comes from the host that its source is mapped to: one host cannot speak for the
/// VMs of another. In the moment of a live migration, packets from the new host are dropped until the mapping has
/// followed.
pub(crate) fn inbound(walk: &mut Walk<'_>, observer: &mut impl Observer) -> Result<(), Stop> {
    let Walk { domain, packet, arrival, .. } = *walk;
    let Origin::Host(pa) = arrival.origin else { return Ok(()) };
    if domain.mapping_of(packet.source).is_none_or(|mapping| Address::from(mapping.pa) != pa) {
        return Err(DropReason::SourceHost.into());
    }
    observer.note(Stage::Encapsulation, || Finding::SourceHostOk { ca: packet.source.to_ip(), pa: pa.to_ip() });
    Ok(())
}
