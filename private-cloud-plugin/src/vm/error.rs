//! Why the VM cannot be changed.

use crate::book::BookError;
use crate::kernel::KernelError;
use crate::network::{EndpointId, Kind, NetworkId, Transport};
use crate::store::StoreError;
use ipnet::Ipv4Net;
use policy::net::Vsid;
use std::net::Ipv4Addr;

/// Why the VM cannot be changed, or is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// Of the state.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Of the kernel.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Of addresses.
    #[error(transparent)]
    Book(#[from] BookError),
    /// No default route.
    #[error(
        "the VM has no default route, so its way to the fabric is not known; name the device (docker: --uplink, or the \
         network's option com.docker.network.windowsshim.interface; CNI: master)"
    )]
    NoUplink,
    /// A device that is not there.
    #[error(
        "the VM has no device '{0}'; name the one that leads to the fabric (docker: --uplink, or the network's option \
         com.docker.network.windowsshim.interface; CNI: master)"
    )]
    NoDevice(String),
    /// A tunnel needs a router.
    #[error("an l2tunnel network needs a router to tunnel to, and the controller gave none to its subnet")]
    NoRouter,
    /// The VM is the router of such a network.
    #[error("a {kind} network needs a gateway in its subnet {subnet}: it becomes an address of the VM (--gateway)")]
    NoGateway {
        /// Which driver.
        kind: Kind,
        /// The subnet.
        subnet: Ipv4Net,
    },
    /// One prefix is all there is.
    #[error(
        "a second nat network, {subnet}, is not supported: a VM has one internal prefix, and that is {first}; use that \
         network, {network}, or remove it first (if docker does not have it any more: private-cloud-plugin forget {network})"
    )]
    SecondNat {
        /// What was asked for.
        subnet: Ipv4Net,
        /// What there is.
        first: Ipv4Net,
        /// Whose that is.
        network: NetworkId,
    },
    /// An overlay is one VXLAN network.
    #[error("an overlay network needs a virtual subnet id (vsid)")]
    NoVsid,
    /// Something else than an overlay was told about overlays.
    #[error("a {0} network has no virtual subnet id (vsid); only overlay networks have")]
    NoOverlay(Kind),
    /// Overlays begin where VLANs could not.
    #[error("{0} is no virtual subnet id for overlays; give one from {min} to {max}", min = Vsid::MIN_TENANT, max = Vsid::MAX_TENANT)]
    BadVsid(Vsid),
    /// One identifier, one subnet.
    #[error("virtual subnet id {0} is that of another network in this VM")]
    VsidTaken(Vsid),
    /// VXLAN needs an address to come from.
    #[error("device '{0}' has no IPv4 address to send from")]
    NoAddress(String),
    /// Only nat hides containers.
    #[error("ports are not published on {kind} networks; the container is reached at its own address, {address}")]
    NotPublished {
        /// Which driver.
        kind: Kind,
        /// The container's address.
        address: Ipv4Addr,
    },
    /// One port, two containers.
    #[error("port {port}/{protocol} of the VM leads to another container already")]
    PortTaken {
        /// Of the port.
        protocol: Transport,
        /// Which.
        port: u16,
    },
    /// Not there.
    #[error("there is no network '{0}'")]
    NoNetwork(NetworkId),
    /// Its properties cannot change under its endpoints.
    #[error("network '{0}' has endpoints and cannot become another; remove its containers first")]
    NetworkDiffers(NetworkId),
    /// It has endpoints.
    #[error("network '{0}' has {1} endpoints; remove its containers first")]
    NetworkInUse(NetworkId, usize),
    /// Not there.
    #[error("there is no endpoint '{0}'")]
    NoEndpoint(EndpointId),
    /// The id is taken.
    #[error("endpoint '{id}' is on network '{network}' with address {address}, not as asked")]
    OtherEndpoint {
        /// Which.
        id: EndpointId,
        /// Network that it has.
        network: NetworkId,
        /// Address that it has.
        address: Ipv4Addr,
    },
    /// It has devices.
    #[error("endpoint '{0}' is attached already; it must be removed first")]
    AlreadyAttached(EndpointId),
    /// A name that the kernel does not take.
    #[error("'{0}' is no name of a network device")]
    BadInterface(String),
    /// A path that cannot be handed to `ip`.
    #[error("'{0}' is no usable path of a network namespace")]
    BadNamespace(String),
    /// Two containers, one address.
    #[error("{0} is the address of another endpoint")]
    AddressTaken(Ipv4Addr),
    /// The VM's or the router's own.
    #[error("{0} is an address of the VM itself or of the router; keep it out of the range that containers are given")]
    NoContainerAddress(Ipv4Addr),
    /// The container took it with it, or somebody deleted it.
    #[error("device {device} of endpoint '{id}' is gone")]
    DeviceGone {
        /// Which.
        id: EndpointId,
        /// Name of the device.
        device: String,
    },
}
