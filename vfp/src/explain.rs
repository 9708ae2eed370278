//! Traces: the walk of one packet, or of a probe made for the purpose, without side effects.

use crate::address::Address;
use crate::direction::Direction;
use crate::drop_reason::DropReason;
use crate::flow::{Arrival, Origin};
use crate::ids::PortId;
use crate::packet::arp::Arp;
use crate::packet::craft::ProbeFrame;
use crate::packet::ethernet::Macs;
use crate::packet::{self, Body, IpPacket, Packet};
use crate::port::{Passage, Port};
use crate::process::Outcome;
use crate::switch::Switch;
use crate::tenant::network::Domain;
use crate::tenant::policy::PortPolicy;
use crate::tenant::service::Claim;
use crate::tenant::walk::Stop;
use crate::tenant::{guard, responder};
use crate::time::Time;
use crate::trace::{Finding, Observer, Probe, Recorder, Stage, Step, Trace};
use crate::transposition::{Outlet, Transposition};
use policy::net::MacAddr;
use std::net::Ipv4Addr;

impl Switch {
    /// What would become of a frame that the VM of `port` sends.
    pub fn trace_frame(&self, port: PortId, frame: &[u8], now: Time) -> Trace {
        let mut steps = Vec::new();
        let outcome = self.trace_outbound(port, &mut frame.to_vec(), now, &mut steps);
        Trace { steps, outcome }
    }

    /// What would become of a packet, as far as `probe` describes it. MACs, and the host that an inbound probe comes
    /// from, are what they should be.
    pub fn trace(&self, port: PortId, probe: &Probe, now: Time) -> Trace {
        let mut steps = Vec::new();
        let outcome = self.trace_probe(port, probe, now, &mut steps);
        Trace { steps, outcome }
    }

    fn trace_probe(&self, id: PortId, probe: &Probe, now: Time, steps: &mut Vec<Step>) -> Outcome {
        let mut recorder = Recorder { port: id, direction: probe.direction, steps };
        let enforced = self.ports.find(&id).ok_or(DropReason::UnknownPort).and_then(|port| port.enforced(&self.shared));
        let (own, domain) = match enforced {
            Ok(enforced) => enforced,
            Err(reason) => return dropped(reason, &mut recorder),
        };
        let Some(mut frame) = probe.frame(&own.policy, domain) else {
            return dropped(DropReason::Malformed, &mut recorder);
        };
        match probe.direction {
            Direction::Outbound => self.trace_outbound(id, &mut frame, now, steps),
            Direction::Inbound => {
                let origin = self.expected_origin(domain, probe);
                self.trace_inbound(id, &frame, origin, now, steps)
            }
        }
    }

    /// Where a packet with this source should come from; a host without an address when nobody knows.
    fn expected_origin(&self, domain: &Domain, probe: &Probe) -> Origin {
        let source = Address::from(probe.source);
        let pa = domain.mapping_of(source).map(|mapping| mapping.pa);
        let local = domain.local.get(&source).filter(|_| pa.is_none() || pa == self.shared.config.provider_address);
        let elsewhere = Origin::Host(pa.map_or(Address::FIRST, Address::from));
        local.map_or(elsewhere, |local| Origin::Port(local.slot))
    }

