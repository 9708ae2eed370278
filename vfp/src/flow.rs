//! One flow of a port: a conversation, and what the layers decided for its two directions.

use crate::address::Address;
use crate::config::Limits;
use crate::counters::Traffic;
use crate::direction::{Direction, PerDirection};
use crate::flow_key::{FlowKey, ProtocolName};
use crate::packet::ethernet::Macs;
use crate::packet::transport::Transport;
use crate::table::Slot;
use crate::tcp_state::{TcpState, is_opening};
use crate::time::{Time, nanoseconds};
use crate::transposition::Transposition;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// How a packet reached the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From the port's own VM.
    Vm,
    /// From a port of this switch, perhaps the same.
    Port(Slot),
    /// From the host with this provider address, encapsulated.
    Host(Address),
}

/// What of a packet, beside its flow key, must be the same for a cached transposition to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) macs: Macs,
    pub(crate) origin: Origin,
}

/// What the layers composed for one direction: the unified flow of VFP.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unified {
    /// The network's epoch when this was composed.
    pub(crate) epoch: u64,
    pub(crate) arrival: Arrival,
    pub(crate) transposition: Transposition,
}

/// A conversation.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    /// Direction of the packet that opened it: the one that the rules judge.
    pub(crate) initiator: Direction,
    /// False once policy has changed and forbids it. The flow then stays as a barrier: without it, traffic against the
    /// initiator's direction would pass for a new flow and open the way again.
    pub(crate) admitted: bool,
    pub(crate) tcp: TcpState,
    pub(crate) last_seen: Time,
    pub(crate) unified: PerDirection<Option<Unified>>,
    pub(crate) traffic: PerDirection<Traffic>,
}

impl Unified {
    /// Whether it still says what is to be done to such a packet.
    pub(crate) fn holds(&self, epoch: u64, arrival: &Arrival, hop_limit: u8) -> bool {
        let survives_router = hop_limit > 1 || !self.transposition.decrement_ttl;
        self.epoch == epoch && self.arrival == *arrival && survives_router
    }
}

impl Flow {
    pub(crate) fn new(initiator: Direction, tcp: TcpState, now: Time) -> Self {
        Self {
            initiator,
            admitted: true,
            tcp,
            last_seen: now,
            unified: PerDirection::default(),
            traffic: PerDirection::default(),
        }
    }

    /// Whether the packet opens a new connection that happens to have the same addresses and ports: one from the other
    /// side, or one after the end of this.
    pub(crate) fn is_superseded_by(&self, transport: Transport, direction: Direction) -> bool {
        let is_over = self.tcp == TcpState::Closed;
        matches!(transport, Transport::Tcp { flags, .. } if is_opening(flags))
            && (is_over || direction != self.initiator)
    }

    /// How far the connection is after the packet.
    pub(crate) fn tcp_after(&self, transport: Transport, direction: Direction) -> TcpState {
        match transport {
            Transport::Tcp { flags, .. } => self.tcp.advance(flags, direction == self.initiator),
            _ => self.tcp,
        }
    }

    /// Whether its life is over at `now`.
    pub(crate) fn is_expired(&self, lives: &Lives, now: Time) -> bool {
        now.since(self.last_seen) > lives.of(self.tcp)
    }
}

/// How long an idle flow lives, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lives {
    idle: u64,
    half_open: u64,
    time_wait: u64,
}

impl Lives {
    pub(crate) fn new(limits: &Limits) -> Self {
        let Limits { idle, half_open, time_wait, .. } = *limits;
        Self { idle: nanoseconds(idle), half_open: nanoseconds(half_open), time_wait: nanoseconds(time_wait) }
    }

    pub(crate) const fn of(&self, state: TcpState) -> u64 {
        match state {
            TcpState::SynSent | TcpState::SynReceived => self.half_open,
            TcpState::Closed => self.time_wait,
            TcpState::NotTcp | TcpState::Established | TcpState::ClosedByInitiator | TcpState::ClosedByResponder => {
                self.idle
            }
        }
    }
}

/// A flow as it is shown to people.
#[derive(Clone, Debug)]
pub struct FlowView {
    /// Address of the VM.
    pub local: IpAddr,
    /// Address of its peer.
    pub remote: IpAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// TCP and UDP: the VM's port. Echo: the identifier.
    pub local_port: u16,
    /// TCP and UDP: the peer's port.
    pub remote_port: u16,
    /// Direction of the packet that opened it.
    pub initiator: Direction,
    /// False: a change of policy forbade it after it was opened.
    pub admitted: bool,
    /// How far a TCP connection is; `None` for other protocols.
    pub tcp_state: Option<&'static str>,
    /// Time since its last packet.
    pub idle: Duration,
    /// Let through from the VM.
    pub outbound: Traffic,
    /// Let through towards the VM.
    pub inbound: Traffic,
    /// What is done to its packets in each direction that has a composed transposition.
    pub transpositions: Vec<(Direction, String)>,
}

impl FlowView {
    pub(crate) fn new(key: &FlowKey, flow: &Flow, now: Time) -> Self {
        let FlowKey { local, remote, local_port, remote_port, protocol } = *key;
        let composed = [Direction::Outbound, Direction::Inbound].into_iter().filter_map(|direction| {
            let unified = flow.unified.get(direction).as_ref()?;
            Some((direction, unified.transposition.to_string()))
        });
        Self {
            local: local.to_ip(),
            remote: remote.to_ip(),
            protocol,
            local_port,
            remote_port,
            initiator: flow.initiator,
            admitted: flow.admitted,
            tcp_state: match flow.tcp {
                TcpState::NotTcp => None,
                TcpState::SynSent => Some("SYN sent"),
                TcpState::SynReceived => Some("SYN received"),
                TcpState::Established => Some("established"),
                TcpState::ClosedByInitiator | TcpState::ClosedByResponder => Some("half closed"),
                TcpState::Closed => Some("closed"),
            },
            idle: Duration::from_nanos(now.since(flow.last_seen)),
            outbound: flow.traffic.outbound,
            inbound: flow.traffic.inbound,
            transpositions: composed.collect(),
        }
    }
}

impl fmt::Display for FlowView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { local, remote, protocol, local_port, remote_port, initiator, outbound, inbound, .. } = self;
        let name = ProtocolName(*protocol);
        write!(f, "{name} {local}:{local_port} {remote}:{remote_port} opened {initiator}")?;
        if let Some(state) = self.tcp_state {
            write!(f, ", {state}")?;
        }
        if !self.admitted {
            f.write_str(", stopped by policy")?;
        }
        write!(f, ", idle {} s", self.idle.as_secs())?;
        write!(f, ", out {} packets {} bytes", outbound.packets, outbound.bytes)?;
        write!(f, ", in {} packets {} bytes", inbound.packets, inbound.bytes)?;
        self.transpositions.iter().try_for_each(|(direction, text)| write!(f, "; {direction}: {text}"))
    }
}
