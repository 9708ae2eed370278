//! What writes and port reports mean.

mod random;

pub(super) use random::facts;

use super::evaluate::{Context, evaluate};
use super::ports::{self, PortReport};
use super::world::{Key, World};
use super::write::{Action, Address, Condition, Effect, Step, Write};
use crate::error::{ApiError, Code};
use crate::resources::collection;
use crate::resources::version::Version;
use policy::ids::{AttachId, HostId, NicId};
use policy::net::MacAddr;
use policy::report::{Events, PortResult, PortStatus};
use serde_json::{Value, json};
use uuid::Uuid;

/// A world that grows by judged writes, on a clock of its own.
struct Story {
    world: World,
    now: i64,
    ids: u128,
}

const HOLD_OFF: i64 = 1000;

impl Story {
    fn new() -> Self {
        let mut story = Self { world: World::default(), now: 0, ids: 0 };
        for (path, properties) in foundation() {
            story.put(path, properties).unwrap();
        }
        story
    }

    fn judge(&mut self, write: &Write) -> Result<Effect, ApiError> {
        let mut new_id = || {
            self.ids += 1;
            Uuid::from_u128(self.ids)
        };
        let mut context = Context { now: self.now, hold_off: HOLD_OFF, new_id: &mut new_id };
        let verdict = evaluate(&self.world, write, &mut context)?;
        if let Some(Step { world, .. }) = verdict.next {
            self.world = world;
        }
        Ok(verdict.effect)
    }

    fn put(&mut self, path: &str, properties: Value) -> Result<Effect, ApiError> {
        self.judge(&write(path, Some(properties)))
    }

    fn delete(&mut self, path: &str) -> Result<Effect, ApiError> {
        self.judge(&write(path, None))
    }

    fn text(&self, path: &str, property: &str) -> String {
        let address = address(path);
        let node = self.world.find(address.collection.name, &address.key).unwrap();
        node.text(property).unwrap().to_owned()
    }

    fn instance(&self, path: &str) -> Uuid {
        let address = address(path);
        self.world.find(address.collection.name, &address.key).unwrap().instance_id
    }

    fn report(&mut self, host: HostId, snapshot: bool, ports: &[(u128, NicId)], detached: &[u128]) -> bool {
        let status = |&(attach, nic): &(u128, NicId)| PortStatus {
            profile_id: nic,
            attach_id: AttachId(Uuid::from_u128(attach)),
            device: "tap0".to_owned(),
            mac: MacAddr::BROADCAST,
            result: PortResult::Success,
        };
        let events = Events {
            instance: Uuid::nil(),
            sequence: 0,
            snapshot,
            ports: ports.iter().map(status).collect(),
            detached: detached.iter().map(|attach| AttachId(Uuid::from_u128(*attach))).collect(),
        };
        let report = PortReport { host, events, provider_address: None };
        let mut new_id = Uuid::new_v4;
        let context = Context { now: self.now, hold_off: HOLD_OFF, new_id: &mut new_id };
        match ports::evaluate(&self.world, &report, &context) {
            Some(step) => {
                self.world = step.world;
                true
            }
            None => false,
        }
    }
}

/// The address that a path without version names.
fn address(path: &str) -> Address {
    let segments: Vec<_> = path.split('/').collect();
    let name = segments.iter().step_by(2).copied().collect::<Vec<_>>().join("/");
    let id = segments.last().copied().unwrap_or_default().to_owned();
    let collection = collection(&name).unwrap();
    Address { version: Version::LATEST, collection, key: Key::new(&format!("/{path}")), id }
}

/// PUT of these properties, or DELETE.
pub(super) fn write(path: &str, properties: Option<Value>) -> Write {
    let action = match properties {
        Some(properties) => Action::Put([("properties".to_owned(), properties)].into_iter().collect()),
        None => Action::Delete,
    };
    Write { address: address(path), action, condition: Condition::None }
}

