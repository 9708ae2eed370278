//! How a call fails: the error codes of the specification and our own, and the document that tells the runtime.

use super::version::{SpecVersion, UnsupportedVersion};
use crate::book::BookError;
use crate::cli::whole;
use crate::kernel::KernelError;
use crate::proxy::ProxyError;
use crate::vm::VmError;
use serde::{Deserialize, Serialize};
use std::error::Error;

/// Why a call fails [CNI SPEC section 5, Error].
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is written for a version that the plugin does not speak.
    #[error("incompatible CNI version")]
    Version(#[from] UnsupportedVersion),
    /// The version of the configuration has no such command.
    #[error("CNI {version} has no {command}; the configuration must say cniVersion {since} or newer")]
    TooOld {
        /// What was asked for.
        command: &'static str,
        /// What the configuration says.
        version: SpecVersion,
        /// What has the command.
        since: SpecVersion,
    },
    /// A field asks for something that the plugin cannot do.
    #[error("unsupported field {key}: {value}: {hint}")]
    Unsupported {
        /// The field.
        key: &'static str,
        /// What it says.
        value: String,
        /// What to do.
        hint: String,
    },
    /// The container, or its network namespace, is not there; nothing is left of it to clean up.
    #[error("unknown container: {0}")]
    UnknownContainer(String),
    /// Variables of the environment are missing or wrong.
    #[error("invalid environment: {}", .0.join("; "))]
    Environment(Vec<String>),
    /// Input cannot be read, or output not be written.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// Input is no JSON, or not of the shape that it must have.
    #[error("cannot decode {what}")]
    Decode {
        /// What was read.
        what: String,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A field of the configuration is missing or wrong.
    #[error("network configuration: {key}: {problem}")]
    Config {
        /// The field.
        key: &'static str,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// Something is missing that may come back by itself.
    #[error("try again later: {0}")]
    TryAgainLater(String),
    /// No container can be attached now.
    #[error("not available: {0}")]
    Unavailable(String),
    /// No container can be attached now, and those that are attached may not be reachable.
    #[error("not available, and attached containers may be cut off: {0}")]
    Limited(String),
    /// The container has an interface of that name already, or the attachment exists.
    #[error("{0}")]
    Exists(String),
    /// What is there is not what the last ADD left.
    #[error("CHECK: {0}")]
    Drift(String),
    /// The devices or the rules of this machine could not be changed, or its state not be kept.
    #[error(transparent)]
    Machine(VmError),
    /// Another plugin was called, and failed.
    #[error("plugin {plugin}: {msg}", msg = .document.msg)]
    Delegate {
        /// Its name.
        plugin: String,
        /// What it said.
        document: Box<Document>,
    },
}

/// The error document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Version of the specification.
    #[serde(rename = "cniVersion", default)]
    pub version: String,
    /// Below 100: of the specification.
    pub code: u32,
    /// In short.
    #[serde(default)]
    pub msg: String,
    /// At length.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub details: String,
}

impl Failure {
    /// The number that runtimes act on.
    pub fn code(&self) -> u32 {
        match self {
            Self::Version(_) | Self::TooOld { .. } => 1,
            Self::Unsupported { .. } => 2,
            Self::UnknownContainer(_) => 3,
            Self::Environment(_) => 4,
            Self::Io { .. } => 5,
            Self::Decode { .. } => 6,
            Self::Config { .. } => 7,
            Self::TryAgainLater(_) => 11,
            Self::Unavailable(_) => 50,
            Self::Limited(_) => 51,
            Self::Exists(_) => 100,
            Self::Drift(_) => 101,
            Self::Machine(_) => 102,
            Self::Delegate { document, .. } => document.code,
        }
    }

    /// The failure with all its causes, in one line.
    pub fn told(&self) -> String {
        whole(self)
    }

    /// As the runtime reads it.
    pub fn document(&self, version: SpecVersion) -> Document {
        let details = match self {
            Self::Delegate { document, .. } => document.details.clone(),
            _ => {
                let causes = std::iter::successors(self.source(), |error| (*error).source());
                causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
            }
        };
        Document { version: version.name().to_owned(), code: self.code(), msg: self.to_string(), details }
    }
}

impl From<VmError> for Failure {
    fn from(error: VmError) -> Self {
        let config = |key| Self::Config { key, problem: whole(&error) };
        match &error {
            VmError::Book(BookError::NothingOffered | BookError::Exhausted { .. })
            | VmError::Kernel(KernelError::NoNeighbour(..)) => Self::TryAgainLater(whole(&error)),
            VmError::Book(BookError::UnknownSubnet { .. }) => config("ipam.subnet"),
            VmError::NoUplink | VmError::NoDevice(_) => config("master"),
            VmError::NoRouter => config("ipam.gateway"),
            VmError::NetworkDiffers(_) => config("name"),
            VmError::BadInterface(_) => Self::Environment(vec![format!("CNI_IFNAME: {error}")]),
            VmError::BadNamespace(_) => Self::Environment(vec![format!("CNI_NETNS: {error}")]),
            VmError::NotPublished { .. } | VmError::PortTaken { .. } => config("runtimeConfig.portMappings"),
            VmError::NoVsid | VmError::NoOverlay(_) | VmError::BadVsid(_) | VmError::VsidTaken(_) => config("overlay"),
            VmError::SecondNat { .. } => config("mode"),
            VmError::NoEndpoint(_) => Self::UnknownContainer(error.to_string()),
            VmError::AlreadyAttached(_)
            | VmError::AddressTaken(_)
            | VmError::NoContainerAddress(_)
            | VmError::OtherEndpoint { .. }
            | VmError::Book(BookError::InUse(_)) => Self::Exists(error.to_string()),
            VmError::DeviceGone { .. } => Self::Drift(error.to_string()),
            _ => Self::Machine(error),
        }
    }
}

impl From<KernelError> for Failure {
    fn from(error: KernelError) -> Self {
        VmError::from(error).into()
    }
}

impl From<ProxyError> for Failure {
    fn from(error: ProxyError) -> Self {
        match error {
            ProxyError::Url(_) => Self::Config { key: "proxy", problem: error.to_string() },
            _ => Self::TryAgainLater(whole(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn every_failure_has_its_code() {
        let decode = || serde_json::from_str::<u8>("x").unwrap_err();
        let text = || "x".to_owned();
        let theirs = Document { version: String::new(), code: 999, msg: text(), details: String::new() };
        for (failure, code) in [
            (Failure::from("9.9.9".parse::<SpecVersion>().unwrap_err()), 1),
            (Failure::TooOld { command: "GC", version: SpecVersion::V1_0_0, since: SpecVersion::V1_1_0 }, 1),
            (Failure::Unsupported { key: "mtu", value: text(), hint: text() }, 2),
            (Failure::UnknownContainer(text()), 3),
            (VmError::NoEndpoint("e1".parse().unwrap()).into(), 3),
            (Failure::Environment(vec![text()]), 4),
            (VmError::BadInterface(text()).into(), 4),
            (Failure::Io { what: text(), source: io::ErrorKind::BrokenPipe.into() }, 5),
            (Failure::Decode { what: text(), source: decode() }, 6),
            (Failure::Config { key: "mtu", problem: text() }, 7),
            (VmError::NoUplink.into(), 7),
            (ProxyError::Url(text()).into(), 7),
            (Failure::TryAgainLater(text()), 11),
            (VmError::Book(BookError::NothingOffered).into(), 11),
            (VmError::Book(BookError::Exhausted { subnet: None, total: 1 }).into(), 11),
            (Failure::Unavailable(text()), 50),
            (Failure::Limited(text()), 51),
            (Failure::Exists(text()), 100),
            (VmError::AlreadyAttached("e1".parse().unwrap()).into(), 100),
            (Failure::Drift(text()), 101),
            (VmError::Kernel(KernelError::Refused { command: text(), message: text() }).into(), 102),
            (Failure::Delegate { plugin: text(), document: Box::new(theirs) }, 999),
        ] {
            assert_eq!(failure.code(), code, "{failure:?}");
            let document = failure.document(SpecVersion::V1_0_0);
            assert_eq!((document.version.as_str(), document.code), ("1.0.0", code));
            assert!(!document.msg.is_empty());
        }
    }

    #[test]
    fn causes_are_details() {
        let source = io::Error::other("the disk is full");
        let failure = Failure::Io { what: "write the answer".to_owned(), source };
        let document = failure.document(SpecVersion::NEWEST);
        assert_eq!(document.msg, "cannot write the answer");
        assert_eq!(document.details, "the disk is full");
        assert_eq!(failure.told(), "cannot write the answer: the disk is full");
    }
}
