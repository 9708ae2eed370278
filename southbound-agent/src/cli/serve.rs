//! `southbound-agent serve`.

use crate::cli::CliError;
use crate::config::{Layer, Settings};
use crate::startup::Application;
use crate::telemetry;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Flags. Each overrides the environment variable `SDN_…` of the same name, which overrides the file.
#[derive(Debug, Args)]
pub(super) struct Serve {
    /// TOML file with settings; keys are named like the flags.
    #[arg(long, value_name = "FILE", env = "SDN_CONFIG")]
    config: Option<PathBuf>,
    /// Address of the API; port 0 lets the system choose [default: 127.0.0.1:9443]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Directory for what must survive a restart [default: ./var/agent]
    #[arg(long, value_name = "DIRECTORY")]
    state_dir: Option<String>,
    /// What enforces policy: software [default: software]
    #[arg(long, value_name = "DRIVER")]
    driver: Option<String>,
    /// How frames are moved: sockets, or none to only inspect and trace [default: sockets]
    #[arg(long, value_name = "KIND")]
    datapath: Option<String>,
    /// instanceId of this host's `servers` resource; learnt from the first goal state when not given
    #[arg(long, value_name = "GUID")]
    host_id: Option<String>,
    /// Provider address of this host, if it is not for the controller to choose
    #[arg(long, value_name = "ADDRESS")]
    provider_address: Option<String>,
    /// Device that the agent keeps the provider address on
    #[arg(long, value_name = "DEVICE")]
    underlay_device: Option<String>,
    /// Link-local address and port at which VMs find the network proxy [default: 169.254.169.254:6642]
    #[arg(long, value_name = "ADDRESS")]
    proxy_listen: Option<String>,
    /// Serve the API in clear on an address that others can reach
    #[arg(long)]
    trust_management_network: bool,
}

impl Serve {
    pub(super) async fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        telemetry::start();
        let config = self.config.clone();
        let settings = Settings::load(config.as_ref(), |name| std::env::var(name).ok(), self.layer())?;
        let application = Application::build(&settings)?;
        let (address, handle) = (application.address(), application.handle());
        let running = tokio::spawn(application.run());
        // Whoever starts agents waits for this line.
        writeln!(out, "southbound-agent listens on http://{address}")?;
        out.flush()?;
        tokio::spawn(async move {
            let (Ok(mut interrupt), Ok(mut terminate)) =
                (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("stopping; policy is enforced again when the agent starts");
            handle.stop(true).await;
        });
        match running.await {
            Ok(result) => result.map_err(CliError::Serve),
            Err(error) => Err(CliError::Serve(error.into())),
        }
    }

    fn layer(self) -> Layer {
        let Self {
            config: _,
            listen,
            state_dir,
            driver,
            datapath,
            host_id,
            provider_address,
            underlay_device,
            proxy_listen,
            trust_management_network,
        } = self;
        let given = [
            ("listen", listen),
            ("state-dir", state_dir),
            ("driver", driver),
            ("datapath", datapath),
            ("host-id", host_id),
            ("provider-address", provider_address),
            ("underlay-device", underlay_device),
            ("proxy-listen", proxy_listen),
            ("trust-management-network", trust_management_network.then(|| "true".to_owned())),
        ];
        given.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}