pub(super) fn foundation() -> Vec<(&'static str, Value)> {
    let subnet = |id, prefix| json!({"resourceId": id, "properties": {"addressPrefix": prefix}});
    vec![
        ("macPools/default", json!({"startMacAddress": "00-1D-D8-10-00-00", "endMacAddress": "00-1D-D8-10-00-0F"})),
        (
            "logicalNetworks/pa",
            json!({"networkVirtualizationEnabled": true, "subnets": [{"resourceId": "s", "properties": {
                "addressPrefix": "192.0.2.0/24",
                "ipPools": [{"resourceId": "p", "properties": {"startIpAddress": "192.0.2.5", "endIpAddress": "192.0.2.6"}}],
            }}]}),
        ),
        ("accessControlLists/list", json!({})),
        (
            "virtualNetworks/blue",
            json!({
                "addressSpace": {"addressPrefixes": ["10.0.0.0/8"]},
                "logicalNetwork": {"resourceRef": "/logicalNetworks/pa"},
                // Room for three dynamic addresses: .4, .5 and .6.
                "subnets": [subnet("small", "10.1.0.0/29"), subnet("large", "10.2.0.0/24")],
            }),
        ),
    ]
}

fn nic(subnet: &str, addresses: &[Option<&str>]) -> Value {
    let configuration = |(index, address): (usize, &Option<&str>)| {
        let mut properties = json!({"subnet": {"resourceRef": format!("/virtualNetworks/blue/subnets/{subnet}")}});
        match address {
            Some(address) => {
                properties["privateIPAllocationMethod"] = json!("Static");
                properties["privateIPAddress"] = json!(address);
            }
            None => properties["privateIPAllocationMethod"] = json!("Dynamic"),
        }
        json!({"resourceId": format!("ip{index}"), "properties": properties})
    };
    let configurations: Vec<_> = addresses.iter().enumerate().map(configuration).collect();
    json!({"privateMacAllocationMethod": "Dynamic", "ipConfigurations": configurations})
}

fn server(credential: bool) -> Value {
    let connection = match credential {
        true => json!([{"managementAddresses": ["192.0.2.200"], "credentialType": "usernamePassword",
                        "credential": {"resourceRef": "/credentials/c"}}]),
        false => json!([]),
    };
    json!({"connections": connection, "networkInterfaces": [{"resourceId": "n", "properties": {
        "logicalSubnets": [{"resourceRef": "/logicalNetworks/pa/subnets/s"}],
    }}]})
}

#[test]
fn a_released_address_is_not_allocated_before_its_hold_off_is_over() {
    let mut story = Story::new();
    for name in ["a", "b", "c"] {
        story.put(&format!("networkInterfaces/{name}"), nic("small", &[None])).unwrap();
    }
    assert_eq!(story.text("networkInterfaces/a/ipConfigurations/ip0", "privateIPAddress"), "10.1.0.4");
    let full = story.put("networkInterfaces/d", nic("small", &[None])).unwrap_err();
    assert_eq!(full.code, Code::SubnetIsFull);

    story.delete("networkInterfaces/a").unwrap();
    let held = story.put("networkInterfaces/d", nic("small", &[None])).unwrap_err();
    assert_eq!(held.code, Code::SubnetIsFull);
    story.now += HOLD_OFF + 1;
    story.put("networkInterfaces/d", nic("small", &[None])).unwrap();
    assert_eq!(story.text("networkInterfaces/d/ipConfigurations/ip0", "privateIPAddress"), "10.1.0.4");
}

#[test]
fn an_address_in_hold_off_may_be_asked_for_by_name() {
    let mut story = Story::new();
    story.put("networkInterfaces/a", nic("small", &[Some("10.1.0.5")])).unwrap();
    let taken = story.put("networkInterfaces/b", nic("small", &[Some("10.1.0.5")])).unwrap_err();
    assert_eq!(taken.code, Code::PrivateIPAddressInUse);
    story.delete("networkInterfaces/a").unwrap();
    story.put("networkInterfaces/b", nic("small", &[Some("10.1.0.5")])).unwrap();
}

#[test]
fn addresses_change_places_within_one_nic_but_not_between_a_child_and_its_sibling() {
    let mut story = Story::new();
    story.put("networkInterfaces/a", nic("small", &[Some("10.1.0.4"), Some("10.1.0.5")])).unwrap();
    story.put("networkInterfaces/a", nic("small", &[Some("10.1.0.5"), Some("10.1.0.4")])).unwrap();
    assert_eq!(story.text("networkInterfaces/a/ipConfigurations/ip0", "privateIPAddress"), "10.1.0.5");
    let twice = story.put("networkInterfaces/a", nic("small", &[Some("10.1.0.6"), Some("10.1.0.6")])).unwrap_err();
    assert_eq!(twice.code, Code::PrivateIPAddressInUse);
    let mut child = nic("small", &[Some("10.1.0.4")])["ipConfigurations"][0]["properties"].clone();
    let sibling = story.put("networkInterfaces/a/ipConfigurations/ip0", child.clone()).unwrap_err();
    assert_eq!(sibling.code, Code::PrivateIPAddressInUse);
    child["privateIPAddress"] = json!("10.1.0.6");
    story.put("networkInterfaces/a/ipConfigurations/ip0", child).unwrap();
}

