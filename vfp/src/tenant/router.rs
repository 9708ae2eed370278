//! Router layer: the distributed router of the network, which every host carries. `semantics.md` 3.4.
//!
//! Forwarding is by customer address alone: the MAC that the VM addressed the frame to does not matter, so a guest with
//! an outdated ARP entry still gets through.

use crate::drop_reason::DropReason;
use crate::packet::transport::Transport;
use crate::tenant::walk::{Answer, Stop, Walk};
use crate::trace::{Finding, Observer, Stage};
use std::net::IpAddr;

pub(crate) fn outbound(walk: &mut Walk<'_>, observer: &mut impl Observer) -> Result<(), Stop> {
    let Walk { domain, packet, transport, .. } = *walk;
    let from = walk.port.subnet(packet.source, domain).ok_or(DropReason::NoSubnet)?;
    let to = domain.subnet_of(packet.destination).ok_or(DropReason::NoRoute)?;
    if packet.destination == to.router.into() {
        return Err(match transport {
            Transport::Echo(echo) if echo.request => Stop::Answer(Answer::EchoReply),
            _ => Stop::Drop(DropReason::RouterAddress),
        });
    }
    walk.destination = Some(to);
    if from.vsid == to.vsid {
        observer.note(Stage::Router, || Finding::SameSubnet { vsid: to.vsid });
        return Ok(());
    }
    if packet.hop_limit <= 1 {
        return Err(time_exceeded(transport, packet.is_first(), from.router));
    }
    walk.transposition.source_mac = Some(domain.router_mac);
    walk.transposition.decrement_ttl = true;
    observer.note(Stage::Router, || Finding::Routed { from: from.vsid, to: to.vsid });
    Ok(())
}

/// No error is sent about an error, nor about a later fragment. [RFC 1122 section 3.2.2]
fn time_exceeded(transport: Transport, is_first: bool, router: IpAddr) -> Stop {
    match transport {
        Transport::Error => Stop::Drop(DropReason::TtlExceeded),
        _ if !is_first => Stop::Drop(DropReason::TtlExceeded),
        _ => Stop::Answer(Answer::TimeExceeded { router }),
    }
}
