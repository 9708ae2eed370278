//! The names that runtimes give to networks, containers and interfaces.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// Linux keeps interface names in 16 bytes, the last of them zero.
const LONGEST_INTERFACE_NAME: usize = 15;

/// Name of a network or id of a container: a letter or digit, then letters, digits, `_`, `.` and `-` [CNI SPEC section 1].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Token(String);

/// Name of an interface in a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct InterfaceName(String);

/// What ties a container to a network: the key of everything that is kept for it [CNI SPEC section 3].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Attachment {
    /// The container.
    #[serde(rename = "containerID")]
    pub container: Token,
    /// The interface in it.
    #[serde(rename = "ifname")]
    pub interface: InterfaceName,
}

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Not a [`Token`].
    #[error("'{0}' must begin with a letter or digit and go on with letters, digits, '_', '.' and '-'")]
    Token(String),
    /// Not an [`InterfaceName`].
    #[error("'{0}' is no name for an interface: 1 to 15 characters, none of them '/', ':' or a space, not '.' or '..'")]
    Interface(String),
}

impl Token {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl InterfaceName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Attachment {
    /// The id of the endpoint that this attachment to `network` has: the same whenever it is asked for, another for
    /// any other network, container or interface.
    pub fn endpoint_id(&self, network: &Token) -> String {
        let mut hash = Sha256::new();
        // No name has a zero byte, so the three cannot run into each other.
        for part in [network.as_str(), self.container.as_str(), self.interface.as_str()] {
            hash.update(part);
            hash.update([0]);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl FromStr for Token {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
        let goes_on = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
        if begins && goes_on { Ok(Self(text.to_owned())) } else { Err(BadName::Token(text.to_owned())) }
    }
}

impl FromStr for InterfaceName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let long_enough = (1..=LONGEST_INTERFACE_NAME).contains(&text.len());
        let clean = !text.contains(|c: char| matches!(c, '/' | ':' | '\0') || c.is_whitespace());
        let taken = matches!(text, "." | "..");
        if long_enough && clean && !taken {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadName::Interface(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Token {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for InterfaceName {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(container: &str, interface: &str) -> Attachment {
        Attachment { container: container.parse().unwrap(), interface: interface.parse().unwrap() }
    }

    #[test]
    fn names_of_the_specification_are_accepted_and_others_are_not() {
        for good in ["a", "0", "blue-net_1.x", "3a9f"] {
            assert!(good.parse::<Token>().is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "_a", "a/b", "a b", "ä", "a\0"] {
            assert!(bad.parse::<Token>().is_err(), "{bad}");
        }
        for good in ["eth0", "e", "fifteen-letters", "ä"] {
            assert!(good.parse::<InterfaceName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "sixteen-letters-", "a/b", "a:b", "a b", "a\tb", "a\0"] {
            assert!(bad.parse::<InterfaceName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_endpoint_id_depends_on_network_container_and_interface_and_nothing_else() {
        let network: Token = "blue".parse().unwrap();
        let id = attachment("c1", "eth0").endpoint_id(&network);
        assert_eq!(id.len(), 64);
        assert_eq!(id, attachment("c1", "eth0").endpoint_id(&network));
        assert_ne!(id, attachment("c1", "eth1").endpoint_id(&network));
        assert_ne!(id, attachment("c2", "eth0").endpoint_id(&network));
        assert_ne!(id, attachment("c1", "eth0").endpoint_id(&"blu".parse().unwrap()));
        assert_ne!(attachment("c1e", "th0").endpoint_id(&network), attachment("c1", "eth0").endpoint_id(&network));
    }
}