#[test]
fn a_repeated_put_keeps_what_was_allocated() {
    let mut story = Story::new();
    story.put("networkInterfaces/a", nic("large", &[None])).unwrap();
    let mac = story.text("networkInterfaces/a", "privateMacAddress");
    assert_eq!(story.put("networkInterfaces/a", nic("large", &[None])), Ok(Effect::Unchanged));
    story.put("networkInterfaces/a", nic("large", &[None, None])).unwrap();
    assert_eq!(story.text("networkInterfaces/a", "privateMacAddress"), mac);
    assert_eq!(story.text("networkInterfaces/a/ipConfigurations/ip0", "privateIPAddress"), "10.2.0.4");
    assert_eq!(story.text("networkInterfaces/a/ipConfigurations/ip1", "privateIPAddress"), "10.2.0.5");
}

#[test]
fn the_attachment_that_came_last_wins_until_it_is_gone() {
    let mut story = Story::new();
    story.put("credentials/c", json!({"type": "usernamePassword", "value": "v"})).unwrap();
    story.put("networkInterfaces/vm", nic("large", &[None])).unwrap();
    let nic = NicId(story.instance("networkInterfaces/vm"));
    let [old, new] = ["old", "new"].map(|name| {
        let path = format!("servers/{name}");
        story.put(&path, server(true)).unwrap();
        HostId(story.instance(&path))
    });
    assert!(story.report(old, true, &[(1, nic)], &[]));
    assert_eq!(story.world.host_of(nic), Some(old));
    // The VM migrates: the new host reports it before the old one lets go.
    assert!(story.report(new, false, &[(2, nic)], &[]));
    assert_eq!(story.world.host_of(nic), Some(new));
    // The old host repeats itself, as after a restart of its agent: it does not win the VM back.
    assert!(!story.report(old, true, &[(1, nic)], &[]));
    assert_eq!(story.world.host_of(nic), Some(new));
    assert_eq!(story.world.nics_on(old).count(), 0);
    // The migration failed after all: the new host lets go.
    assert!(story.report(new, false, &[], &[2]));
    assert_eq!(story.world.host_of(nic), Some(old));
    // A snapshot without it is a detach too.
    assert!(story.report(old, true, &[], &[]));
    assert_eq!(story.world.host_of(nic), None);
}

#[test]
fn a_host_that_is_gone_carries_nothing() {
    let mut story = Story::new();
    story.put("credentials/c", json!({"type": "usernamePassword", "value": "v"})).unwrap();
    story.put("servers/a", server(true)).unwrap();
    let host = HostId(story.instance("servers/a"));
    // A port of which no NIC is known does not hold the server.
    let nic = NicId(Uuid::from_u128(77));
    story.report(host, true, &[(1, nic)], &[]);
    assert_eq!(story.world.host_of(nic), Some(host));
    story.delete("servers/a").unwrap();
    assert_eq!(story.world.host_of(nic), None);
    assert_eq!(story.world.nics_on(host).count(), 0);
}

#[test]
fn a_host_has_a_provider_address_from_its_first_port_on() {
    let mut story = Story::new();
    story.put("credentials/c", json!({"type": "usernamePassword", "value": "v"})).unwrap();
    let mut owned = Vec::new();
    for (number, name) in (0..).zip(["a", "b", "c"]) {
        let path = format!("servers/{name}");
        story.put(&path, server(true)).unwrap();
        let host = HostId(story.instance(&path));
        assert!(story.world.instance(host.0).unwrap().claims.is_empty());
        story.report(host, true, &[(number, NicId(Uuid::from_u128(number)))], &[]);
        owned.push(story.world.instance(host.0).unwrap().claims.len());
    }
    // The pool has two addresses: the third host carries its port without one.
    assert_eq!(owned, [1, 1, 0]);
}

#[test]
fn a_report_of_an_unknown_host_is_ignored() {
    let mut story = Story::new();
    let host = HostId(Uuid::from_u128(77));
    assert!(!story.report(host, true, &[(1, NicId(Uuid::from_u128(1)))], &[]));
}
