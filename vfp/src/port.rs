//! One VM's port: its policy, its flows, and how a packet passes its layers.

use crate::bucket::Bucket;
use crate::config::{Config, Limits};
use crate::counters::Counters;
use crate::direction::{Direction, PerDirection};
use crate::drop_reason::DropReason;
use crate::flow::{Arrival, Flow, Unified};
use crate::flow_key::{Conversation, FlowKey, Tuple};
use crate::flow_table::FlowTable;
use crate::fragment::FragmentTable;
use crate::hash::Seeded;
use crate::ids::{NetworkId, Tag};
use crate::packet::IpPacket;
use crate::packet::transport::Transport;
use crate::switch::Shared;
use crate::table::Slot;
use crate::tcp_state::{TcpState, is_opening};
use crate::tenant::acl::AclId;
use crate::tenant::network::Domain;
use crate::tenant::policy::{Enforced, PortPolicy};
use crate::tenant::walk::{Judged, Stop, Walk};
use crate::time::Time;
use crate::trace::{Finding, Observer, Stage};
use crate::transposition::Transposition;
use std::hash::BuildHasher;
use std::num::NonZeroU64;

/// Lowest of the UDP source ports that encapsulated flows are spread over. [RFC 7348 section 5]
const SPREAD_FIRST: u16 = 49_152;

/// See the module.
pub(crate) struct Port {
    /// `None`: blocked.
    policy: Option<Enforced>,
    pub(crate) flows: FlowTable,
    pub(crate) fragments: FragmentTable,
    queues: PerDirection<Option<Bucket>>,
    pub(crate) counters: Counters,
}

/// A packet at a port.
#[derive(Clone, Copy)]
pub(crate) struct Passage<'a> {
    pub(crate) packet: &'a IpPacket,
    /// Of the packet that this belongs to, if it is a later fragment.
    pub(crate) transport: Transport,
    /// What the packet was parsed from.
    pub(crate) frame: &'a [u8],
    pub(crate) arrival: Arrival,
    pub(crate) direction: Direction,
    pub(crate) now: Time,
}

/// What the flow table knows of a packet.
pub(crate) struct Known {
    conversation: Option<Conversation>,
    flow: Option<KnownFlow>,
    judged: Judged,
}

/// The flow that the packet belongs to.
#[derive(Clone, Copy)]
struct KnownFlow {
    slot: Slot,
    initiator: Direction,
    admitted: bool,
    tcp: TcpState,
}

impl Port {
    pub(crate) fn new(config: &Config) -> Self {
        let seed = Seeded(config.hash_seed);
        Self {
            policy: None,
            flows: FlowTable::new(&config.limits, seed),
            fragments: FragmentTable::new(seed),
            queues: PerDirection::default(),
            counters: Counters::default(),
        }
    }

    pub(crate) fn policy(&self) -> Option<&PortPolicy> {
        self.policy.as_ref().map(|enforced| &enforced.policy)
    }

    pub(crate) fn tag(&self) -> Option<Tag> {
        self.policy.as_ref().map(|enforced| enforced.tag)
    }

    pub(crate) fn network(&self) -> Option<NetworkId> {
        self.policy().map(|policy| policy.network)
    }

    pub(crate) fn uses_acl(&self, acl: AclId) -> bool {
        self.policy.as_ref().is_some_and(|enforced| enforced.uses_acl(acl))
    }

    /// Caps in force.
    pub(crate) fn caps(&self) -> impl Iterator<Item = (Direction, &Bucket)> {
        let both = [Direction::Outbound, Direction::Inbound].into_iter();
        both.filter_map(|direction| Some((direction, self.queues.get(direction).as_ref()?)))
    }

    pub(crate) fn enforce(&mut self, enforced: Option<Enforced>, limits: &Limits) {
        if let Some(Enforced { policy, .. }) = &enforced {
            let most = policy.flow_limit.map_or(limits.flows_per_port, |limit| limit.get().min(limits.flows_per_port));
            self.flows.set_most(most);
            set_cap(&mut self.queues.outbound, policy.outbound_maximum_mbps);
            set_cap(&mut self.queues.inbound, policy.inbound_maximum_mbps);
        }
        self.policy = enforced;
    }

