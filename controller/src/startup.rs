//! Wiring: from settings to a running application, and back to rest.

use crate::api::{self, Api};
use crate::config::Settings;
use crate::enforcement::Enforcement;
use crate::engine::projection::Commit;
use crate::engine::{self, Engine, PortReport, Started};
use crate::fabric::Revision;
use crate::push::{Dissemination, NotRecorded, PortReports, PushSettings};
use crate::store::{Store, StoreError};
use actix_web::dev::Server;
use actix_web::{App, HttpServer, web};
use policy::ids::HostId;
use policy::report::Events;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A controller that listens.
#[derive(Debug)]
pub struct Application {
    address: SocketAddr,
    server: ServerTask,
    dissemination: Dissemination,
    projection: JoinHandle<()>,
    engine: Engine,
    writer: JoinHandle<()>,
}

/// The server is a future that prints as nothing.
struct ServerTask(Server);

impl std::fmt::Debug for ServerTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server")
    }
}

/// Why the controller did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be used.
    #[error("cannot use the database {url}")]
    Store {
        /// Which.
        url: String,
        /// Why.
        source: StoreError,
    },
    /// No HTTP client for the agents.
    #[error("cannot make an HTTP client for the agents")]
    Client(#[from] reqwest::Error),
    /// The server failed while it ran.
    #[error("the server failed")]
    Server(#[from] io::Error),
}

/// Revisions that wait for the compiler.
const QUEUE: usize = 256;

/// How long requests may take to end when the controller stops.
const GRACE: Duration = Duration::from_secs(5);

/// How long a client may keep an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

impl Application {
    /// Opens the database, starts all tasks and listens.
    ///
    /// # Errors
    /// See [`StartupError`].
    pub async fn build(settings: &Settings) -> Result<Self, StartupError> {
        let listen = |source| StartupError::Listen { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let store_error = |source| StartupError::Store { url: settings.database.clone(), source };
        let store = Store::open(&settings.database).await.map_err(store_error)?;
        let started = Engine::start(store, engine::Settings { hold_off: settings.hold_off }).await;
        let Started { engine, commits, writer } = started.map_err(store_error)?;

        let enforcement = Enforcement::new();
        let (sender, revisions) = mpsc::channel(QUEUE);
        let projection = tokio::spawn(project(commits, sender));
        let reports = Arc::new(engine.clone());
        let dissemination =
            Dissemination::start(engine.epoch(), PushSettings::default(), revisions, enforcement.clone(), reports)?;

        let openapi = crate::openapi::document().to_string().into();
        let api = web::Data::new(Api::new(engine.clone(), enforcement, settings.body_limit, openapi));
        let app = move || App::new().app_data(api.clone()).default_service(web::to(api::serve));
        let server = HttpServer::new(app)
            .keep_alive(KEEP_ALIVE)
            .tcp_nodelay(true)
            .shutdown_timeout(GRACE.as_secs())
            .listen(listener)?
            .run();
        Ok(Self { address, server: ServerTask(server), dissemination, projection, engine, writer })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until SIGTERM or SIGINT, then ends everything in order.
    ///
    /// # Errors
    /// The server failed.
    pub async fn run(self) -> Result<(), StartupError> {
        let Self { server, dissemination, projection, engine, writer, .. } = self;
        let outcome = server.0.await;
        dissemination.stop().await;
        // With the last handle gone the writer ends, and with it the commits.
        drop(engine);
        for task in [writer, projection] {
            if let Err(error) = task.await {
                tracing::error!(error = &error as &dyn std::error::Error, "a task did not end well");
            }
        }
        Ok(outcome?)
    }

    /// Stops a server that runs elsewhere: for tests, which have no signals of their own.
    pub fn handle(&self) -> actix_web::dev::ServerHandle {
        self.server.0.handle()
    }
}

/// Turns commits into revisions. Keeps taking them when nobody compiles any more, so that writes go on.
async fn project(mut commits: mpsc::Receiver<Commit>, revisions: mpsc::Sender<Revision>) {
    while let Some(commit) = commits.recv().await {
        // Nobody compiles while the controller stops.
        let _ = revisions.send(commit.revision()).await;
    }
}

impl PortReports for Engine {
    async fn report(&self, host: HostId, events: Events, provider_address: Option<IpAddr>) -> Result<(), NotRecorded> {
        let report = PortReport { host, events, provider_address };
        self.report_ports(report).await.map_err(|refusal| NotRecorded(refusal.to_string()))
    }
}

/// Brings the database to this version.
///
/// # Errors
/// It cannot be used.
pub async fn migrate(settings: &Settings) -> Result<(), StartupError> {
    let store_error = |source| StartupError::Store { url: settings.database.clone(), source };
    let store = Store::open(&settings.database).await.map_err(store_error)?;
    store.close().await.map_err(store_error)
}
