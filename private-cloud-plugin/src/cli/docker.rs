//! `private-cloud-plugin docker`.

use super::{CliError, Common};
use crate::docker::{ServeError, Service, Settings};
use crate::network::Kind;
use crate::proxy::Proxy;
use crate::vm::Vm;
use clap::Args;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Debug, Args)]
pub(super) struct Docker {
    #[command(flatten)]
    common: Common,
    /// Directory where docker looks for the sockets of plugins.
    #[arg(long, value_name = "DIR", default_value = "/run/docker/plugins")]
    plugin_dir: PathBuf,
    /// Driver to serve; may be given several times.
    #[arg(long = "driver", value_name = "NAME", default_values = ["l2bridge", "l2tunnel"])]
    drivers: Vec<Kind>,
    /// Socket for docker's clients (docker context, DOCKER_HOST).
    #[arg(long, value_name = "PATH", default_value = "/run/private-cloud-plugin/docker.sock")]
    api_socket: PathBuf,
    /// The docker engine's own socket.
    #[arg(long, value_name = "PATH", default_value = "/var/run/docker.sock")]
    engine_socket: PathBuf,
    /// The VM's device that leads to the fabric, for networks that name none [default: that of the default route]
    #[arg(long, value_name = "DEVICE")]
    uplink: Option<String>,
}

impl Docker {
    pub(super) async fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let Self { common, plugin_dir, drivers, api_socket, engine_socket, uplink } = self;
        let proxy = Proxy::new(&common.proxy)?;
        let drivers = drivers.into_iter().collect();
        let settings = Settings { plugin_dir, drivers, api_socket, engine_socket, uplink };
        // Before anything is listened on: a signal that comes early is not lost.
        let listen = |kind| signal(kind).map_err(ServeError::Serve);
        let (mut stop, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
        let service = Service::start(Vm::new(common.state_dir), proxy, settings).await?;
        for path in service.sockets() {
            writeln!(out, "private-cloud-plugin listens on {}", path.display())?;
        }
        out.flush()?;
        if let Some(socket) = std::env::var_os("NOTIFY_SOCKET") {
            tell_service_manager(&socket).map_err(ServeError::Serve)?;
        }
        let end = async {
            tokio::select! {
                _ = stop.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        Ok(service.run(end).await?)
    }
}

/// Tells systemd at `socket` that the service is ready (sd_notify(3)).
fn tell_service_manager(socket: &OsStr) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        path => SocketAddr::from_pathname(OsStr::from_bytes(path))?,
    };
    UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_manager_is_told_by_path_and_by_abstract_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let name = format!("{}-of-a-test", path.display());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        for (socket, listening) in [
            (path.display().to_string(), UnixDatagram::bind(&path).unwrap()),
            (format!("@{name}"), UnixDatagram::bind_addr(&address).unwrap()),
        ] {
            tell_service_manager(OsStr::new(&socket)).unwrap();
            let mut heard = [0; 32];
            let length = listening.recv(&mut heard).unwrap();
            assert_eq!(&heard[..length], b"READY=1", "{socket}");
        }
    }
}
