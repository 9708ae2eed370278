//! One change of the VM, from taking the lock to letting go of it.

mod upkeep;

use super::link::{self, Attached, Place};
use super::routed::{self, Vxlan};
use super::{EndpointSpec, NetworkSpec, VmError, address};
use crate::book::{Holder, Lease, Want};
use crate::kernel::{Kernel, KernelError, Observed};
use crate::network::{Endpoint, EndpointId, Kind, Network, NetworkId, PublishedPort};
use crate::offer::Offer;
use crate::state::State;
use crate::store::Store;
use crate::table::{self, Picture};
use ipnet::Ipv4Net;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

/// A change in the making; see [`Vm::change`](super::Vm::change).
pub struct Change<'a> {
    kernel: &'a dyn Kernel,
    store: Store,
    state: State,
    /// The state on disk.
    before: State,
    observed: Observed,
    now: u64,
    /// The data plane is loaded even if it looks as if nothing had changed.
    afresh: bool,
    /// The data plane may be another than that of `before`.
    loaded: bool,
    /// Devices that were made, to be deleted if it comes to nothing.
    made: Vec<String>,
    /// Devices to be deleted once nothing refers to them.
    doomed: Vec<String>,
}

impl<'a> Change<'a> {
    pub(super) fn begin(directory: &Path, kernel: &'a dyn Kernel, now: u64) -> Result<Self, VmError> {
        let (store, before) = Store::open(directory)?;
        let observed = kernel.observe()?;
        let mut state = before.clone();
        state.begin(&observed.boot);
        let (made, doomed) = (Vec::new(), Vec::new());
        Ok(Self { kernel, store, state, before, observed, now, afresh: false, loaded: false, made, doomed })
    }

    /// All that is remembered, with what this change has done so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The VM's network, with what this change has done so far.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Takes note of what the proxy offers.
    pub fn merge(&mut self, offer: &Offer) {
        self.state.book.merge(offer);
    }

    /// Gives a free address to `holder`; one who has an address gets the same again. Addresses that the VM itself is
    /// configured with are not given.
    ///
    /// # Errors
    /// There is none.
    pub fn lease(&mut self, want: Want, holder: Holder) -> Result<Lease, VmError> {
        Ok(self.state.book.lease(want, holder, &self.observed.addresses(), self.now)?)
    }

    /// Takes note that `holder` uses an address which another source than the proxy gave to it.
    ///
    /// # Errors
    /// It is in use.
    pub fn reserve(&mut self, address: Ipv4Addr, subnet: Ipv4Net, holder: Holder) -> Result<(), VmError> {
        Ok(self.state.book.reserve(address, subnet, holder)?)
    }

    /// Gives an address to docker, which says later for which endpoint.
    ///
    /// # Errors
    /// There is none.
    pub fn lease_to_docker(&mut self, want: Want) -> Result<Lease, VmError> {
        let since = self.now;
        self.lease(want, Holder::Docker { endpoint: None, since })
    }

    /// Docker releases an address. `false` when it is not free now, because an endpoint uses it.
    pub fn release(&mut self, address: Ipv4Addr) -> bool {
        self.state.book.release(address)
    }

    /// Frees the addresses of an attachment that may have no endpoint of ours.
    pub fn release_of(&mut self, endpoint: &EndpointId) {
        self.state.book.vacate(endpoint, self.now);
    }

    /// Adds a network, or finds that there is the same already.
    ///
    /// # Errors
    /// There is another with this id that has endpoints; no uplink; an l2tunnel without a router that answers.
    pub fn add_network(&mut self, id: &NetworkId, spec: &NetworkSpec) -> Result<(), VmError> {
        let uplink = spec.uplink.clone().or_else(|| self.observed.default_device.clone()).ok_or(VmError::NoUplink)?;
        if !self.observed.devices.contains_key(&uplink) {
            return Err(VmError::NoDevice(uplink));
        }
        let NetworkSpec { kind, subnet, gateway, mtu, .. } = *spec;
        let overlay = spec.overlay.clone();
        let mut network = Network { kind, uplink, subnet, gateway, mtu, gateway_mac: None, overlay };
        routed::check(id, &network, &self.state)?;
        if let Some(old) = self.state.networks.get(id) {
            network.gateway_mac = old.gateway_mac;
            if *old == network {
                return Ok(());
            }
            if self.endpoints_of(id) > 0 {
                return Err(VmError::NetworkDiffers(id.clone()));
            }
        }
        network.gateway_mac = self.router_mac(&network)?;
        if let Some(old) = self.state.networks.insert(id.clone(), network) {
            self.doomed.extend(routed::unused(&old, &self.state));
        }
        Ok(())
    }

    /// Removes a network. One that is not there is no error.
    ///
    /// # Errors
    /// It has endpoints.
    pub fn remove_network(&mut self, id: &NetworkId) -> Result<(), VmError> {
        match self.endpoints_of(id) {
            0 => {
                if let Some(old) = self.state.networks.remove(id) {
                    self.doomed.extend(routed::unused(&old, &self.state));
                }
                Ok(())
            }
            count => Err(VmError::NetworkInUse(id.clone(), count)),
        }
    }

