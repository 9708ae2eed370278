//! Match-action packet engine after the Virtual Filtering Platform: bytes in, verdict and bytes out.
//!
//! A [`Switch`] is the engine of one host. It owns *ports*, one for each VM, and the objects that ports share: the
//! *networks* (routing domains) with their CA→PA *mappings*, and the access control *lists*. A caller programs it whole
//! object by whole object, reads back what is programmed, and hands it frames:
//!
//! ```text
//!              from_vm(port, frame)                          from_underlay(host, VXLAN payload)
//!                      │                                                  │
//!         ┌────────────▼────────────┐                                     │
//!   VM ── │ guard → ACL → router →  │ ── same host ─────────┐             │
//!         │ encapsulation, queue    │                       ▼             ▼
//!         └────────────┬────────────┘       VM ── queue, guard ← ACL ← router ← encapsulation
//!                      │ other host
//!                      ▼
//!        Sink::to_underlay(VXLAN payload)                   Sink::to_vm(port, frame)
//! ```
//!
//! The queue is the rate cap: it meters last in both directions, so that what a layer drops uses nothing up.
//!
//! The first packet of a flow walks the layers of its port; what they decided is composed into one transposition of the
//! headers and kept in the port's flow table, where the packets after it find it. A change of policy flushes nothing:
//! a flow that was judged under older policy walks the layers again when its next packet comes.
//!
//! There is no I/O, no clock (`now` is an argument) and no panic on any input here, and [`Limits`] bound what a port may
//! remember. The engine proper knows packets, conditions, flows and transpositions; the network that is built with it,
//! a file for each layer, is in `tenant`.
//!
//! # Not here
//!
//! * Broadcast and multicast are dropped and counted: ARP is answered from the table, and nothing else that a subnet
//!   needs is carried by them yet. DHCP requests are among what is dropped.
//! * IPv6 is forwarded, judged and routed like IPv4, but neighbour discovery has no responder.
//! * NVGRE, address translation, metering and mirroring have no layer yet.
//! * TCP sequence numbers are not followed, and fragments are not reassembled: they follow their first.

mod address;
mod bucket;
mod classifier;
mod condition;
mod config;
mod counters;
mod direction;
mod drop_reason;
mod explain;
mod flow;
mod flow_key;
mod flow_table;
mod fragment;
mod hash;
mod ids;
mod listing;
mod mapping_space;
mod packet;
mod port;
mod process;
mod sink;
mod switch;
mod table;
mod tcp_state;
mod tenant;
mod time;
mod trace;
mod transposition;

pub use condition::{AddressSet, Condition, Protocol};
pub use config::{Config, Limits};
pub use counters::{Counters, Traffic};
pub use direction::Direction;
pub use drop_reason::DropReason;
pub use flow::FlowView;
pub use ids::{NetworkId, PortId, Tag};
pub use process::Outcome;
pub use sink::{Outer, Sink};
pub use switch::{PolicyError, Switch};
pub use tenant::acl::{Acl, AclId, AclRule, Action, WithoutAcl};
pub use tenant::network::{Mapping, Network, Subnet};
pub use tenant::policy::{PortAddress, PortPolicy};
pub use tenant::service::HostService;
pub use time::Time;
pub use trace::{Attachment, Finding, Probe, Stage, Step, Trace};

/// Bytes that [`Switch::from_vm`] needs before the frame: room for the VXLAN header, so that no frame is ever copied.
pub const HEADROOM: usize = packet::vxlan::LENGTH;
