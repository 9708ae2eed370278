//! `configurationState`: what the goal state came to on the data path. Contract 9.2 and 9.3.

use time::OffsetDateTime;

/// State of a NIC or of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// Worst severity of [`Self::details`].
    pub status: Status,
    /// Why. May be empty when all is well.
    pub details: Vec<Detail>,
    /// When this state came about.
    pub changed_at: OffsetDateTime,
}

/// `configurationState.status`, from good to bad. [MS-NCNBI 2.2.4]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Everything is in force.
    Success,
    /// Nothing was tried yet.
    Uninitialized,
    /// On its way to the host.
    InProgress,
    /// In force with a flaw.
    Warning,
    /// Not in force.
    Failure,
}

impl Status {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Uninitialized => "Uninitialized",
            Self::InProgress => "InProgress",
            Self::Warning => "Warning",
            Self::Failure => "Failure",
        }
    }
}

/// One item of `configurationState.detailedInfo`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Which part of the system speaks.
    pub source: Source,
    /// For people.
    pub message: String,
    /// For programs.
    pub code: Code,
}

/// `detailedInfo.source`. [MS-NCNBI 2.2.4]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// Addresses and encapsulation.
    VirtualNetwork,
    /// The connection to the host and its ports.
    VirtualSwitch,
    /// Policy of a port.
    Firewall,
}

impl Source {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VirtualNetwork => "VirtualNetwork",
            Self::VirtualSwitch => "VirtualSwitch",
            Self::Firewall => "Firewall",
        }
    }
}

/// `detailedInfo.code`: those of contract 9.3 that a host port can come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// In force.
    Success,
    /// The host has not confirmed yet.
    InProgress,
    /// The agent does not answer.
    HostUnreachable,
    /// No agent address is known, or another host answers there.
    HostNotConnectedToController,
    /// The port has no policy and drops everything.
    PortBlocked,
    /// The agent refused the goal state.
    PolicyConfigurationFailure,
    /// The switch could not put the port's policy in force.
    PolicyConfigurationFailureOnVfp,
    /// The host has no provider address, so the port cannot be reached from other hosts.
    PAIpAddressExhausted,
}

impl Code {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::InProgress => "InProgress",
            Self::HostUnreachable => "HostUnreachable",
            Self::HostNotConnectedToController => "HostNotConnectedToController",
            Self::PortBlocked => "PortBlocked",
            Self::PolicyConfigurationFailure => "PolicyConfigurationFailure",
            Self::PolicyConfigurationFailureOnVfp => "PolicyConfigurationFailureOnVfp",
            Self::PAIpAddressExhausted => "PAIpAddressExhausted",
        }
    }
}
