//! Whole state by name, changed parts by value.
//!
//! `PUT /v1/goal-state` carries an [`Update`]: what changed in the host's manifest since the generation the agent last
//! confirmed, and the bodies of changed sections. An agent that is not at `base` answers [`Refusal::Behind`], and gets
//! the whole manifest next (`base` absent). Either way the outcome is as if the whole had been sent.

use crate::acl::Acl;
use crate::host::Host;
use crate::ids::{AclId, Epoch, Generation, NetworkId, NicId};
use crate::mapping::{MappingShard, ShardId};
use crate::network::Network;
use crate::port::Port;
use crate::report::PortStatus;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Name of a section within a host's goal state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SectionKey {
    /// `host`
    Host,
    /// `port/<nic instanceId>`
    Port(NicId),
    /// `acl/<acl instanceId>`
    Acl(AclId),
    /// `network/<rdid>/routes`
    Routes(NetworkId),
    /// `network/<rdid>/mappings/<shard>`
    Mappings(NetworkId, ShardId),
}

impl fmt::Display for SectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Port(nic) => write!(f, "port/{nic}"),
            Self::Acl(acl) => write!(f, "acl/{acl}"),
            Self::Routes(network) => write!(f, "network/{network}/routes"),
            Self::Mappings(network, shard) => write!(f, "network/{network}/mappings/{shard}"),
        }
    }
}

/// A text that names no section.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' names no goal state section")]
pub struct UnknownSection(String);

impl FromStr for SectionKey {
    type Err = UnknownSection;

    fn from_str(text: &str) -> Result<Self, UnknownSection> {
        let unknown = || UnknownSection(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        match parts.as_slice() {
            ["host"] => Ok(Self::Host),
            ["port", nic] => nic.parse().map(Self::Port).map_err(|_| unknown()),
            ["acl", acl] => acl.parse().map(Self::Acl).map_err(|_| unknown()),
            ["network", network, "routes"] => network.parse().map(Self::Routes).map_err(|_| unknown()),
            ["network", network, "mappings", shard] => {
                let network = network.parse().map_err(|_| unknown())?;
                let shard = shard.parse().map_err(|_| unknown())?;
                Ok(Self::Mappings(network, shard))
            }
            _ => Err(unknown()),
        }
    }
}

impl TryFrom<String> for SectionKey {
    type Error = UnknownSection;

    fn try_from(text: String) -> Result<Self, UnknownSection> {
        text.parse()
    }
}

impl From<SectionKey> for String {
    fn from(key: SectionKey) -> Self {
        key.to_string()
    }
}

/// First half of the SHA-256 of a section's JSON text: 128 bits name a section uniquely for all practical purposes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash([u8; 16]);

impl ContentHash {
    /// Hash of a serialised section.
    pub fn of(body: &[u8]) -> Self {
        let digest = Sha256::digest(body);
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        Self(half)
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for ContentHash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = u128::from_str_radix(&text, 16).ok().filter(|_| text.len() == 32);
        number.map(|number| Self(number.to_be_bytes())).ok_or_else(|| format!("'{text}' is no content hash"))
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

/// A parsed section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section {
    /// See [`Host`].
    Host(Host),
    /// See [`Port`].
    Port(Port),
    /// See [`Acl`].
    Acl(Acl),
    /// See [`Network`].
    Routes(Network),
    /// See [`MappingShard`].
    Mappings(MappingShard),
}

impl Section {
    /// Reads the body of the section that `key` names.
    ///
    /// # Errors
    /// The body is no JSON of the section's kind.
    pub fn parse(key: SectionKey, body: &str) -> Result<Self, serde_json::Error> {
        Ok(match key {
            SectionKey::Host => Self::Host(serde_json::from_str(body)?),
            SectionKey::Port(_) => Self::Port(serde_json::from_str(body)?),
            SectionKey::Acl(_) => Self::Acl(serde_json::from_str(body)?),
            SectionKey::Routes(_) => Self::Routes(serde_json::from_str(body)?),
            SectionKey::Mappings(..) => Self::Mappings(serde_json::from_str(body)?),
        })
    }
}

/// A serialised section with its name by content. Cheap to clone: many hosts share one.
#[derive(Clone, Debug)]
pub struct SectionBody {
    /// Name by content.
    pub hash: ContentHash,
    /// The JSON text that was hashed.
    pub json: Arc<RawValue>,
}

impl PartialEq for SectionBody {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Eq for SectionBody {}

impl SectionBody {
    /// Serialises `section`. Equal sections give equal bytes.
    ///
    /// # Errors
    /// None that our own types can cause; serde reports through a result all the same.
    pub fn new<T: Serialize>(section: &T) -> Result<Self, serde_json::Error> {
        let json = serde_json::value::to_raw_value(section)?;
        Ok(Self::from_json(json.into()))
    }

    /// Takes JSON text as it is.
    pub fn from_json(json: Arc<RawValue>) -> Self {
        Self { hash: ContentHash::of(json.get().as_bytes()), json }
    }
}

/// Body of `PUT /v1/goal-state`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Update {
    /// [`crate::GOAL_STATE_VERSION`] of the sender.
    pub version: u32,
    /// Database that `generation` counts in.
    pub epoch: Epoch,
    /// Generation that is in force once this is applied.
    pub generation: Generation,
    /// Generation that the change starts from; absent: `set` is the whole manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Generation>,
    /// Sections that are new or changed.
    pub set: BTreeMap<SectionKey, ContentHash>,
    /// Sections that are gone; empty when `base` is absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<SectionKey>,
    /// Texts of sections that the agent may lack, by content.
    pub bodies: BTreeMap<ContentHash, Arc<RawValue>>,
}

/// Answer 200 to [`Update`]: it is on disk and in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// As in the update.
    pub epoch: Epoch,
    /// Generation in force.
    pub generation: Generation,
    /// Ports whose status changed by this update.
    pub ports: Vec<PortStatus>,
}

/// Answer 409 to [`Update`]: nothing changed; send more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "reason")]
pub enum Refusal {
    /// `base` is not what the agent has: send the whole manifest.
    Behind {
        /// What the agent has, if anything.
        in_force: Option<(Epoch, Generation)>,
    },
    /// Bodies of these sections are neither in the update nor known to the agent: send them along.
    Missing {
        /// Their hashes.
        bodies: Vec<ContentHash>,
    },
    /// The agent enforces a later generation of the same epoch.
    Stale {
        /// Generation in force.
        in_force: Generation,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_keys_survive_their_text_form() {
        let id = uuid::Uuid::from_u128(7);
        let shard = ShardId::of("10.1.2.200".parse().unwrap());
        for key in [
            SectionKey::Host,
            SectionKey::Port(NicId(id)),
            SectionKey::Acl(AclId(id)),
            SectionKey::Routes(NetworkId(id)),
            SectionKey::Mappings(NetworkId(id), shard),
        ] {
            assert_eq!(key.to_string().parse::<SectionKey>(), Ok(key));
        }
        for text in ["", "hosts", "port/", "port/7", "network/7/routes", "acl/00000000-0000-0000-0000-000000000007/x"] {
            assert!(text.parse::<SectionKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn equal_sections_have_equal_names() {
        let shard = MappingShard::default();
        assert_eq!(SectionBody::new(&shard).unwrap().hash, SectionBody::new(&shard.clone()).unwrap().hash);
        let text = SectionBody::new(&shard).unwrap().hash.to_string();
        assert_eq!(ContentHash::try_from(text.clone()).unwrap().to_string(), text);
    }
}
