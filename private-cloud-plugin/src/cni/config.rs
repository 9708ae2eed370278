//! The network configuration that a runtime hands to the plugin [CNI SPEC section 1, plugin configuration objects]: what
//! every command needs of it. What only some need is read when they ask, so that DEL and GC do their work even if the
//! rest has become wrong.

use super::failure::Failure;
use super::names::{Attachment, Token};
use super::outcome::{Outcome, null_is_empty};
use super::version::SpecVersion;
use super::wishes::Wishes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;

/// The IPAM plugin that is part of this program.
pub const OUR_IPAM: &str = "private-cloud-ipam";

/// What every command needs.
#[derive(Clone, Debug)]
pub struct Config<'a> {
    /// Version of the specification that it is written for, and that the answer must follow.
    pub version: SpecVersion,
    /// Name of the network.
    pub network: Token,
    /// `ipam.type` if another plugin gives the addresses.
    pub ipam: Option<Token>,
    /// Where state is kept, if not at the usual place.
    pub state_dir: Option<PathBuf>,
    /// URL of the host's network proxy, if not the usual one.
    pub proxy: Option<String>,
    /// As it was handed over.
    pub input: &'a [u8],
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "cniVersion")]
    version: Option<String>,
    name: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    ipam: Ipam,
    #[serde(rename = "stateDir")]
    state_dir: Option<PathBuf>,
    proxy: Option<String>,
}

#[derive(Default, Deserialize)]
struct Ipam {
    #[serde(rename = "type")]
    plugin: Option<String>,
}

/// Finds the version that an answer has to follow, in input that may be wrong in any other way.
pub fn version_of(input: &[u8]) -> SpecVersion {
    #[derive(Deserialize)]
    struct Versioned {
        #[serde(rename = "cniVersion")]
        version: String,
    }
    let versioned: Option<Versioned> = serde_json::from_slice(input).ok();
    versioned.and_then(|versioned| versioned.version.parse().ok()).unwrap_or(SpecVersion::NEWEST)
}

impl<'a> Config<'a> {
    /// Reads the configuration.
    ///
    /// # Errors
    /// [`Failure::Decode`], [`Failure::Version`], [`Failure::Config`].
    pub fn read(input: &'a [u8]) -> Result<Self, Failure> {
        let document: Document = decode(input)?;
        // What says no version is written for 0.1.0 [CNI SPEC 0.2.0].
        let version = document.version.as_deref().unwrap_or("0.1.0").parse()?;
        let network = parsed("name", document.name.as_deref())?;
        let network = network.ok_or_else(|| wrong("name", "a network must have a name"))?;
        let ipam = parsed("ipam.type", document.ipam.plugin.as_deref().filter(|name| !name.is_empty()))?;
        let ipam = ipam.filter(|name: &Token| name.as_str() != OUR_IPAM);
        Ok(Self { version, network, ipam, state_dir: document.state_dir, proxy: document.proxy, input })
    }

    /// `prevResult`: the result of the last ADD, or of the plugin before this one in a chain of ADDs.
    ///
    /// # Errors
    /// [`Failure::Decode`]
    pub fn previous(&self) -> Result<Option<Outcome>, Failure> {
        #[derive(Deserialize)]
        struct Document {
            #[serde(rename = "prevResult")]
            previous: Option<Outcome>,
        }
        decode(self.input).map(|document: Document| document.previous)
    }

    /// `cni.dev/valid-attachments`: for GC, the attachments to keep.
    ///
    /// # Errors
    /// [`Failure::Decode`]; [`Failure::Config`]: they are not given. Silence must not be read as "none"; `null` is what Go's
    /// libraries write for none.
    pub fn valid(&self) -> Result<Vec<Attachment>, Failure> {
        #[derive(Deserialize)]
        struct Document {
            #[serde(rename = "cni.dev/valid-attachments", default, deserialize_with = "said")]
            valid: Option<Vec<Attachment>>,
        }
        let key = "cni.dev/valid-attachments";
        let document: Document = decode(self.input)?;
        document.valid.ok_or_else(|| wrong(key, "GC needs the attachments that are still valid"))
    }

    /// What ADD, CHECK and STATUS need beyond this.
    ///
    /// # Errors
    /// [`Failure::Decode`], [`Failure::Config`], [`Failure::Unsupported`].
    pub fn wishes(&self) -> Result<Wishes, Failure> {
        Wishes::read(self.input, self.ipam.is_none())
    }
}

/// A member that is there: `null` is an empty one.
fn said<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    null_is_empty(deserializer).map(Some)
}

/// Reads a part of the configuration.
pub(super) fn decode<T: DeserializeOwned>(input: &[u8]) -> Result<T, Failure> {
    let what = || "the network configuration on standard input".to_owned();
    serde_json::from_slice(input).map_err(|source| Failure::Decode { what: what(), source })
}

pub(super) fn wrong(key: &'static str, problem: impl Into<String>) -> Failure {
    Failure::Config { key, problem: problem.into() }
}

pub(super) fn parsed<T>(key: &'static str, text: Option<&str>) -> Result<Option<T>, Failure>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    text.map(|text| text.parse().map_err(|error| wrong(key, format!("'{text}': {error}")))).transpose()
}

#[cfg(test)]
mod tests;
