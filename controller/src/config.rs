//! Settings: a TOML file, overridden by the environment (`SDN_…`), overridden by flags. Every mistake is reported at once.

use clap::{Args, Parser, Subcommand};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// Network controller for Hyper-V fabrics.
#[derive(Debug, Parser)]
#[command(name = "controller", version)]
pub struct CommandLine {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve the northbound API, and keep the hosts at what it asks for.
    Serve(Flags),
    /// Bring the database to this version, and stop.
    Migrate(Flags),
    /// Print the OpenAPI document.
    Openapi,
}

/// Flags; each overrides the variable `SDN_<NAME>`, which overrides `<name>` in the file.
#[derive(Clone, Debug, Default, Args)]
pub struct Flags {
    /// TOML file with settings.
    #[arg(long, value_name = "FILE", env = "SDN_CONFIG")]
    pub config: Option<PathBuf>,
    /// Address of the API [default: 127.0.0.1:8080]; port 0 lets the system choose.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Database [default: sqlite://var/controller.db]; made when it is missing.
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Most bytes of a request body [default: 16777216].
    #[arg(long, value_name = "BYTES")]
    pub body_limit: Option<String>,
    /// Seconds before a released address, MAC or VSID is given to someone else [default: 120].
    #[arg(long, value_name = "SECONDS")]
    pub hold_off: Option<String>,
}

/// Names of the settings, as in the file.
const NAMES: [&str; 4] = ["listen", "database", "body-limit", "hold-off"];

impl Flags {
    fn given(&self) -> [Option<&String>; NAMES.len()] {
        [self.listen.as_ref(), self.database.as_ref(), self.body_limit.as_ref(), self.hold_off.as_ref()]
    }
}

/// Settings that are known to make sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Address of the API.
    pub listen: SocketAddr,
    /// `sqlite://FILE`.
    pub database: String,
    /// Most bytes of a request body.
    pub body_limit: usize,
    /// How long a released name is not allocated again.
    pub hold_off: Duration,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mistakes(Vec<String>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings do not make sense:")?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl Settings {
    /// Reads the file that `flags` name, and `variable` for the environment.
    ///
    /// # Errors
    /// All [`Mistakes`] at once.
    pub fn read(flags: &Flags, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Mistakes> {
        let mut mistakes = Vec::new();
        let mut values = flags.config.as_deref().map_or_else(BTreeMap::new, |path| read_file(path, &mut mistakes));
        for (name, flag) in NAMES.into_iter().zip(flags.given()) {
            let variable = || variable(&format!("SDN_{}", name.replace('-', "_").to_uppercase()));
            values.extend(flag.cloned().or_else(variable).map(|value| (name, value)));
        }
        let settings = Self::check(&values, &mut mistakes);
        if mistakes.is_empty() { Ok(settings) } else { Err(Mistakes(mistakes)) }
    }

    fn check(values: &BTreeMap<&'static str, String>, mistakes: &mut Vec<String>) -> Self {
        let listen = parse(values, "listen", "an address with a port", mistakes)
            .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        if !listen.ip().is_loopback() {
            mistakes.push(format!(
                "listen: {listen} can be reached by others, and there is neither TLS nor authentication yet; use a \
                 loopback address"
            ));
        }
        let database = values.get("database").map_or("sqlite://var/controller.db", String::as_str);
        if !database.starts_with("sqlite:") {
            mistakes.push(format!("database: '{database}' is no 'sqlite://FILE'"));
        }
        Self {
            listen,
            database: database.to_owned(),
            body_limit: parse(values, "body-limit", "a number of bytes", mistakes).unwrap_or(16 << 20),
            hold_off: Duration::from_secs(parse(values, "hold-off", "a number of seconds", mistakes).unwrap_or(120)),
        }
    }
}

fn read_file(path: &Path, mistakes: &mut Vec<String>) -> BTreeMap<&'static str, String> {
    let read = std::fs::read_to_string(path).map_err(|error| error.to_string());
    let table = match read.and_then(|text| text.parse::<toml::Table>().map_err(|error| error.message().to_owned())) {
        Ok(table) => table,
        Err(error) => {
            mistakes.push(format!("{}: {error}", path.display()));
            return BTreeMap::new();
        }
    };
    let mut values = BTreeMap::new();
    for (given, value) in table {
        let Some(name) = NAMES.into_iter().find(|name| **name == *given) else {
            mistakes.push(format!("{}: there is no setting '{given}'", path.display()));
            continue;
        };
        match value {
            toml::Value::String(text) => drop(values.insert(name, text)),
            toml::Value::Integer(number) => drop(values.insert(name, number.to_string())),
            other => mistakes.push(format!("{name}: a {} where a text or a number belongs", other.type_str())),
        }
    }
    values
}

fn parse<T: FromStr>(
    values: &BTreeMap<&'static str, String>,
    name: &str,
    expected: &str,
    mistakes: &mut Vec<String>,
) -> Option<T> {
    let text = values.get(name)?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        mistakes.push(format!("{name}: '{text}' is not {expected}"));
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn flags(listen: Option<&str>, config: Option<&Path>) -> Flags {
        Flags { listen: listen.map(str::to_owned), config: config.map(Path::to_owned), ..Flags::default() }
    }

    #[test]
    fn flags_win_over_variables_and_variables_over_the_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "listen = '127.0.0.1:1'\nbody-limit = 1000\nhold-off = 5").unwrap();
        let variable = |name: &str| (name == "SDN_BODY_LIMIT").then(|| "2000".to_owned());
        let settings = Settings::read(&flags(Some("127.0.0.1:2"), Some(file.path())), variable).unwrap();
        assert_eq!(settings.listen.port(), 2);
        assert_eq!(settings.body_limit, 2000);
        assert_eq!(settings.hold_off, Duration::from_secs(5));
        assert_eq!(settings.database, "sqlite://var/controller.db");
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "lisen = '127.0.0.1:1'\nbody-limit = 'much'\nhold-off = true").unwrap();
        let mistakes = Settings::read(&flags(Some("nowhere"), Some(file.path())), |_| None).unwrap_err().to_string();
        for part in ["'lisen'", "body-limit: 'much'", "hold-off: a boolean", "listen: 'nowhere'"] {
            assert!(mistakes.contains(part), "{part} is missing in: {mistakes}");
        }
    }

    #[test]
    fn an_address_that_others_can_reach_is_refused() {
        for address in ["0.0.0.0:80", "192.0.2.1:8080", "[::]:80"] {
            assert!(Settings::read(&flags(Some(address), None), |_| None).is_err(), "{address}");
        }
        for address in ["127.0.0.1:0", "[::1]:8080", "127.9.9.9:1"] {
            assert!(Settings::read(&flags(Some(address), None), |_| None).is_ok(), "{address}");
        }
    }
}