    /// Records an endpoint, or finds that there is the same already. It has no devices yet.
    ///
    /// # Errors
    /// No such network; the address was not leased to it, or is another's; there is another endpoint with this id.
    pub fn add_endpoint(&mut self, id: &EndpointId, spec: &EndpointSpec) -> Result<Endpoint, VmError> {
        let EndpointSpec { network, address, mac } = spec.clone();
        let kind = self.network(&network)?.kind;
        let mac = mac.unwrap_or_else(|| Endpoint::usual_mac(address));
        if let Some(old) = self.state.endpoints.get(id) {
            if old.network != network || old.address != address {
                let (network, address) = (old.network.clone(), old.address);
                return Err(VmError::OtherEndpoint { id: id.clone(), network, address });
            }
            return Ok(old.clone());
        }
        address::check(address, self.network(&network)?, &self.state, &self.observed)?;
        if kind.uses_tenant_addresses() {
            self.state.book.occupy(address, id)?;
        }
        let endpoint = Endpoint { network, address, mac, attached: false, published: Vec::new() };
        self.state.endpoints.insert(id.clone(), endpoint.clone());
        Ok(endpoint)
    }

    /// Leads ports of the VM to an endpoint of a nat network, until the endpoint is removed.
    ///
    /// # Errors
    /// No such endpoint; its network has an address of its own to be reached at; a port leads to another endpoint.
    pub fn publish(&mut self, id: &EndpointId, ports: &[PublishedPort]) -> Result<(), VmError> {
        let endpoint = self.state.endpoints.get(id).ok_or_else(|| VmError::NoEndpoint(id.clone()))?;
        let kind = self.network(&endpoint.network)?.kind;
        if kind != Kind::Nat && !ports.is_empty() {
            return Err(VmError::NotPublished { kind, address: endpoint.address });
        }
        let others = self.state.endpoints.iter().filter(|(other, _)| *other != id);
        let taken: BTreeSet<_> = others.flat_map(|(_, other)| &other.published).map(PublishedPort::outside).collect();
        if let Some(port) = ports.iter().find(|port| taken.contains(&port.outside())) {
            return Err(VmError::PortTaken { protocol: port.protocol, port: port.external });
        }
        if let Some(endpoint) = self.state.endpoints.get_mut(id) {
            endpoint.published = ports.to_vec();
        }
        Ok(())
    }

    /// Makes the endpoint's devices. Devices of an earlier attachment are replaced.
    ///
    /// # Errors
    /// No such endpoint; the kernel says no, for example because the container has an interface of that name.
    pub fn attach(&mut self, id: &EndpointId, place: &Place) -> Result<Attached, VmError> {
        let endpoint = self.state.endpoints.get(id).ok_or_else(|| VmError::NoEndpoint(id.clone()))?.clone();
        let network = self.network(&endpoint.network)?.clone();
        let uplink = self.observed.devices.get(&network.uplink);
        let uplink = uplink.ok_or_else(|| VmError::NoDevice(network.uplink.clone()))?.clone();
        place.check()?;
        self.delete(&id.host_device())?;
        self.make_vxlan(&network)?;
        let mtu = network.mtu.unwrap_or_else(|| routed::usual_mtu(network.kind, &uplink));
        let (batch, attached) = link::make(id, &endpoint, mtu, place);
        // Noted before it is tried: the first line may succeed and the second fail.
        self.made.push(attached.host_device.clone());
        self.kernel.ip(&batch)?;
        if let Place::Namespace { path, interface, routes } = place {
            let batch = link::configure(&endpoint, &network, interface, routes.as_deref());
            self.kernel.ip_within(path, &batch)?;
        }
        let part = routed::take_part(&network, &endpoint, &attached.host_device, &uplink);
        if !part.is_empty() {
            self.kernel.ip(&part)?;
        }
        if !network.kind.uses_tenant_addresses() {
            self.kernel.forward()?;
        }
        self.observed = self.kernel.observe()?;
        if let Some(endpoint) = self.state.endpoints.get_mut(id) {
            endpoint.attached = true;
        }
        Ok(attached)
    }

    /// Makes the VXLAN devices of an overlay that are not there, and tells them where its addresses are.
    fn make_vxlan(&mut self, network: &Network) -> Result<(), VmError> {
        let Vxlan { devices, ip, bridge } = Vxlan::new(network, &self.observed)?;
        if ip.is_empty() {
            return Ok(());
        }
        self.made.extend(devices);
        self.kernel.ip(&ip)?;
        self.kernel.bridge(&bridge)?;
        self.observed = self.kernel.observe()?;
        Ok(())
    }

