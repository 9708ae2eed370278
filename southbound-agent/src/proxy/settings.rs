//! Whether the proxy is on, and what is found where: set with `southbound-agent proxy`, and kept in the state directory.

use crate::proxy::routes::Routes;
use policy::net::MacAddr;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::Path;

/// File in the state directory.
const FILE: &str = "proxy.json";

/// Where VMs find the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Site {
    pub(crate) listen: SocketAddrV4,
    pub(crate) mac: MacAddr,
}

impl Site {
    /// Where guests look for it. (`network-proxy.md` 2)
    pub(crate) const LISTEN: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(169, 254, 169, 254), 6642);

    /// The proxy at `listen`, with the MAC that guests of existing hosts know.
    pub(crate) fn at(listen: SocketAddrV4) -> Self {
        Self { listen, mac: MacAddr::new([0x22; 6]) }
    }
}

/// What an operator decides.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProxySettings {
    /// VMs get answers.
    pub enabled: bool,
    /// Where the documents are found.
    #[serde(default)]
    pub routes: Routes,
    /// The documents about interfaces show all of the VM that asks, not only the one that it asks through. Which ports are
    /// of one VM is said when they are attached.
    #[serde(default)]
    pub all_interfaces: bool,
}

impl ProxySettings {
    /// What was decided before; off if nothing was.
    ///
    /// # Errors
    /// The file cannot be read, or holds something else.
    pub(crate) fn load(state_dir: &Path) -> io::Result<Self> {
        match fs::read(state_dir.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Keeps them over a restart: once this returns, they are on disk.
    ///
    /// # Errors
    /// Those of the file system; what was decided before then still holds.
    pub(crate) fn save(&self, state_dir: &Path) -> io::Result<()> {
        let (path, draft) = (state_dir.join(FILE), state_dir.join("proxy.json.new"));
        let mut file = File::create(&draft)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(draft, path)?;
        File::open(state_dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(ProxySettings::load(directory.path()).unwrap(), ProxySettings::default());
        let routes = Routes::from(vec!["list=/mine".parse().unwrap()]);
        let settings = ProxySettings { enabled: true, routes, all_interfaces: true };
        settings.save(directory.path()).unwrap();
        assert_eq!(ProxySettings::load(directory.path()).unwrap(), settings);
        fs::write(directory.path().join(FILE), "{\"enabled\": true, \"x\": 1}").unwrap();
        assert!(ProxySettings::load(directory.path()).is_err());
    }
}
