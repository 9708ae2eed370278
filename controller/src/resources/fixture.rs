//! A world to try rules in: requests are judged and shown as the service does it, without store, HTTP and clock.

use super::version::Version;
use crate::enforcement::Enforcement;
use crate::engine::evaluate::{Context, evaluate};
use crate::engine::ports::{self, PortReport};
use crate::engine::projection::Commit;
use crate::engine::render::Renderer;
use crate::engine::world::{Key, Node, World};
use crate::engine::write::{Action, Address, Condition, Effect, Verdict, Write};
use crate::error::{ApiError, Code};
use crate::fabric::Change;
use policy::ids::{AttachId, HostId, NicId};
use policy::net::MacAddr;
use policy::report::{Events, PortResult, PortStatus};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

const LATEST: Version = Version::V7_1;

/// See the module.
pub(crate) struct Fixture {
    world: Arc<World>,
    ids: u128,
    /// Milliseconds.
    pub(crate) now: i64,
    /// What the last accepted request changed for hosts.
    pub(crate) changes: Vec<Change>,
}

impl Fixture {
    /// Milliseconds that a released name rests.
    pub(crate) const HOLD_OFF: i64 = 120_000;

    pub(crate) fn new() -> Self {
        Self { world: Arc::default(), ids: 0, now: 0, changes: Vec::new() }
    }

    /// A provider network `pa` with a pool, and virtual networks that use it need no more.
    pub(crate) fn with_provider_network() -> Self {
        let mut fixture = Self::new();
        fixture.accept(
            "/logicalNetworks/pa",
            json!({
                "networkVirtualizationEnabled": "True",
                "subnets": [{ "resourceId": "rack", "properties": {
                    "addressPrefix": "192.0.2.0/24", "vlanID": "11", "defaultGateways": ["192.0.2.1"],
                    "ipPools": [{ "resourceId": "pool", "properties": { "startIpAddress": "192.0.2.10", "endIpAddress": "192.0.2.12" } }],
                } }],
            }),
        );
        fixture
    }

    /// Also a virtual network `blue` with the subnet `web`, 10.0.0.0/24, and a MAC pool.
    pub(crate) fn with_virtual_network() -> Self {
        let mut fixture = Self::with_provider_network();
        let blue = Self::network("10.0.0.0/16", &[("web", "10.0.0.0/24")]);
        fixture.accept("/virtualNetworks/blue", blue);
        let pool = json!({ "startMacAddress": "00-1D-D8-00-00-00", "endMacAddress": "00-1D-D8-00-00-FF" });
        fixture.accept("/macPools/default", pool);
        fixture
    }

    /// Properties of a virtual network.
    pub(crate) fn network(space: &str, subnets: &[(&str, &str)]) -> Value {
        let subnet =
            |(id, prefix): &(&str, &str)| json!({ "resourceId": id, "properties": { "addressPrefix": prefix } });
        json!({
            "addressSpace": { "addressPrefixes": [space] },
            "logicalNetwork": { "resourceRef": "/logicalNetworks/pa" },
            "subnets": subnets.iter().map(subnet).collect::<Value>(),
        })
    }

    /// Properties of a NIC with one static address in `/virtualNetworks/blue/subnets/web`.
    pub(crate) fn nic(mac: &str, address: &str) -> Value {
        json!({ "privateMacAddress": mac, "privateMacAllocationMethod": "Static", "ipConfigurations": [
            { "resourceId": "ip", "properties": {
                "privateIPAddress": address, "privateIPAllocationMethod": "Static",
                "subnet": { "resourceRef": "/virtualNetworks/blue/subnets/web" } } },
        ] })
    }

    pub(crate) fn put(&mut self, path: &str, properties: Value) -> Result<Effect, ApiError> {
        self.put_as(LATEST, path, properties)
    }

    pub(crate) fn put_as(&mut self, version: Version, path: &str, properties: Value) -> Result<Effect, ApiError> {
        let Value::Object(body) = json!({ "properties": properties }) else { unreachable!("an object was written") };
        self.write(version, path, Action::Put(body))
    }

    /// Puts what has to be accepted.
    pub(crate) fn accept(&mut self, path: &str, properties: Value) {
        let outcome = self.put(path, properties.clone());
        assert!(outcome.is_ok(), "{path} {properties}: {outcome:?}");
    }