    /// Loads an nft script into the container's network namespace, before anything runs there: its firewall.
    ///
    /// # Errors
    /// Those of the kernel.
    pub fn protect(&mut self, netns: &Path, script: &str) -> Result<(), VmError> {
        Ok(self.kernel.nft_within(netns, script)?)
    }

    /// Removes an endpoint with its devices. An address that it held as an attachment is free. One that is not there
    /// is no error.
    ///
    /// # Errors
    /// None of its own.
    pub fn remove_endpoint(&mut self, id: &EndpointId) -> Result<(), VmError> {
        let device = id.host_device();
        // One that was killed while it made an endpoint has left a device that nothing is recorded of.
        if self.state.endpoints.remove(id).is_some() || self.observed.devices.contains_key(&device) {
            self.doomed.push(device);
        }
        self.state.book.vacate(id, self.now);
        Ok(())
    }

    /// Removes all endpoints of `network`, and all addresses held by attachments to it, that `keep` does not want.
    ///
    /// # Errors
    /// None of its own.
    pub fn collect(&mut self, network: &NetworkId, keep: impl Fn(&EndpointId) -> bool) -> Result<(), VmError> {
        let stale = self.state.endpoints.iter().filter(|(id, endpoint)| endpoint.network == *network && !keep(id));
        for id in stale.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.remove_endpoint(&id)?;
        }
        self.state.book.collect(network, keep);
        Ok(())
    }

    /// Makes the VM so.
    pub(super) fn commit(mut self) -> Result<(), VmError> {
        if let Err(error) = self.load_and_save() {
            self.roll_back();
            return Err(error);
        }
        for device in std::mem::take(&mut self.doomed) {
            if let Err(error) = self.delete(&device) {
                // It has no part in the data plane any more; the next reconciliation tries again.
                tracing::warn!(device, %error, "cannot delete a device");
            }
        }
        for uplink in routed::quiet_uplinks(&self.before, &self.state) {
            if let Err(error) = self.kernel.ip(&format!("link set {uplink} promisc off\n")) {
                tracing::warn!(uplink, %error, "the device still listens to frames for everybody");
            }
        }
        Ok(())
    }

    /// Makes the VM what it was.
    pub(super) fn roll_back(mut self) {
        if let Err(error) = self.undo() {
            tracing::warn!(%error, "a change that failed is not undone entirely; the next reconciliation tries again");
        }
    }

    fn undo(&mut self) -> Result<(), VmError> {
        self.state = self.before.clone();
        if self.loaded {
            self.load_table()?;
        }
        if !self.made.is_empty() {
            self.observed = self.kernel.observe()?;
        }
        std::mem::take(&mut self.made).iter().try_for_each(|device| Ok(self.delete(device)?))
    }

    fn load_and_save(&mut self) -> Result<(), VmError> {
        // Other endpoints of the table may be older than this start of the VM, so `before` is no measure then.
        let same =
            !self.afresh && self.made.is_empty() && self.doomed.is_empty() && self.before.boot == self.state.boot;
        if !same {
            self.loaded = true;
            self.load_table()?;
        }
        if self.state != self.before {
            self.store.save(&self.state)?;
        }
        Ok(())
    }

    /// Loads the table. A container may end at any time and take its device with it, which fails the load: then again
    /// with what is left.
    fn load_table(&mut self) -> Result<(), VmError> {
        let mut tries = 0;
        loop {
            let script = table::render(&Picture::new(&self.state, &self.observed));
            let Err(error) = self.kernel.nft(&script) else { return Ok(()) };
            let observed = self.kernel.observe()?;
            tries += 1;
            if observed == self.observed || tries > 8 {
                return Err(error.into());
            }
            self.observed = observed;
        }
    }

    fn network(&self, id: &NetworkId) -> Result<&Network, VmError> {
        self.state.networks.get(id).ok_or_else(|| VmError::NoNetwork(id.clone()))
    }

    fn endpoints_of(&self, id: &NetworkId) -> usize {
        self.state.endpoints.values().filter(|endpoint| endpoint.network == *id).count()
    }

    /// The MAC that an l2tunnel sends everything to.
    fn router_mac(&self, network: &Network) -> Result<Option<policy::net::MacAddr>, VmError> {
        if network.kind != Kind::L2Tunnel {
            return Ok(None);
        }
        let router = network.gateway.ok_or(VmError::NoRouter)?;
        Ok(Some(self.kernel.next_hop(&network.uplink, router)?))
    }

    /// Deletes a device; its absence is what is wanted.
    fn delete(&mut self, device: &str) -> Result<(), KernelError> {
        if !self.observed.devices.contains_key(device) {
            return Ok(());
        }
        if let Err(error) = self.kernel.ip(&format!("link delete {device}\n")) {
            // A container that ended in this moment has taken it.
            self.observed = self.kernel.observe()?;
            return if self.observed.devices.contains_key(device) { Err(error) } else { Ok(()) };
        }
        self.observed.devices.remove(device);
        Ok(())
    }
}
