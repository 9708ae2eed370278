//! The service: sockets for docker and its clients, from start to end.

use super::front::Front;
use super::leftovers::Leftovers;
use super::offers::Offers;
use super::{Answer, Driver};
use crate::network::Kind;
use crate::proxy::Proxy;
use crate::store;
use crate::vm::{Vm, VmError};
use actix_web::dev::{Server, ServerHandle};
use actix_web::http::header::ContentType;
use actix_web::{App, HttpResponse, HttpServer, web};
use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Seconds that open requests have at the end.
const SHUTDOWN_SECONDS: u64 = 5;

/// How often the data plane is looked after.
const UPKEEP: Duration = Duration::from_secs(10);

/// Media type of libnetwork's remote protocol (`containers.md` section 4).
const MEDIA_TYPE: &str = "application/vnd.docker.plugins.v1.2+json";

/// How the service is to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where docker looks for plugins; each driver gets a socket of its name there.
    pub plugin_dir: PathBuf,
    /// Drivers to be served.
    pub drivers: BTreeSet<Kind>,
    /// Socket for docker's clients.
    pub api_socket: PathBuf,
    /// The engine's socket.
    pub engine_socket: PathBuf,
    /// Device for networks that name none; the one with the default route if not set.
    pub uplink: Option<String>,
}

/// A service that listens.
pub struct Service {
    vm: Vm,
    servers: Vec<Server>,
    front: Front,
    leftovers: Leftovers,
    engine_socket: PathBuf,
    sockets: Sockets,
    /// Held while the service lives, so that no second one takes the sockets from it.
    lock: File,
}

/// Why there is no service.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The VM cannot be brought into order.
    #[error("the containers' networks cannot be restored")]
    Reconcile(#[from] VmError),
    /// There is one.
    #[error("the service runs already (it has {0}); stop it first")]
    Running(PathBuf),
    /// A socket, or the lock, cannot be made.
    #[error("cannot make {path}")]
    Listen {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// While running.
    #[error("the service broke off")]
    Serve(#[source] io::Error),
}

/// Paths of sockets, which go with the service.
#[derive(Debug, Default)]
struct Sockets(Vec<PathBuf>);

impl Drop for Sockets {
    fn drop(&mut self) {
        for path in &self.0 {
            // Somebody else may have removed it.
            fs::remove_file(path).ok();
        }
    }
}

impl Service {
    /// Brings the VM into order and listens. Drivers answer as soon as [`Service::run`] is awaited.
    ///
    /// # Errors
    /// The VM cannot be brought into order, or a socket not be made.
    pub async fn start(vm: Vm, proxy: Proxy, settings: Settings) -> Result<Self, ServeError> {
        let lock = alone(vm.directory())?;
        let reconciled = vm.clone();
        let reconciled = tokio::task::spawn_blocking(move || {
            reconciled.reconcile()?;
            reconciled.look()
        });
        let (state, _) = reconciled.await.map_err(|error| ServeError::Serve(io::Error::other(error)))??;
        let leftovers = Leftovers::new(&state);
        let mut sockets = Sockets::default();
        let offers = Offers::new(proxy);
        let mut servers = Vec::new();
        for kind in settings.drivers.iter().copied() {
            let path = settings.plugin_dir.join(format!("{kind}.sock"));
            let (vm, offers, leftovers) = (vm.clone(), offers.clone(), leftovers.clone());
            let driver = Driver { vm, offers, leftovers, kind, uplink: settings.uplink.clone() };
            servers.push(listen(driver, &path).map_err(|source| ServeError::Listen { path: path.clone(), source })?);
            sockets.0.push(path);
        }
        let (path, engine_socket) = (settings.api_socket, settings.engine_socket);
        let front = Front::listen(&path, engine_socket.clone(), settings.drivers);
        let front = front.map_err(|source| ServeError::Listen { path: path.clone(), source })?;
        sockets.0.push(path);
        Ok(Self { vm, servers, front, leftovers, engine_socket, sockets, lock })
    }

    /// Where it listens.
    pub fn sockets(&self) -> impl Iterator<Item = &Path> {
        self.sockets.0.iter().map(PathBuf::as_path)
    }

    /// Serves until `end` is there; open requests are answered.
    ///
    /// # Errors
    /// A server broke off.
    pub async fn run(self, end: impl Future<Output = ()>) -> Result<(), ServeError> {
        let Self { vm, servers, front, leftovers, engine_socket, sockets, lock } = self;
        let handles: Vec<ServerHandle> = servers.iter().map(Server::handle).collect();
        let mut running = tokio::task::JoinSet::new();
        servers.into_iter().for_each(|server| drop(running.spawn(server)));
        let broken = async {
            match running.join_next().await {
                Some(Ok(Err(error))) => Err(ServeError::Serve(error)),
                Some(Err(error)) => Err(ServeError::Serve(io::Error::other(error))),
                Some(Ok(Ok(()))) | None => Ok(()),
            }
        };
        let lookout = async { tokio::join!(upkeep(vm.clone()), leftovers.settle(&vm, &engine_socket)).0 };
        let result = tokio::select! {
            () = end => Ok(()),
            () = front.run() => Ok(()),
            () = lookout => Ok(()),
            broken = broken => broken,
        };
        for handle in handles {
            handle.stop(true).await;
        }
        drop(sockets);
        drop(lock);
        result
    }
}

/// Makes sure that there is no other service with this state.
fn alone(directory: &Path) -> Result<File, ServeError> {
    let path = directory.join("service.lock");
    let failed = |source| ServeError::Listen { path: path.clone(), source };
    let lock = store::lock_file(directory, &path).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(ServeError::Running(path)),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Looks after the data plane, for ever.
async fn upkeep(vm: Vm) {
    let mut ticks = tokio::time::interval(UPKEEP);
    // The first comes at once, and the service has just begun.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let vm = vm.clone();
        match tokio::task::spawn_blocking(move || vm.heal()).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => tracing::warn!("somebody removed the rules of the containers' networks; they are back"),
            Ok(Err(error)) => tracing::warn!(%error, "the containers' networks cannot be looked after"),
            Err(error) => tracing::warn!(%error, "the containers' networks were not looked after"),
        }
    }
}

fn listen(driver: Driver, path: &Path) -> io::Result<Server> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let driver = web::Data::new(driver);
    let app = move || App::new().app_data(driver.clone()).default_service(web::to(call));
    // One thread reads requests; work that waits is done on others.
    let server = HttpServer::new(app).workers(1).shutdown_timeout(SHUTDOWN_SECONDS).disable_signals();
    Ok(server.bind_uds(path)?.run())
}

/// One call: `POST /NetworkDriver.Join`. An empty body stands for no arguments.
async fn call(path: actix_web::HttpRequest, body: web::Bytes, driver: web::Data<Driver>) -> HttpResponse {
    let call = path.path().trim_start_matches('/');
    match driver.answer(call, &body).await {
        Answer::Done(value) | Answer::Failed(value) => {
            HttpResponse::Ok().content_type(MEDIA_TYPE).body(value.to_string())
        }
        Answer::Unclear(value) => HttpResponse::BadRequest().content_type(MEDIA_TYPE).body(value.to_string()),
        Answer::NoSuchCall => HttpResponse::NotFound().content_type(ContentType::plaintext()).finish(),
    }
}