    /// Decides over a packet, and remembers what later packets of its flow need. The frame is the caller's to edit.
    pub(crate) fn pass(&mut self, shared: &Shared, passage: &Passage<'_>) -> Result<Transposition, Stop> {
        let Passage { packet, transport, arrival, direction, frame, now } = *passage;
        let conversation = Conversation::of(packet, transport, direction);
        let (port, domain) = enforced(self.policy.as_ref(), shared)?;
        let found = conversation.and_then(|conversation| self.flows.find(&conversation.key, now));
        if let Some((slot, flow)) = found
            && let Some(unified) = flow.unified.get(direction)
            && unified.holds(domain.epoch, &arrival, packet.hop_limit)
            && !opens(transport)
        {
            let (transposition, tcp) = (unified.transposition, flow.tcp_after(transport, direction));
            self.meter(direction, frame.len(), now)?;
            self.flows.advance(slot, direction, tcp, frame.len(), now);
            return Ok(transposition);
        }

        let known = known(&self.flows, passage, conversation);
        let transposition = walk(shared, domain, port, passage, &known, &mut ()).inspect_err(|stop| {
            if let (Stop::Drop(DropReason::AclDenied), Some(flow)) = (stop, known.flow) {
                self.flows.bar(flow.slot, now);
            }
        })?;
        let unified = Unified { epoch: domain.epoch, arrival, transposition };
        let unified = shared.config.unified_flows.then_some(unified);
        self.commit(passage, &known, unified)?;
        Ok(transposition)
    }

    /// Walks without any effect, and says what was found.
    pub(crate) fn explain(
        &self,
        shared: &Shared,
        passage: &Passage<'_>,
        observer: &mut impl Observer,
    ) -> Result<Transposition, Stop> {
        let Passage { packet, transport, direction, .. } = *passage;
        let conversation = Conversation::of(packet, transport, direction);
        let known = known(&self.flows, passage, conversation);
        observer.note(Stage::FlowTable, || Finding::Packet(Tuple::of(packet, transport).to_string()));
        observer.note(Stage::FlowTable, || match (known.flow, known.conversation) {
            (Some(flow), _) => Finding::KnownFlow { opened: flow.initiator, admitted: flow.admitted },
            (None, Some(Conversation { opens: true, .. })) => Finding::NewFlow,
            (None, _) => Finding::NoFlow,
        });
        let (port, domain) = self.enforced(shared).inspect_err(|reason| {
            observer.note(Stage::Guard, || Finding::Dropped(*reason));
        })?;
        let transposition = walk(shared, domain, port, passage, &known, observer)?;
        if let Some(bucket) = self.queues.get(direction) {
            observer.note(Stage::Queue, || Finding::Cap { mbps: bucket.mbps().get() });
        }
        Ok(transposition)
    }

    /// Policy and network in force.
    pub(crate) fn enforced<'a>(&'a self, shared: &'a Shared) -> Result<(&'a Enforced, &'a Domain), DropReason> {
        enforced(self.policy.as_ref(), shared)
    }

    /// Pays for the packet, and brings its flow up to date or adds it.
    fn commit(&mut self, passage: &Passage<'_>, known: &Known, unified: Option<Unified>) -> Result<(), DropReason> {
        let Passage { transport, direction, frame, now, .. } = *passage;
        let bytes = frame.len();
        let Some(Conversation { key, opens }) = known.conversation else { return self.meter(direction, bytes, now) };
        if let Some(KnownFlow { slot, tcp, .. }) = known.flow {
            self.meter(direction, bytes, now)?;
            self.flows.admit(slot, direction, unified);
            self.flows.advance(slot, direction, tcp, bytes, now);
            return Ok(());
        }
        if !opens {
            return self.meter(direction, bytes, now);
        }
        let tcp = match transport {
            Transport::Tcp { flags, .. } => TcpState::opening(flags),
            _ => TcpState::NotTcp,
        };
        self.flows.make_room(&key, tcp, now)?;
        self.meter(direction, bytes, now)?;
        let mut flow = Flow::new(direction, tcp, now);
        flow.traffic.get_mut(direction).add(bytes);
        *flow.unified.get_mut(direction) = unified;
        self.flows.insert(key, flow);
        Ok(())
    }

    fn meter(&mut self, direction: Direction, bytes: usize, now: Time) -> Result<(), DropReason> {
        let passes = self.queues.get_mut(direction).as_mut().is_none_or(|bucket| bucket.take(bytes, now));
        if passes { Ok(()) } else { Err(DropReason::RateLimit) }
    }
}