    /// Puts what has to be refused, and checks that nothing changed.
    pub(crate) fn refuse(&mut self, path: &str, properties: Value) -> ApiError {
        self.refuse_as(LATEST, path, properties)
    }

    pub(crate) fn refuse_as(&mut self, version: Version, path: &str, properties: Value) -> ApiError {
        let before = self.world.clone();
        let outcome = self.put_as(version, path, properties.clone());
        assert!(Arc::ptr_eq(&before, &self.world), "{path} {properties}: {outcome:?}");
        outcome.unwrap_err()
    }

    pub(crate) fn delete(&mut self, path: &str) -> Result<Effect, ApiError> {
        self.write(LATEST, path, Action::Delete)
    }

    fn write(&mut self, version: Version, path: &str, action: Action) -> Result<Effect, ApiError> {
        let (collection, key) = Self::locate(path);
        let id = path.rsplit('/').next().unwrap_or_default().to_owned();
        let write = Write { address: Address { version, collection, key, id }, action, condition: Condition::None };
        let before = self.world.clone();
        let ids = &mut self.ids;
        let mut new_id = || {
            *ids += 1;
            Uuid::from_u128(*ids)
        };
        let mut context = Context { now: self.now, hold_off: Self::HOLD_OFF, new_id: &mut new_id };
        let Verdict { effect, next } = evaluate(&before, &write, &mut context)?;
        if let Some(step) = next {
            self.world = Arc::new(step.world);
            self.changes = Commit::new(self.world.generation(), self.world.clone(), &step.touched).revision().changes;
        }
        Ok(effect)
    }

    /// The port of a NIC appears on a host whose settings may fix its provider address.
    pub(crate) fn attach(&mut self, server: &str, nic: &str, provider_address: Option<IpAddr>) {
        let host = HostId(self.node(server).instance_id);
        let attach_id = AttachId(Uuid::new_v4());
        let port = PortStatus {
            profile_id: NicId(self.node(nic).instance_id),
            attach_id,
            device: "veth".to_owned(),
            mac: MacAddr::new([2, 0, 0, 0, 0, 1]),
            result: PortResult::PortBlocked,
        };
        let events =
            Events { instance: Uuid::nil(), sequence: 1, snapshot: false, ports: vec![port], detached: vec![] };
        let context = Context { now: self.now, hold_off: Self::HOLD_OFF, new_id: &mut Uuid::new_v4 };
        let before = self.world.clone();
        let step = ports::evaluate(&before, &PortReport { host, events, provider_address }, &context).unwrap();
        self.world = Arc::new(step.world);
        self.changes = Commit::new(self.world.generation(), self.world.clone(), &step.touched).revision().changes;
    }

    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// The stored document.
    pub(crate) fn node(&self, path: &str) -> &Node {
        let (collection, key) = Self::locate(path);
        self.world.find(collection.name, &key).unwrap_or_else(|| panic!("{path} does not exist"))
    }

    /// The document as the newest version shows it.
    pub(crate) fn get(&self, path: &str) -> Value {
        self.get_as(LATEST, path)
    }

    pub(crate) fn get_as(&self, version: Version, path: &str) -> Value {
        let (collection, key) = Self::locate(path);
        let enforcement = Enforcement::new();
        let renderer = Renderer { world: &self.world, enforcement: &enforcement, version };
        let (bytes, _) =
            renderer.document(collection, &key).unwrap().unwrap_or_else(|| panic!("{path} does not exist"));
        serde_json::from_slice(&bytes).unwrap()
    }

    /// One property of it.
    pub(crate) fn property(&self, path: &str, pointer: &str) -> Value {
        self.get(path).pointer(&format!("/properties/{pointer}")).cloned().unwrap_or_default()
    }

    fn locate(path: &str) -> (&'static super::schema::Collection, Key) {
        let names: Vec<&str> = path.split('/').skip(1).step_by(2).collect();
        let collection = super::collection(&names.join("/"));
        (collection.unwrap_or_else(|| panic!("{path} is of no served collection")), Key::new(path))
    }
}

/// Code and target of a refusal, for tables of expectations.
pub(crate) fn summary(error: &ApiError) -> (Code, &str) {
    (error.code, error.target.as_deref().unwrap_or_default())
}
