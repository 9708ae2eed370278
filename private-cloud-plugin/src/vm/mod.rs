//! The VM's container networking, whole: the one way in for the docker service, the CNI plugins and the command line.
//!
//! [`Vm::change`] takes the lock, reads the state, lets a closure change it, and then makes the VM so. It is all or
//! nothing: when the closure or a step after it fails, devices that were made are deleted again and the state on disk is
//! what it was. Everything may be repeated. All of it blocks; what is asked of the network proxy is asked before, without
//! the lock (see [`crate::proxy`]), and handed in as an [`Offer`](crate::offer::Offer).
//!
//! A CNI `ADD`, shortened:
//!
//! ```no_run
//! # use private_cloud_plugin::{book::{Holder, Want}, network::*, proxy::{self, Proxy}, vm::*};
//! # async fn add() -> Result<(), Box<dyn std::error::Error>> {
//! # let (name, attachment): (NetworkId, EndpointId) = ("cni:blue".parse()?, "cni:blue:c1:eth0".parse()?);
//! let vm = Vm::new("/var/lib/private-cloud-plugin");
//! let offer = Proxy::new(proxy::DEFAULT_URL)?.fetch().await?;
//! let lease = vm.change(|change| {
//!     change.merge(&offer);
//!     let holder = Holder::Attachment { network: name.clone(), endpoint: attachment.clone() };
//!     let lease = change.lease(Want::default(), holder)?;
//!     let network = NetworkSpec { subnet: lease.subnet, gateway: lease.routing.gateway, ..NetworkSpec::new(Kind::L2Bridge) };
//!     change.add_network(&name, &network)?;
//!     change.add_endpoint(&attachment, &EndpointSpec { network: name.clone(), address: lease.address, mac: None })?;
//!     change.attach(&attachment, &Place::Namespace { path: "/run/netns/c1".into(), interface: "eth0".into(), routes: None })?;
//!     Ok(lease)
//! })?;
//! // DEL: frees the address, too.
//! vm.change(|change| change.remove_endpoint(&attachment))?;
//! # Ok(())
//! # }
//! ```
//!
//! Docker differs in two things: it asks for an address before there is an endpoint ([`Holder::Docker`]), and it takes
//! the container's end of the device pair itself ([`Place::Here`]).
//!
//! [`Holder::Docker`]: crate::book::Holder::Docker

mod address;
mod change;
mod error;
mod link;
mod routed;
#[cfg(test)]
mod tests;

pub use change::Change;
pub use error::VmError;
pub use link::{Attached, Place};

use crate::kernel::{Commands, Kernel, Observed};
use crate::network::overlay::Overlay;
use crate::network::{EndpointId, Kind, NetworkId};
use crate::state::State;
use crate::store::Store;
use ipnet::Ipv4Net;
use policy::net::MacAddr;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// The VM this program runs in. Cheap to clone; may be used from any number of threads and processes.
#[derive(Clone)]
pub struct Vm {
    directory: PathBuf,
    kernel: Arc<dyn Kernel>,
}

/// What makes a network; see [`Change::add_network`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Which driver.
    pub kind: Kind,
    /// The VM's device that leads to the fabric; the one with the default route if not named.
    pub uplink: Option<String>,
    /// Subnet of the containers.
    pub subnet: Ipv4Net,
    /// Router of the containers.
    pub gateway: Option<Ipv4Addr>,
    /// MTU of the containers' devices in bytes; the uplink's if not set.
    pub mtu: Option<u32>,
    /// What makes it an overlay.
    pub overlay: Option<Overlay>,
}

/// What makes an endpoint; see [`Change::add_endpoint`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointSpec {
    /// Its network.
    pub network: NetworkId,
    /// Its address, leased before.
    pub address: Ipv4Addr,
    /// MAC for the container; one made from the address if not set.
    pub mac: Option<MacAddr>,
}

impl NetworkSpec {
    /// A network of this kind with no subnet yet.
    pub fn new(kind: Kind) -> Self {
        Self { kind, uplink: None, subnet: Ipv4Net::default(), gateway: None, mtu: None, overlay: None }
    }
}

impl Vm {
    /// The VM, with its state in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), kernel: Arc::new(Commands) }
    }

    /// A VM with another kernel.
    #[cfg(test)]
    pub(crate) fn on(directory: impl Into<PathBuf>, kernel: Arc<dyn Kernel>) -> Self {
        Self { directory: directory.into(), kernel }
    }

    /// Where the state is kept.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Changes the VM: `work` says how, and it is made so when `work` succeeds.
    ///
    /// # Errors
    /// Those of `work`, of the store and of the kernel. Then nothing has changed.
    pub fn change<T>(&self, work: impl FnOnce(&mut Change<'_>) -> Result<T, VmError>) -> Result<T, VmError> {
        let mut change = Change::begin(&self.directory, self.kernel.as_ref(), now())?;
        match work(&mut change) {
            Ok(value) => change.commit().map(|()| value),
            Err(error) => {
                change.roll_back();
                Err(error)
            }
        }
    }

    /// Rebuilds the data plane from the state, and drops what is of no use any more: endpoints whose devices went with
    /// their container, devices that no endpoint knows, addresses of either. Run it when the service starts.
    ///
    /// # Errors
    /// Those of the store and of the kernel.
    pub fn reconcile(&self) -> Result<(), VmError> {
        self.change(|change| change.reconcile())
    }

    /// Loads the data plane again if it is not there: who restarts the VM's own packet filter usually empties all of it.
    /// Tells whether there was need.
    ///
    /// # Errors
    /// Those of the store and of the kernel.
    pub fn heal(&self) -> Result<bool, VmError> {
        self.change(|change| change.heal())
    }

    /// Loads an nft script into the network namespace at `netns`: the firewall of a container that is not made by this
    /// program. See [`Change::protect`] for others.
    ///
    /// # Errors
    /// Those of the kernel.
    pub fn protect(&self, netns: &Path, script: &str) -> Result<(), VmError> {
        Ok(self.kernel.nft_within(netns, script)?)
    }

    /// What is remembered, and what is there.
    ///
    /// # Errors
    /// Those of the store and of the kernel.
    pub fn look(&self) -> Result<(State, Observed), VmError> {
        let (_store, mut state) = Store::open(&self.directory)?;
        let observed = self.kernel.observe()?;
        state.begin(&observed.boot);
        Ok((state, observed))
    }

    /// The endpoint's devices are there and it is recorded as `network`'s, with `address`.
    ///
    /// # Errors
    /// What is amiss.
    pub fn check(&self, network: &NetworkId, id: &EndpointId, address: Ipv4Addr) -> Result<(), VmError> {
        let (state, observed) = self.look()?;
        let endpoint = state.endpoints.get(id).ok_or_else(|| VmError::NoEndpoint(id.clone()))?;
        if endpoint.network != *network || endpoint.address != address {
            let found = (endpoint.network.clone(), endpoint.address);
            return Err(VmError::OtherEndpoint { id: id.clone(), network: found.0, address: found.1 });
        }
        let device = id.host_device();
        if observed.devices.contains_key(&device) {
            Ok(())
        } else {
            Err(VmError::DeviceGone { id: id.clone(), device })
        }
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map(|since| since.as_secs()).unwrap_or_default()
}
