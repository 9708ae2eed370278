//! One frame through the switch.

use crate::HEADROOM;
use crate::direction::Direction;
use crate::drop_reason::DropReason;
use crate::flow::{Arrival, Origin};
use crate::ids::PortId;
use crate::packet::ethernet::Macs;
use crate::packet::vxlan::Vxlan;
use crate::packet::{self, Body, IpPacket, Packet, craft};
use crate::port::{Passage, Port};
use crate::sink::{Outer, Sink};
use crate::switch::{Shared, Switch};
use crate::table::Slot;
use crate::tenant::guard;
use crate::tenant::responder;
use crate::tenant::service::Claim;
use crate::tenant::walk::{Answer, Stop};
use crate::time::Time;
use crate::transposition::{Outlet, Transposition, Tunnel};
use std::fmt;
use std::net::IpAddr;
use zerocopy::IntoBytes;

/// What became of a frame. Counted at the ports it touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Given to a VM of this host.
    Delivered,
    /// Sent to another host.
    Tunnelled,
    /// Handed to the host's own service.
    Served,
    /// The engine answered it itself (ARP, echo of the router, time exceeded).
    Answered,
    /// Dropped.
    Dropped(DropReason),
}

impl Switch {
    /// Takes a frame that the VM of `port` sent. `buffer` is [`HEADROOM`] bytes of any content, then the frame from its
    /// Ethernet header on, checksums complete and no larger than the guest's MTU. The buffer is overwritten.
    pub fn from_vm(&mut self, port: PortId, buffer: &mut [u8], now: Time, sink: &mut impl Sink) -> Outcome {
        self.send(port, buffer, now, sink).unwrap_or_else(|reason| {
            self.count_drop(Some(port), reason);
            Outcome::Dropped(reason)
        })
    }

    /// Takes the payload of a UDP datagram to port 4789 from the host with the provider address `source`. The payload is
    /// overwritten.
    pub fn from_underlay(&mut self, source: IpAddr, payload: &mut [u8], now: Time, sink: &mut impl Sink) -> Outcome {
        self.receive(source, payload, now, sink).unwrap_or_else(|reason| {
            self.count_drop(None, reason);
            Outcome::Dropped(reason)
        })
    }

    /// An error is a drop that `id` counts.
    fn send(&mut self, id: PortId, buffer: &mut [u8], now: Time, sink: &mut impl Sink) -> Result<Outcome, DropReason> {
        let slot = self.ports.slot(&id).ok_or(DropReason::UnknownPort)?;
        let port = self.ports.get_mut(slot).ok_or(DropReason::UnknownPort)?;
        let (enforced, domain) = port.enforced(&self.shared)?;
        let frame = buffer.get_mut(HEADROOM..).ok_or(DropReason::Malformed)?;
        let bytes = frame.len();
        let Packet { macs, ref body } = Packet::parse(frame)?;
        if let Some(service) = &self.shared.service
            && let Some(claim) = service.claim(macs, body)
        {
            return match (claim?, body) {
                (Claim::Resolve, Body::Arp(arp)) => {
                    let reply = craft::arp_reply(frame, arp, service.mac.octets()).ok_or(DropReason::Malformed)?;
                    Ok(port.reply(id, bytes, reply, sink))
                }
                _ => {
                    port.counters.outbound.add(bytes);
                    sink.to_service(id, frame);
                    Ok(Outcome::Served)
                }
            };
        }
        let packet = match body {
            Body::Ip(packet) => packet,
            Body::Arp(arp) => {
                let mac = responder::resolve(enforced, domain, macs, arp)?;
                let reply = craft::arp_reply(frame, arp, mac.octets()).ok_or(DropReason::Malformed)?;
                return Ok(port.reply(id, bytes, reply, sink));
            }
        };
        let router_macs = Macs { destination: macs.source, source: domain.router_mac };
        let transposition = match port.leave(&self.shared, frame, packet, macs, now) {
            Ok(transposition) => transposition,
            Err(Stop::Drop(reason)) => return Err(reason),
            Err(Stop::Answer(answer)) => {
                let mut scratch = [0; craft::TIME_EXCEEDED];
                let reply = match answer {
                    Answer::EchoReply => craft::echo_reply(frame, packet, router_macs),
                    Answer::TimeExceeded { router } => {
                        craft::time_exceeded(&mut scratch, frame, packet, router, router_macs)
                    }
                };
                return Ok(port.reply(id, bytes, reply.ok_or(DropReason::Malformed)?, sink));
            }
        };
        port.counters.outbound.add(bytes);
        match transposition.outlet {
            Outlet::Tunnel(Tunnel { vsid, destination, source_port }) => {
                let (header, _) = buffer.split_at_mut(HEADROOM);
                header.copy_from_slice(Vxlan::new(vsid).as_bytes());
                sink.to_underlay(Outer { destination: destination.to_ip(), source_port }, buffer);
                Ok(Outcome::Tunnelled)
            }
            Outlet::Port(to) => Ok(self.deliver(to, frame, packet, Origin::Port(slot), now, sink)),
            Outlet::Vm => Err(DropReason::NoRoute),
        }
    }

