//! Wiring: from settings to a running agent. The same for `main` and for tests.

use crate::agent::proxy::Proxy;
use crate::agent::{Agent, Identity, StartError};
use crate::api;
use crate::config::{DatapathKind, DriverKind, Settings};
use crate::datapath::clock::Clock;
use crate::datapath::sockets::Sockets;
use crate::datapath::{Datapath, NoDatapath};
use crate::driver::VfpDriver;
use crate::driver::software::{SharedSwitch, Software};
use crate::proxy::service::Service;
use crate::proxy::settings::Site;
use crate::upkeep::{Mailbox, Upkeep};
use actix_web::dev::{Server, ServerHandle};
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use uuid::Uuid;
use vfp::{Config, Switch};

/// Threads that read requests. Work that waits is done on others.
const WORKERS: usize = 2;
/// Seconds that open requests have at the end; long-polls are cut short.
const SHUTDOWN_SECONDS: u64 = 1;

/// Longer than clients keep connections for reuse, so that it is never the agent that closes one in their hands.
const KEEP_ALIVE: Duration = Duration::from_secs(120);

/// An agent that enforces its last goal state and is bound to its address.
pub struct Application {
    server: Server,
    address: SocketAddr,
    agent: Arc<Agent>,
    /// Ends with the application.
    _upkeep: Upkeep,
}

/// Why an agent cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// What is remembered cannot be put in force.
    #[error(transparent)]
    Agent(#[from] StartError),
    /// The address is in use, or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system is out of something.
    #[error("cannot start")]
    System(#[source] io::Error),
}

impl Application {
    /// Enforces what the ledger holds, then listens. Nothing is answered before [`Self::run`].
    ///
    /// # Errors
    /// [`BuildError`]
    pub fn build(settings: &Settings) -> Result<Self, BuildError> {
        let identity = Identity { host_id: settings.host_id, provider_address: settings.provider_address };
        let mailbox = Mailbox::new();
        let clock = Clock::start();
        let switch = SharedSwitch::new(Switch::new(Config { hash_seed: seed(), ..Config::default() }));
        let driver: Box<dyn VfpDriver> = match settings.driver {
            DriverKind::Software => Box::new(Software::new(switch.clone(), clock)),
        };
        let site = Site::at(settings.proxy_listen);
        let proxy = Proxy::load(settings.state_dir.clone(), site);
        let datapath: Box<dyn Datapath> = match settings.datapath {
            DatapathKind::None => Box::new(NoDatapath),
            DatapathKind::Sockets => {
                let (device, notices) = (settings.underlay_device.clone(), mailbox.sender());
                let (requests, frames) = mpsc::channel();
                let sockets = Sockets::start(switch, clock, device, notices, requests).map_err(BuildError::System)?;
                let (directory, statistics) = (proxy.directory(), proxy.statistics());
                let service = Service { site, directory, statistics, guests: sockets.devices(), seed: seed() };
                service.start(frames).map_err(BuildError::System)?;
                Box::new(sockets)
            }
        };
        let agent = Arc::new(Agent::start(&settings.state_dir, identity, driver, datapath, proxy)?);
        let upkeep = Upkeep::start(Arc::clone(&agent), mailbox).map_err(BuildError::System)?;

        let data = Data::from(Arc::clone(&agent));
        let server = HttpServer::new(move || App::new().app_data(data.clone()).configure(api::routes))
            .workers(WORKERS)
            .keep_alive(KEEP_ALIVE)
            .shutdown_timeout(SHUTDOWN_SECONDS)
            .disable_signals()
            .bind(settings.listen)
            .map_err(|source| BuildError::Listen { address: settings.listen, source })?;
        let address = server.addrs().first().copied().unwrap_or(settings.listen);
        Ok(Self { server: server.run(), address, agent, _upkeep: upkeep })
    }

    /// Where the API is served, with the port that the system chose.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The agent itself, for callers in the same process.
    pub fn agent(&self) -> Arc<Agent> {
        Arc::clone(&self.agent)
    }

    /// For stopping [`Self::run`].
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Serves until the handle stops it.
    ///
    /// # Errors
    /// Those of the sockets.
    pub async fn run(self) -> io::Result<()> {
        let Self { server, agent, _upkeep, .. } = self;
        let result = server.await;
        // Threads of the server may hold the agent for some moments more.
        agent.close();
        result
    }
}

/// What tenants cannot guess.
fn seed() -> u64 {
    let (high, low) = Uuid::new_v4().as_u64_pair();
    high ^ low
}
