//! One call of a plugin, from the environment to the exit code.

use super::config::{Config, version_of};
use super::environment::{Command, Environment};
use super::failure::Failure;
use super::names::Attachment;
use super::outcome::Outcome;
use super::version::SpecVersion;
use super::{ipam, network};
use crate::network::{EndpointId, NetworkId, NotAnId};
use crate::offer::Offer;
use crate::proxy::Proxy;
use crate::vm::Vm;
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Which plugin is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plugin {
    /// Connects containers.
    Network,
    /// Gives addresses, also to plugins that are not ours.
    Ipam,
}

/// What holds unless the network configuration says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Directory of the state.
    pub state_dir: PathBuf,
    /// URL of the host's network proxy.
    pub proxy: String,
}

/// A call that has been understood, but for what only some commands need.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub settings: &'a Settings,
    pub environment: &'a Environment,
    pub config: Config<'a>,
}

/// The answer to VERSION.
#[derive(Serialize)]
struct Versions {
    #[serde(rename = "cniVersion")]
    version: String,
    #[serde(rename = "supportedVersions")]
    supported: [&'static str; SpecVersion::ALL.len()],
}

impl Call<'_> {
    /// The VM that it is about.
    pub(super) fn vm(&self) -> Vm {
        Vm::new(self.config.state_dir.as_ref().unwrap_or(&self.settings.state_dir))
    }

    /// What the controller offers now.
    pub(super) async fn offer(&self) -> Result<Offer, Failure> {
        let url = self.config.proxy.as_ref().unwrap_or(&self.settings.proxy);
        Ok(Proxy::new(url)?.fetch().await?)
    }

    /// The id of the network: of its name, since runtimes give it nothing else.
    pub(super) fn network(&self) -> Result<NetworkId, Failure> {
        let id = format!("cni:{}", self.config.network).parse();
        id.map_err(|error: NotAnId| Failure::Config { key: "name", problem: error.to_string() })
    }

    /// The id of the endpoint of an attachment.
    pub(super) fn endpoint(&self, attachment: &Attachment) -> Result<EndpointId, Failure> {
        let id = attachment.endpoint_id(&self.config.network).parse();
        id.map_err(|error: NotAnId| Failure::Environment(vec![format!("CNI_CONTAINERID: {error}")]))
    }

    /// The result of the last ADD, which CHECK judges by.
    pub(super) fn previous(&self) -> Result<Outcome, Failure> {
        let missing = || Failure::Config { key: "prevResult", problem: "CHECK needs the result of ADD".to_owned() };
        self.config.previous()?.ok_or_else(missing)
    }
}

/// Answers the call that is in the environment and on standard input of this process.
pub async fn run(plugin: Plugin, settings: &Settings) -> ExitCode {
    let mut input = Vec::new();
    let answer = match Environment::read(|name| std::env::var_os(name)) {
        Ok(environment) => match io::stdin().lock().read_to_end(&mut input) {
            Ok(_) => answer(plugin, settings, &environment, &input).await,
            Err(source) => Err(Failure::Io { what: "read standard input".to_owned(), source }),
        },
        Err(failure) => Err(failure),
    };
    let (document, code) = match answer {
        Ok(None) => return ExitCode::SUCCESS,
        Ok(Some(document)) => (document, ExitCode::SUCCESS),
        Err(failure) => (to_json(&failure.document(version_of(&input))), ExitCode::FAILURE),
    };
    let mut out = io::stdout().lock();
    match out.write_all(&document).and_then(|()| out.flush()) {
        Ok(()) => code,
        // There is nobody to tell; what was made is DEL's to remove.
        Err(_) => ExitCode::FAILURE,
    }
}

/// Carries the call out. What it answers, if it answers at all, is JSON.
async fn answer(
    plugin: Plugin,
    settings: &Settings,
    environment: &Environment,
    input: &[u8],
) -> Result<Option<Vec<u8>>, Failure> {
    if environment.command == Command::Version {
        return Ok(Some(to_json(&versions(input))));
    }
    let config = Config::read(input)?;
    let version = config.version;
    knows(version, &environment.command)?;
    let call = Call { settings, environment, config };
    let outcome: Option<Outcome> = match plugin {
        Plugin::Network => network::answer(&call).await?,
        Plugin::Ipam => ipam::answer(&call).await?,
    };
    Ok(outcome.map(|outcome| to_json(&outcome.in_version(version))))
}

/// A version has only the commands that there were.
fn knows(version: SpecVersion, command: &Command) -> Result<(), Failure> {
    let since = match command {
        Command::Check(..) => SpecVersion::V0_4_0,
        Command::Gc | Command::Status => SpecVersion::V1_1_0,
        Command::Add(..) | Command::Del(..) | Command::Version => SpecVersion::V0_3_1,
    };
    if version >= since { Ok(()) } else { Err(Failure::TooOld { command: command.name(), version, since }) }
}

/// VERSION answers in the version that it is asked in, even one that is not spoken: that is what it is for.
fn versions(input: &[u8]) -> Versions {
    #[derive(Deserialize)]
    struct Asked {
        #[serde(rename = "cniVersion")]
        version: String,
    }
    let asked = serde_json::from_slice(input).map(|asked: Asked| asked.version);
    let version = asked.unwrap_or_else(|_| SpecVersion::NEWEST.name().to_owned());
    Versions { version, supported: SpecVersion::ALL.map(SpecVersion::name) }
}

fn to_json(document: &impl Serialize) -> Vec<u8> {
    // Nothing here has keys that are no texts, or fails to serialise for another reason.
    serde_json::to_vec(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_refused_in_versions_that_do_not_have_it() {
        let supported = |command: &Command| SpecVersion::ALL.map(|version| knows(version, command).is_ok());
        assert_eq!(supported(&Command::Gc), [false, false, false, true]);
        assert_eq!(supported(&Command::Status), [false, false, false, true]);
        let attachment =
            super::super::names::Attachment { container: "c1".parse().unwrap(), interface: "eth0".parse().unwrap() };
        assert_eq!(supported(&Command::Check(attachment.clone(), "/n".into())), [false, true, true, true]);
        assert_eq!(supported(&Command::Add(attachment, "/n".into())), [true; 4]);
    }

    #[test]
    fn version_answers_in_the_words_of_the_question() {
        for (input, version) in [(r#"{"cniVersion": "0.1.0"}"#, "0.1.0"), ("", "1.1.0"), ("{}", "1.1.0")] {
            assert_eq!(versions(input.as_bytes()).version, version);
        }
    }
}
