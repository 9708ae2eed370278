//! What the Host Network Service says when it does not do what it is asked for.

use serde::Deserialize;
use std::fmt;

/// A failed call: its HRESULT, and the record that comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HcnError {
    /// As returned. A call that returned success counts as failed when its record is not empty.
    pub hresult: u32,
    /// JSON of the service, often empty.
    pub record: String,
}

impl std::error::Error for HcnError {}

impl fmt::Display for HcnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code() {
            Some(code) => write!(f, "the Host Network Service says: {code}")?,
            None => write!(f, "the Host Network Service failed")?,
        }
        write!(f, " (0x{:08X})", self.hresult)?;
        match self.details() {
            Some(details) => write!(f, ": {details}"),
            None => Ok(()),
        }
    }
}

/// The part of an error record that is for people.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(default)]
    error: String,
}

impl HcnError {
    /// The error with this code and no record.
    pub fn of(code: HcnCode) -> Self {
        Self { hresult: code.hresult(), record: String::new() }
    }

    /// What the number means; `None` for numbers that are not the service's own.
    pub fn code(&self) -> Option<HcnCode> {
        HcnCode::of(self.hresult)
    }

    /// Whether the object is not there, in whichever way that is said.
    pub fn is_not_found(&self) -> bool {
        use HcnCode::{ElementNotFound, EndpointNotFound, NetworkNotFound};
        matches!(self.code(), Some(NetworkNotFound | EndpointNotFound | ElementNotFound))
    }

    /// The record's text, or all of the record when it has another form than usual.
    fn details(&self) -> Option<String> {
        let text = match crate::hns::json::read::<Record>(&self.record) {
            Ok(Record { error }) if !error.is_empty() => error,
            _ => self.record.clone(),
        };
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    }
}

/// Declares the codes with number and meaning.
macro_rules! codes {
    ($($name:ident = $number:literal, $text:literal;)*) => {
        /// Codes of the service: 0x803B00nn, and two of Windows that it uses. (`hcn.md` section 2)
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum HcnCode {
            $(#[doc = $text] $name,)*
        }

        impl HcnCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code that `hresult` is.
            pub const fn of(hresult: u32) -> Option<Self> {
                match hresult {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// The code's number.
            pub const fn hresult(self) -> u32 {
                match self {
                    $(Self::$name => $number,)*
                }
            }
        }

        impl fmt::Display for HcnCode {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)*
                })
            }
        }
    };
}

codes! {
    NotImplemented = 0x8000_4001, "this version of Windows does not have that feature";
    ElementNotFound = 0x8007_0490, "there is no such object";
    NetworkNotFound = 0x803B_0001, "there is no such network";
    EndpointNotFound = 0x803B_0002, "there is no such endpoint";
    LayerNotFound = 0x803B_0003, "there is no such layer";
    SwitchNotFound = 0x803B_0004, "there is no such switch";
    SubnetNotFound = 0x803B_0005, "the network has no such subnet";
    AdapterNotFound = 0x803B_0006, "there is no such network adapter";
    PortNotFound = 0x803B_0007, "there is no such switch port";
    PolicyNotFound = 0x803B_0008, "there is no such policy";
    VfpPortSettingNotFound = 0x803B_0009, "the VFP port has no such setting";
    InvalidNetwork = 0x803B_000A, "the network is not valid";
    InvalidNetworkType = 0x803B_000B, "the network type is not valid";
    InvalidEndpoint = 0x803B_000C, "the endpoint is not valid";
    InvalidPolicy = 0x803B_000D, "the policy is not valid";
    InvalidPolicyType = 0x803B_000E, "the policy type is not valid";
    InvalidRemoteEndpointOperation = 0x803B_000F, "that cannot be done to an endpoint of another host";
    NetworkAlreadyExists = 0x803B_0010, "there is a network with that name or id already";
    LayerAlreadyExists = 0x803B_0011, "there is such a layer already";
    PolicyAlreadyExists = 0x803B_0012, "there is such a policy already";
    PortAlreadyExists = 0x803B_0013, "there is such a switch port already";
    EndpointAlreadyAttached = 0x803B_0014, "the endpoint is attached already";
    RequestUnsupported = 0x803B_0015, "the request is not supported";
    MappingNotSupported = 0x803B_0016, "port mappings are not supported on that network";
    DegradedOperation = 0x803B_0017, "the object is degraded and cannot do that";
    SharedSwitchModification = 0x803B_0018, "several networks share the switch, so it cannot be changed";
    GuidConversionFailure = 0x803B_0019, "a GUID is malformed";
    RegKeyFailure = 0x803B_001A, "the registry cannot be read or written";
    InvalidJson = 0x803B_001B, "the document is no JSON that the service understands";
    InvalidJsonReference = 0x803B_001C, "the document refers to something that is not there";
    EndpointSharingDisabled = 0x803B_001D, "the endpoint may not be shared";
    InvalidIp = 0x803B_001E, "the address is not valid or not in a subnet of the network";
    SwitchExtensionNotFound = 0x803B_001F, "there is no such switch extension";
    ServiceStopping = 0x803B_0020, "the service is stopping";
    IcsDisabled = 0x803B_002A, "Internet connection sharing is disabled";
    EndpointNamespaceAlreadyExists = 0x803B_002B, "the endpoint is in a namespace already";
    EntityHasReferences = 0x803B_002C, "something else still refers to it";
    InvalidInternalPort = 0x803B_002D, "the internal port must not be 0";
    NamespaceAttachFailed = 0x803B_002E, "the endpoint cannot be attached to the namespace";
    AddressInvalidOrReserved = 0x803B_002F, "the address is not valid or reserved";
    InvalidPrefix = 0x803B_0030, "the prefix is not valid";
    ObjectUsedAfterUnload = 0x803B_0031, "the object has been torn down";
    InvalidSubnet = 0x803B_0032, "the subnet is not valid";
    InvalidIpSubnet = 0x803B_0033, "the IP subnet is not valid";
    EndpointNotAttached = 0x803B_0034, "the endpoint is not attached";
    EndpointNotLocal = 0x803B_0035, "the endpoint is on another host";
    InterfaceParametersAlreadyApplied = 0x803B_0036, "the interface has its parameters already";
    VfpNotAllowed = 0x803B_0037, "this network type needs VFP, which is not available";
}
