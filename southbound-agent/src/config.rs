//! Settings of `southbound-agent serve`: a TOML file, overridden by the environment, overridden by flags.
//!
//! Every mistake is reported at once. Unknown keys of the file are refused; a variable `SDN_…` that is not ours may
//! belong to another program of the controller.

use crate::proxy::settings::Site;
use policy::ids::HostId;
use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::str::FromStr;

/// How the agent is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the API is served.
    pub listen: SocketAddr,
    /// Directory for what must survive a restart.
    pub state_dir: PathBuf,
    /// What enforces policy.
    pub driver: DriverKind,
    /// Whether frames are moved; without, policy can be inspected and traced only.
    pub datapath: DatapathKind,
    /// `servers.instanceId`; learnt from the first goal state when it is not set.
    pub host_id: Option<HostId>,
    /// Provider address of this host, if it is not for the controller to choose.
    pub provider_address: Option<IpAddr>,
    /// Device that the agent keeps the provider address on.
    pub underlay_device: Option<String>,
    /// Where VMs find the network proxy.
    pub proxy_listen: SocketAddrV4,
    /// Consent to serve the API in clear on an address that others can reach.
    pub trust_management_network: bool,
}

/// Which driver enforces policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverKind {
    /// The `vfp` engine of this repository.
    Software,
}

/// How frames come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatapathKind {
    /// Packet sockets on the ports' devices, a UDP socket on the underlay.
    Sockets,
    /// Not at all.
    None,
}

/// Everything that is wrong with the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(pub Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the settings are not usable:")?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

/// What one source says, by key. Values are texts until all sources are merged.
pub type Layer = BTreeMap<&'static str, String>;

const KEYS: [&str; 9] = [
    "listen",
    "state-dir",
    "driver",
    "datapath",
    "host-id",
    "provider-address",
    "underlay-device",
    "proxy-listen",
    "trust-management-network",
];

impl Settings {
    /// Merges `flags` over the environment over the file, and reads the result.
    ///
    /// # Errors
    /// All [`Mistakes`] in all sources.
    pub fn load(
        file: Option<&PathBuf>,
        environment: impl Fn(&str) -> Option<String>,
        flags: Layer,
    ) -> Result<Self, Mistakes> {
        let mut mistakes = Vec::new();
        let mut merged = match file {
            Some(path) => match fs::read_to_string(path) {
                Ok(text) => read_file(&text, &mut mistakes),
                Err(error) => {
                    mistakes.push(format!("cannot read {}: {error}", path.display()));
                    Layer::new()
                }
            },
            None => Layer::new(),
        };
        let variable = |key: &str| environment(&format!("SDN_{}", key.to_ascii_uppercase().replace('-', "_")));
        merged.extend(KEYS.iter().filter_map(|key| Some((*key, variable(key)?))));
        merged.extend(flags);
        let settings = Self::read(&merged, &mut mistakes);
        if mistakes.is_empty() { Ok(settings) } else { Err(Mistakes(mistakes)) }
    }

    fn read(layer: &Layer, mistakes: &mut Vec<String>) -> Self {
        let settings = Self {
            listen: value(layer, "listen", mistakes).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 9443))),
            state_dir: value(layer, "state-dir", mistakes).unwrap_or_else(|| PathBuf::from("./var/agent")),
            driver: value(layer, "driver", mistakes).unwrap_or(DriverKind::Software),
            datapath: value(layer, "datapath", mistakes).unwrap_or(DatapathKind::Sockets),
            host_id: value(layer, "host-id", mistakes),
            provider_address: value(layer, "provider-address", mistakes),
            underlay_device: value(layer, "underlay-device", mistakes),
            proxy_listen: value(layer, "proxy-listen", mistakes).unwrap_or(Site::LISTEN),
            trust_management_network: value(layer, "trust-management-network", mistakes).unwrap_or(false),
        };
        if !settings.listen.ip().is_loopback() && !settings.trust_management_network {
            mistakes.push(format!(
                "listen: {} can be reached by others, and there is no TLS yet; serve on a loopback address, or say \
                 trust-management-network if only the controller can reach it",
                settings.listen
            ));
        }
        if settings.proxy_listen.port() == 0 || !settings.proxy_listen.ip().is_link_local() {
            mistakes.push(format!(
                "proxy-listen: {} is no link-local address with a port; no tenant must be able to own it",
                settings.proxy_listen
            ));
        }
        settings
    }
}

