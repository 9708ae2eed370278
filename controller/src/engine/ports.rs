//! What a host's report of its ports means: which host carries which NIC. Pure.

use super::bindings::{Attachment, Bindings};
use super::evaluate::{Context, settle};
use super::ledger::Ledger;
use super::world::{Node, World};
use super::write::{Step, Touched};
use crate::resources::version::Version;
use policy::ids::{AttachId, HostId, NicId};
use policy::report::Events;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What an agent said of its ports.
#[derive(Clone, Debug)]
pub struct PortReport {
    /// The host.
    pub host: HostId,
    /// What came and went.
    pub events: Events,
    /// Provider address that the host's settings fix.
    pub provider_address: Option<IpAddr>,
}

/// Judges a report; `None` when it says nothing new.
pub(crate) fn evaluate(world: &World, report: &PortReport, context: &Context<'_>) -> Option<Step> {
    let server = world.instance(report.host.0)?;
    let mut after = world.next();
    let mut bindings = world.bindings().clone();
    let attachments = apply(&mut bindings, report, after.generation());
    for nic in attachments.iter().map(|(nic, _)| *nic).collect::<BTreeSet<_>>() {
        let hosts = [world.bindings().host_of(nic), bindings.host_of(nic)];
        for document in hosts.iter().flatten().map(|host| host.0).chain([nic.0]) {
            if let Some(node) = world.instance(document) {
                after.touch(node.collection.name, &node.key);
            }
        }
    }
    let has_ports = bindings.reported_by(report.host).next().is_some();
    after.set_bindings(bindings);
    let mut touched = Touched { attachments, ..Touched::default() };
    if has_ports {
        carry_ports(&mut after, server, report, context, &mut touched);
    }
    let nothing = touched.attachments.is_empty() && touched.documents.is_empty() && touched.claims.is_empty();
    (!nothing).then_some(Step { world: after, touched })
}

/// Drops what a host that is gone has reported, and names the attachments.
pub(super) fn forget_host(world: &mut World, host: HostId) -> Vec<(NicId, AttachId)> {
    let gone: Vec<_> = world.bindings().reported_by(host).collect();
    if gone.is_empty() {
        return gone;
    }
    let mut bindings = world.bindings().clone();
    for &(nic, attach) in &gone {
        bindings.detach(nic, attach);
        if let Some((collection, key)) = world.instance(nic.0).map(|node| (node.collection.name, node.key.clone())) {
            world.touch(collection, &key);
        }
    }
    world.set_bindings(bindings);
    gone
}

/// Applies the report, and names the attachments that changed.
fn apply(bindings: &mut Bindings, report: &PortReport, sequence: u64) -> Vec<(NicId, AttachId)> {
    let Events { snapshot, ports, detached, .. } = &report.events;
    let host = report.host;
    let known: BTreeMap<AttachId, NicId> = bindings.reported_by(host).map(|(nic, attach)| (attach, nic)).collect();
    let reported: BTreeMap<AttachId, NicId> = ports.iter().map(|port| (port.attach_id, port.profile_id)).collect();
    let mut changed = Vec::new();
    for (&attach, &nic) in &known {
        let replaced = reported.get(&attach).is_some_and(|reported| *reported != nic);
        let gone = detached.contains(&attach) || (*snapshot && !reported.contains_key(&attach));
        if replaced || gone {
            bindings.detach(nic, attach);
            changed.push((nic, attach));
        }
    }
    for (&attach, &nic) in &reported {
        // A repeated attachment keeps its place: a report of the host that a VM has left must not win it back.
        if bindings.get(nic, attach).is_none_or(|attachment| attachment.host != host) {
            bindings.attach(nic, attach, Attachment { host, sequence });
            changed.push((nic, attach));
        }
    }
    changed
}

/// Gives the server what a host with ports needs.
fn carry_ports(after: &mut World, server: &Node, report: &PortReport, context: &Context<'_>, touched: &mut Touched) {
    let tentative = after.clone();
    let mut claims = after.claims().clone();
    let mut changed = claims.expire(context.now - context.hold_off);
    let mut ledger = Ledger::new(&tentative, Version::LATEST, &mut claims, &server.key);
    server.collection.rules.carry_ports(server, report.provider_address, &mut ledger);
    let mut assigned = ledger.take_assigned();
    assigned.retain(|(property, value)| server.properties.get(*property) != Some(value));
    let taken = ledger.into_taken();
    changed.extend(settle(&tentative, &mut claims, server.claims.iter(), &taken, context.now));
    if !assigned.is_empty() {
        touched.documents.push((server.collection.name, server.key.clone()));
    }
    after.amend(server.collection.name, &server.key, assigned, taken.keys().copied().collect());
    after.touch(server.collection.name, &server.key);
    if !changed.is_empty() {
        after.set_claims(claims);
        touched.claims = changed;
    }
}
