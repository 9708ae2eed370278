//! The network proxy as operators see it: switched on and off, and watched.

use crate::agent::Agent;
use crate::driver::Key;
use crate::proxy::directory::Directory;
use crate::proxy::routes::Routes;
use crate::proxy::settings::{ProxySettings, Site};
use crate::proxy::statistics::{Counts, Statistics};
use policy::ids::NicId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::sync::Arc;

/// The proxy's place in the agent.
pub(crate) struct Proxy {
    site: Site,
    settings: ProxySettings,
    state_dir: PathBuf,
    directory: Arc<Directory>,
    statistics: Arc<Statistics>,
}

/// Answer to `GET /v1/proxy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyStatus {
    /// VMs get answers.
    pub enabled: bool,
    /// Where VMs find the proxy.
    pub listen: SocketAddrV4,
    /// Where the documents are found.
    pub routes: Routes,
    /// The documents about interfaces show all of a VM.
    pub all_interfaces: bool,
    /// Every attached port.
    pub ports: Vec<ProxyPort>,
}

/// What one port's VM asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProxyPort {
    /// `instanceId` of the network interface.
    pub profile_id: NicId,
    /// Addresses that its containers may take now; none while its policy is not in force.
    pub listed: Option<usize>,
    /// Since the port was attached.
    #[serde(flatten)]
    pub counts: Counts,
}

impl Proxy {
    /// The proxy at `site`, as it was switched before. If that cannot be read, it is off: VMs can wait for it, but not for
    /// their policy.
    pub(crate) fn load(state_dir: PathBuf, site: Site) -> Self {
        let settings = ProxySettings::load(&state_dir).unwrap_or_else(|error| {
            let directory = state_dir.display();
            tracing::error!(%error, %directory, "proxy.json cannot be read; the network proxy is off until it is enabled");
            ProxySettings::default()
        });
        let directory = Arc::<Directory>::default();
        directory.write().follow(&settings);
        Self { site, settings, state_dir, directory, statistics: Arc::default() }
    }

    /// Where it is, while it is on.
    pub(super) fn site(&self) -> Option<Site> {
        self.settings.enabled.then_some(self.site)
    }

    /// What guests may know.
    pub(crate) fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory)
    }

    /// What guests asked for.
    pub(crate) fn statistics(&self) -> Arc<Statistics> {
        Arc::clone(&self.statistics)
    }

    /// The port is gone.
    pub(super) fn forget(&self, nic: NicId) {
        self.directory.write().remove(nic);
        self.statistics.forget(nic);
    }

    /// What the VM of one network interface asked for.
    pub(super) fn counts(&self, nic: NicId) -> Counts {
        self.statistics.of(nic)
    }

    fn port(&self, nic: NicId) -> ProxyPort {
        ProxyPort { profile_id: nic, listed: self.directory.listed(nic), counts: self.counts(nic) }
    }
}

impl Agent {
    /// How the proxy is, and who asked for what.
    pub fn proxy(&self) -> ProxyStatus {
        let core = self.core();
        let Proxy { site, settings, .. } = &core.proxy;
        ProxyStatus {
            enabled: settings.enabled,
            listen: site.listen,
            routes: settings.routes.clone(),
            all_interfaces: settings.all_interfaces,
            ports: core.ports.iter().map(|port| core.proxy.port(port.profile_id)).collect(),
        }
    }

    /// Switches the proxy, now and for the time after a restart.
    ///
    /// # Errors
    /// The settings cannot be made durable; nothing changed then.
    pub fn set_proxy(&self, settings: ProxySettings) -> io::Result<ProxyStatus> {
        let mut core = self.core();
        settings.save(&core.proxy.state_dir)?;
        core.proxy.directory.write().follow(&settings);
        tracing::info!(enabled = settings.enabled, listen = %core.proxy.site.listen, "network proxy");
        core.proxy.settings = settings;
        core.enforce(BTreeSet::from([Key::Host]));
        drop(core);
        Ok(self.proxy())
    }
}