    /// An error is a drop that belongs to no port.
    fn receive(
        &mut self,
        pa: IpAddr,
        payload: &mut [u8],
        now: Time,
        sink: &mut impl Sink,
    ) -> Result<Outcome, DropReason> {
        let (vsid, frame) = Vxlan::parse(payload).map_err(|_| DropReason::NotVxlan)?;
        let network = *self.shared.vsids.get(&vsid).ok_or(DropReason::UnknownVsid)?;
        let domain = self.shared.networks.get(network).ok_or(DropReason::UnknownVsid)?;
        let Packet { macs, ref body } = Packet::parse(frame)?;
        let Body::Ip(packet) = body else { return Err(DropReason::ArpIgnored) };
        // Before the port is looked for, as no port has such an address.
        guard::check_unicast(macs, packet)?;
        let here = domain.local.get(&packet.destination).filter(|here| here.vsid == vsid);
        let slot = here.ok_or(DropReason::UnknownDestination)?.slot;
        Ok(self.deliver(slot, frame, packet, Origin::Host(pa.into()), now, sink))
    }

    /// Through the layers of the destination's port, and to its VM. Drops are counted there.
    fn deliver(
        &mut self,
        slot: Slot,
        frame: &mut [u8],
        packet: &IpPacket,
        origin: Origin,
        now: Time,
        sink: &mut impl Sink,
    ) -> Outcome {
        let (Some(id), Some(port)) = (self.ports.key(slot), self.ports.get_mut(slot)) else {
            return Outcome::Dropped(DropReason::NoLocalPort);
        };
        match port.enter(&self.shared, frame, packet, origin, now) {
            Ok(()) => {
                port.counters.inbound.add(frame.len());
                sink.to_vm(id, frame);
                Outcome::Delivered
            }
            Err(reason) => {
                port.counters.count_drop(reason);
                Outcome::Dropped(reason)
            }
        }
    }

    fn count_drop(&mut self, port: Option<PortId>, reason: DropReason) {
        let port = port.and_then(|port| self.ports.find_mut(&port));
        port.map_or(&mut self.stray, |port| &mut port.counters).count_drop(reason);
    }
}

impl Port {
    /// Gives the VM the engine's own answer to a frame of `bytes`.
    fn reply(&mut self, id: PortId, bytes: usize, reply: &[u8], sink: &mut impl Sink) -> Outcome {
        self.counters.outbound.add(bytes);
        self.counters.inbound.add(reply.len());
        sink.to_vm(id, reply);
        Outcome::Answered
    }

    /// Lets a packet of the VM out, as far as its own layers go.
    fn leave(
        &mut self,
        shared: &Shared,
        frame: &mut [u8],
        packet: &IpPacket,
        macs: Macs,
        now: Time,
    ) -> Result<Transposition, Stop> {
        guard::check_unicast(macs, packet)?;
        let transport = self.fragments.follow(packet, now)?;
        let arrival = Arrival { macs, origin: Origin::Vm };
        let passage = Passage { packet, transport, arrival, direction: Direction::Outbound, frame, now };
        let transposition = self.pass(shared, &passage)?;
        transposition.apply(frame);
        Ok(transposition)
    }

    /// Lets a packet in towards the VM.
    fn enter(
        &mut self,
        shared: &Shared,
        frame: &mut [u8],
        packet: &IpPacket,
        origin: Origin,
        now: Time,
    ) -> Result<(), DropReason> {
        let transport = self.fragments.follow(packet, now)?;
        let arrival = Arrival { macs: packet::macs(frame)?, origin };
        let passage = Passage { packet, transport, arrival, direction: Direction::Inbound, frame, now };
        match self.pass(shared, &passage) {
            Ok(transposition) => {
                transposition.apply(frame);
                Ok(())
            }
            Err(Stop::Drop(reason)) => Err(reason),
            // No layer answers what comes in.
            Err(Stop::Answer(_)) => Err(DropReason::RouterAddress),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered => f.write_str("delivered to a VM of this host"),
            Self::Tunnelled => f.write_str("sent to another host"),
            Self::Served => f.write_str("handed to the service of the host"),
            Self::Answered => f.write_str("answered by the switch"),
            Self::Dropped(reason) => write!(f, "dropped: {reason}"),
        }
    }
}
