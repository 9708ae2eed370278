//! An agent as far as the protocol goes: a real HTTP server that keeps what it is given and enforces nothing.

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Data, Json, Query};
use actix_web::{App, HttpResponse, HttpServer};
use policy::GOAL_STATE_VERSION;
use policy::goal_state::{Applied, ContentHash, Refusal, SectionKey, Update};
use policy::ids::{AttachId, Epoch, Generation, HostId, NicId};
use policy::net::MacAddr;
use policy::report::{AgentStatus, Events, PortResult, PortStatus};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

/// What an agent keeps, and how it behaves.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) host_id: Option<HostId>,
    pub(super) instance: Uuid,
    pub(super) in_force: Option<(Epoch, Generation)>,
    pub(super) manifest: BTreeMap<SectionKey, ContentHash>,
    pub(super) bodies: BTreeMap<ContentHash, String>,
    pub(super) ports: Vec<PortStatus>,
    /// Counts changes of `ports`; each is told as a snapshot, which the protocol allows.
    pub(super) sequence: u64,
    /// What arrived: one line for each update, whatever came of it.
    pub(super) updates: Vec<Received>,
    pub(super) behaviour: Behaviour,
}

/// What is remembered of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) generation: u64,
    pub(super) base: Option<u64>,
    pub(super) set: usize,
    pub(super) bodies: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Faithful,
    /// Answers updates with an error.
    Failing,
    /// Takes the update and never answers.
    Mute,
    /// Keeps the update waiting.
    Slow,
}

/// A running agent; it stops when told to.
#[derive(Debug)]
pub(super) struct FakeAgent {
    pub(super) state: Arc<watch::Sender<Inner>>,
    pub(super) address: SocketAddr,
    server: ServerHandle,
}