fn enforced<'a>(port: Option<&'a Enforced>, shared: &'a Shared) -> Result<(&'a Enforced, &'a Domain), DropReason> {
    let port = port.ok_or(DropReason::PortBlocked)?;
    let domain = shared.networks.get(port.domain).ok_or(DropReason::PortBlocked)?;
    Ok((port, domain))
}

/// Looks the packet's flow up, or the flow that it reports an error of.
fn known(flows: &FlowTable, passage: &Passage<'_>, conversation: Option<Conversation>) -> Known {
    let Passage { packet, transport, direction, frame, now, .. } = *passage;
    let key = match (conversation, packet.quoted(frame)) {
        (Some(conversation), _) => Some(conversation.key),
        // The quoted packet went the other way, and its sender is who the error is for.
        (None, Some(quoted)) if quoted.source == packet.destination => {
            Some(FlowKey::of_quoted(&quoted, direction.reverse()))
        }
        (None, _) => None,
    };
    let alive = key.and_then(|key| flows.find(&key, now).map(|(slot, flow)| (key, slot, flow)));
    let flow = alive.filter(|(.., flow)| !flow.is_superseded_by(transport, direction));
    let judged = match flow {
        Some((key, _, flow)) => Judged { tuple: key.tuple(flow.initiator), direction: flow.initiator },
        None => Judged { tuple: Tuple::of(packet, transport), direction },
    };
    let flow = flow.map(|(_, slot, flow)| KnownFlow {
        slot,
        initiator: flow.initiator,
        admitted: flow.admitted,
        tcp: flow.tcp_after(transport, direction),
    });
    Known { conversation, flow, judged }
}

fn walk(
    shared: &Shared,
    domain: &Domain,
    port: &Enforced,
    passage: &Passage<'_>,
    known: &Known,
    observer: &mut impl Observer,
) -> Result<Transposition, Stop> {
    let Passage { packet, transport, arrival, direction, .. } = *passage;
    let spread = spread(shared, known);
    let mut walk = Walk {
        shared,
        domain,
        port,
        packet,
        transport,
        arrival,
        judged: known.judged,
        spread,
        destination: None,
        transposition: Transposition::IGNORE,
    };
    walk.run(direction, observer)?;
    Ok(walk.transposition)
}

/// UDP source port for the flow.
fn spread(shared: &Shared, known: &Known) -> u16 {
    let tuple = known.judged.tuple;
    let hash = Seeded(shared.config.hash_seed).hash_one(tuple);
    let [high, low, ..] = hash.to_be_bytes();
    SPREAD_FIRST | u16::from_be_bytes([high, low]) & !SPREAD_FIRST
}

/// Whether the packet asks for a new connection, which only a walk can grant.
fn opens(transport: Transport) -> bool {
    matches!(transport, Transport::Tcp { flags, .. } if is_opening(flags))
}

/// A cap that stays the same keeps what was saved up.
fn set_cap(bucket: &mut Option<Bucket>, mbps: Option<NonZeroU64>) {
    if bucket.map(|bucket| bucket.mbps()) != mbps {
        *bucket = mbps.map(Bucket::new);
    }
}