    fn trace_outbound(&self, id: PortId, frame: &mut [u8], now: Time, steps: &mut Vec<Step>) -> Outcome {
        let mut recorder = Recorder { port: id, direction: Direction::Outbound, steps };
        let slot = self.ports.slot(&id);
        let Some((slot, port)) = slot.and_then(|slot| Some((slot, self.ports.get(slot)?))) else {
            return dropped(DropReason::UnknownPort, &mut recorder);
        };
        let Packet { macs, body } = match Packet::parse(frame) {
            Ok(packet) => packet,
            Err(reason) => return dropped(reason, &mut recorder),
        };
        if let Some(service) = &self.shared.service
            && let Some(claim) = port.enforced(&self.shared).ok().and_then(|_| service.claim(macs, &body))
        {
            return match (claim, body) {
                (Err(reason), _) => dropped(reason, &mut recorder),
                (Ok(Claim::Resolve), Body::Arp(arp)) => resolved(&arp, service.mac, &mut recorder),
                (Ok(_), _) => {
                    recorder.note(Stage::Guard, || Finding::Served { address: service.address.into() });
                    Outcome::Served
                }
            };
        }
        let packet = match body {
            Body::Ip(packet) => packet,
            Body::Arp(arp) => {
                let enforced = port.enforced(&self.shared);
                let mac = enforced.and_then(|(port, domain)| responder::resolve(port, domain, macs, &arp));
                return match mac {
                    Ok(mac) => resolved(&arp, mac, &mut recorder),
                    Err(reason) => dropped(reason, &mut recorder),
                };
            }
        };
        let arrival = Arrival { macs, origin: Origin::Vm };
        let transposition = match self.explain(port, &packet, arrival, frame, now, &mut recorder) {
            Ok(transposition) => transposition,
            Err(Stop::Drop(reason)) => return Outcome::Dropped(reason),
            Err(Stop::Answer(_)) => return Outcome::Answered,
        };
        match transposition.outlet {
            Outlet::Tunnel(_) => Outcome::Tunnelled,
            Outlet::Vm => Outcome::Delivered,
            Outlet::Port(to) => {
                transposition.apply(frame);
                let Some(to) = self.ports.key(to) else { return Outcome::Dropped(DropReason::NoLocalPort) };
                self.trace_inbound(to, frame, Origin::Port(slot), now, steps)
            }
        }
    }

    fn trace_inbound(&self, id: PortId, frame: &[u8], origin: Origin, now: Time, steps: &mut Vec<Step>) -> Outcome {
        let mut recorder = Recorder { port: id, direction: Direction::Inbound, steps };
        let Some(port) = self.ports.find(&id) else { return dropped(DropReason::NoLocalPort, &mut recorder) };
        let packet = match Packet::parse(frame) {
            Ok(Packet { body: Body::Ip(packet), .. }) => packet,
            Ok(Packet { body: Body::Arp(_), .. }) => return dropped(DropReason::ArpIgnored, &mut recorder),
            Err(reason) => return dropped(reason, &mut recorder),
        };
        let Ok(macs) = packet::macs(frame) else { return dropped(DropReason::Malformed, &mut recorder) };
        let arrival = Arrival { macs, origin };
        match self.explain(port, &packet, arrival, frame, now, &mut recorder) {
            Ok(_) => Outcome::Delivered,
            Err(Stop::Drop(reason)) => Outcome::Dropped(reason),
            Err(Stop::Answer(_)) => Outcome::Answered,
        }
    }

    /// The part of the way that lies within one port.
    fn explain(
        &self,
        port: &Port,
        packet: &IpPacket,
        arrival: Arrival,
        frame: &[u8],
        now: Time,
        recorder: &mut Recorder<'_>,
    ) -> Result<Transposition, Stop> {
        let direction = recorder.direction;
        let transport = guard::check_unicast(arrival.macs, packet)
            .and_then(|()| port.fragments.transport(packet, now))
            .inspect_err(|reason| recorder.note(Stage::Guard, || Finding::Dropped(*reason)))?;
        let passage = Passage { packet, transport, arrival, direction, frame, now };
        port.explain(&self.shared, &passage, recorder)
    }
}

fn resolved(arp: &Arp, mac: MacAddr, recorder: &mut Recorder<'_>) -> Outcome {
    recorder.note(Stage::Guard, || Finding::Resolved { address: Ipv4Addr::from(arp.target_ip).into(), mac });
    Outcome::Answered
}

fn dropped(reason: DropReason, recorder: &mut Recorder<'_>) -> Outcome {
    recorder.note(Stage::Guard, || Finding::Dropped(reason));
    Outcome::Dropped(reason)
}

impl Probe {
    /// The packet with the MACs that it should have; `None` when its addresses are not of one family.
    fn frame(&self, policy: &PortPolicy, domain: &Domain) -> Option<Vec<u8>> {
        let Self { direction, protocol, source, destination, source_port, destination_port } = *self;
        let router = domain.router_mac;
        let macs = match direction {
            Direction::Outbound => Macs { destination: router, source: policy.mac },
            Direction::Inbound => Macs { destination: policy.mac, source: router },
        };
        let (source, destination) = (source.into(), destination.into());
        ProbeFrame { macs, source, destination, protocol, source_port, destination_port }.write()
    }
}