impl FakeAgent {
    pub(super) fn start(host_id: Option<HostId>) -> Self {
        let inner = Inner {
            host_id,
            instance: Uuid::new_v4(),
            in_force: None,
            manifest: BTreeMap::new(),
            bodies: BTreeMap::new(),
            ports: Vec::new(),
            sequence: 0,
            updates: Vec::new(),
            behaviour: Behaviour::Faithful,
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::serve(listener, inner)
    }

    fn serve(listener: TcpListener, inner: Inner) -> Self {
        let state = Arc::new(watch::Sender::new(inner));
        let address = listener.local_addr().unwrap();
        let data = Data::from(state.clone());
        let app = move || {
            App::new()
                .app_data(data.clone())
                .route("/v1/status", web::get().to(status))
                .route("/v1/events", web::get().to(events))
                .route("/v1/goal-state", web::put().to(put_goal_state))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { state, address, server: handle }
    }

    /// Ends the process, so to speak. What is left is on disk.
    pub(super) async fn stop(self) -> (SocketAddr, Inner) {
        self.server.stop(false).await;
        (self.address, self.state.borrow().clone())
    }

    /// A new run at the same address.
    pub(super) async fn restart(address: SocketAddr, disk: Inner) -> Self {
        let inner = Inner { instance: Uuid::new_v4(), updates: Vec::new(), sequence: 0, ..disk };
        let listener = loop {
            // The system may take a moment to give the address back.
            match TcpListener::bind(address) {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        Self::serve(listener, inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Inner)) {
        self.state.send_modify(change);
    }

    /// Waits until the agent is as it should be; panics with what it is instead.
    pub(super) async fn until(&self, condition: impl Fn(&Inner) -> bool) -> Inner {
        let mut watch = self.state.subscribe();
        match tokio::time::timeout(Duration::from_secs(20), watch.wait_for(condition)).await {
            Ok(inner) => inner.unwrap().clone(),
            Err(_) => panic!("still not so: {:?}", *self.state.borrow()),
        }
    }

    pub(super) fn updates(&self) -> Vec<Received> {
        self.state.borrow().updates.clone()
    }

    /// A port comes up.
    pub(super) fn attach(&self, nic: NicId) {
        self.change(|inner| {
            let result = inner.result(nic);
            inner.ports.push(PortStatus {
                profile_id: nic,
                attach_id: AttachId(Uuid::new_v4()),
                device: format!("tap{}", inner.ports.len()),
                mac: MacAddr::new([0; 6]),
                result,
            });
            inner.sequence += 1;
        });
    }
}

impl Inner {
    fn result(&self, nic: NicId) -> PortResult {
        match self.manifest.contains_key(&SectionKey::Port(nic)) {
            true => PortResult::Success,
            false => PortResult::PortBlocked,
        }
    }

    /// The protocol's rules.
    fn apply(&mut self, update: &Update) -> Result<Applied, Refusal> {
        let Update { epoch, generation, base, .. } = *update;
        let held = self.in_force.filter(|(held, _)| *held == epoch).map(|(_, generation)| generation);
        if let Some(in_force) = held.filter(|held| *held > generation) {
            return Err(Refusal::Stale { in_force });
        }
        if base.is_some() && base != held {
            return Err(Refusal::Behind { in_force: self.in_force });
        }
        let mut manifest = if base.is_some() { self.manifest.clone() } else { BTreeMap::new() };
        manifest.extend(update.set.iter().map(|(key, hash)| (*key, *hash)));
        manifest.retain(|key, _| !update.remove.contains(key));
        let mut bodies = self.bodies.clone();
        for (hash, body) in &update.bodies {
            assert_eq!(*hash, ContentHash::of(body.get().as_bytes()), "bodies are named by their content");
            bodies.insert(*hash, body.get().to_owned());
        }
        let missing: Vec<_> = manifest.values().filter(|hash| !bodies.contains_key(hash)).copied().collect();
        if !missing.is_empty() {
            return Err(Refusal::Missing { bodies: missing });
        }
        bodies.retain(|hash, _| manifest.values().any(|used| used == hash));
        (self.manifest, self.bodies, self.in_force) = (manifest, bodies, Some((epoch, generation)));
        let mut ports = std::mem::take(&mut self.ports);
        let mut changed = Vec::new();
        for port in &mut ports {
            let result = self.result(port.profile_id);
            if port.result != result {
                port.result = result;
                self.sequence += 1;
                changed.push(port.clone());
            }
        }
        self.ports = ports;
        Ok(Applied { epoch, generation, ports: changed })
    }
}

type State = Data<watch::Sender<Inner>>;

async fn status(state: State) -> Json<AgentStatus> {
    let inner = state.borrow();
    Json(AgentStatus {
        version: GOAL_STATE_VERSION,
        instance: inner.instance,
        host_id: inner.host_id,
        in_force: inner.in_force,
        provider_address: Some("192.0.2.99".parse().unwrap()),
        driver: "fake".into(),
    })
}

async fn put_goal_state(state: State, update: web::Bytes) -> HttpResponse {
    let update: Update = serde_json::from_slice(&update).unwrap();
    assert_eq!(update.version, GOAL_STATE_VERSION);
    state.send_modify(|inner| {
        inner.updates.push(Received {
            generation: update.generation.0,
            base: update.base.map(|base| base.0),
            set: update.set.len(),
            bodies: update.bodies.len(),
        });
    });
    let mut watch = state.subscribe();
    let behaviour = watch.wait_for(|inner| inner.behaviour != Behaviour::Slow).await.unwrap().behaviour;
    if behaviour == Behaviour::Failing {
        let error = serde_json::json!({"error": {"code": "StateNotKept", "message": "no space left on device"}});
        return HttpResponse::InsufficientStorage().json(error);
    }
    let mut answer = None;
    state.send_modify(|inner| answer = Some(inner.apply(&update)));
    if behaviour == Behaviour::Mute {
        std::future::pending::<()>().await;
    }
    match answer.unwrap() {
        Ok(applied) => HttpResponse::Ok().json(applied),
        Err(refusal) => HttpResponse::Conflict().json(refusal),
    }
}

#[derive(Deserialize)]
struct Cursor {
    after: Option<u64>,
    instance: Option<Uuid>,
    wait: u64,
}

async fn events(state: State, cursor: Query<Cursor>) -> Json<Events> {
    let Query(Cursor { after, instance, wait }) = cursor;
    let mut watch = state.subscribe();
    let news = |inner: &Inner| instance != Some(inner.instance) || after.is_none_or(|after| inner.sequence > after);
    let snapshot = tokio::time::timeout(Duration::from_secs(wait), watch.wait_for(news)).await.is_ok();
    let inner = state.borrow();
    let ports = if snapshot { inner.ports.clone() } else { Vec::new() };
    Json(Events { instance: inner.instance, sequence: inner.sequence, snapshot, ports, detached: Vec::new() })
}
