//! One packet on its way through the layers of a port.

use crate::direction::Direction;
use crate::drop_reason::DropReason;
use crate::flow::Arrival;
use crate::flow_key::Tuple;
use crate::packet::IpPacket;
use crate::packet::transport::Transport;
use crate::switch::Shared;
use crate::tenant::network::{Domain, Subnet};
use crate::tenant::policy::Enforced;
use crate::tenant::{acl, encapsulation, guard, router};
use crate::trace::{Finding, Observer, Stage};
use crate::transposition::Transposition;
use std::net::IpAddr;

/// What layers look at, and what they have composed so far.
pub(crate) struct Walk<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) domain: &'a Domain,
    pub(crate) port: &'a Enforced,
    pub(crate) packet: &'a IpPacket,
    /// Of the packet that this belongs to, if it is a later fragment.
    pub(crate) transport: Transport,
    pub(crate) arrival: Arrival,
    pub(crate) judged: Judged,
    /// Hash of the flow, for spreading over the underlay's paths.
    pub(crate) spread: u16,
    /// Subnet of the destination, once the router has found it.
    pub(crate) destination: Option<&'a Subnet>,
    pub(crate) transposition: Transposition,
}

/// What the rules have to judge: the packet that opened the flow, which may not be the one that walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) tuple: Tuple,
    pub(crate) direction: Direction,
}

/// Why a packet goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    Drop(DropReason),
    Answer(Answer),
}

/// What the engine says to the VM by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The router has the address and is there.
    EchoReply,
    /// The hop limit ran out; says the router with this address.
    TimeExceeded { router: IpAddr },
}

impl From<DropReason> for Stop {
    fn from(reason: DropReason) -> Self {
        Self::Drop(reason)
    }
}

impl Walk<'_> {
    /// Through all layers in pipeline order, or in reverse towards the VM.
    pub(crate) fn run(&mut self, direction: Direction, observer: &mut impl Observer) -> Result<(), Stop> {
        let mut layers = Stage::LAYERS;
        if direction == Direction::Inbound {
            layers.reverse();
        }
        for stage in layers {
            self.step(stage, direction, observer).inspect_err(|stop| match *stop {
                Stop::Drop(reason) => observer.note(stage, || Finding::Dropped(reason)),
                Stop::Answer(answer) => observer.note(stage, || Finding::Answered(answer.name())),
            })?;
        }
        Ok(())
    }

    fn step(&mut self, stage: Stage, direction: Direction, observer: &mut impl Observer) -> Result<(), Stop> {
        match (stage, direction) {
            (Stage::Guard, Direction::Outbound) => guard::outbound(self, observer),
            (Stage::Guard, Direction::Inbound) => guard::inbound(self, observer),
            (Stage::Acl, _) => acl::judge(self, observer),
            (Stage::Router, Direction::Outbound) => router::outbound(self, observer),
            (Stage::Encapsulation, Direction::Outbound) => encapsulation::outbound(self, observer),
            (Stage::Encapsulation, Direction::Inbound) => encapsulation::inbound(self, observer),
            (Stage::Router, Direction::Inbound) | (Stage::Queue | Stage::FlowTable, _) => Ok(()),
        }
    }
}

impl Answer {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::EchoReply => "echo reply",
            Self::TimeExceeded { .. } => "time exceeded",
        }
    }
}