fn value<T: FromStr<Err: fmt::Display>>(layer: &Layer, key: &str, mistakes: &mut Vec<String>) -> Option<T> {
    let text = layer.get(key)?;
    text.parse().map_err(|error| mistakes.push(format!("{key}: '{text}': {error}"))).ok()
}

fn read_file(text: &str, mistakes: &mut Vec<String>) -> Layer {
    let table: toml::Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => {
            mistakes.push(format!("the file is no TOML: {}", error.message()));
            return Layer::new();
        }
    };
    let mut layer = Layer::new();
    for (name, value) in table {
        let Some(key) = KEYS.iter().find(|key| **key == name.replace('_', "-")) else {
            mistakes.push(format!("{name}: there is no such setting"));
            continue;
        };
        match value {
            toml::Value::String(text) => drop(layer.insert(key, text)),
            toml::Value::Boolean(flag) => drop(layer.insert(key, flag.to_string())),
            other => mistakes.push(format!("{name}: a {} where a text or true/false belongs", other.type_str())),
        }
    }
    layer
}

impl FromStr for DriverKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "software" => Ok(Self::Software),
            "vfpctrl" | "hcn" => Err("this driver is for Windows hosts and not in this build; 'software' is"),
            _ => Err("there is no such driver; 'software' is one"),
        }
    }
}

impl fmt::Display for DriverKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Software => "software",
        })
    }
}

impl FromStr for DatapathKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "sockets" => Ok(Self::Sockets),
            "none" => Ok(Self::None),
            _ => Err("there is no such datapath; 'sockets' and 'none' are"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn flags(pairs: &[(&'static str, &str)]) -> Layer {
        pairs.iter().map(|(key, text)| (*key, (*text).to_owned())).collect()
    }

    fn file(text: &str) -> (tempfile::NamedTempFile, PathBuf) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let path = file.path().to_owned();
        (file, path)
    }

    #[test]
    fn nothing_said_gives_a_loopback_agent() {
        let settings = Settings::load(None, |_| None, Layer::new()).unwrap();
        assert_eq!(settings.listen.to_string(), "127.0.0.1:9443");
        assert_eq!(settings.state_dir, PathBuf::from("./var/agent"));
        assert_eq!((settings.host_id, settings.provider_address), (None, None));
    }

    #[test]
    fn flags_override_the_environment_which_overrides_the_file() {
        let (_keep, path) = file("listen = '127.0.0.1:1'\nstate-dir = 'file'\ntrust_management_network = true\n");
        let environment = |name: &str| match name {
            "SDN_LISTEN" => Some("127.0.0.1:2".to_owned()),
            "SDN_STATE_DIR" => Some("environment".to_owned()),
            _ => None,
        };
        let settings = Settings::load(Some(&path), environment, flags(&[("listen", "0.0.0.0:3")])).unwrap();
        assert_eq!((settings.listen.port(), settings.state_dir), (3, PathBuf::from("environment")));
        assert!(settings.trust_management_network);
    }

    #[test]
    fn every_mistake_is_reported_at_once() {
        let (_keep, path) = file("listne = 'x'\nhost-id = 7\nprovider-address = '10.0.0.256'\n");
        let flags = flags(&[("driver", "hcn"), ("datapath", "x"), ("listen", "10.0.0.1:9443")]);
        let Mistakes(mistakes) = Settings::load(Some(&path), |_| None, flags).unwrap_err();
        for (mistake, text) in mistakes.iter().zip([
            "host-id: a integer where",
            "listne: there is no such setting",
            "driver: 'hcn': this driver is for Windows hosts and not in this build",
            "datapath: 'x'",
            "provider-address: '10.0.0.256'",
            "listen: 10.0.0.1:9443 can be reached by others",
        ]) {
            assert!(mistake.starts_with(text), "{mistake}");
        }
        assert_eq!(mistakes.len(), 6);
    }

    #[test]
    fn files_that_are_missing_or_no_toml_are_mistakes() {
        let missing = PathBuf::from("no-such-file.toml");
        assert!(Settings::load(Some(&missing), |_| None, Layer::new()).is_err());
        let (_keep, path) = file("listen = ");
        assert!(Settings::load(Some(&path), |_| None, Layer::new()).is_err());
    }
}
