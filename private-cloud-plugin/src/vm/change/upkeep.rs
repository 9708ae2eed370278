//! Changes that nobody asked for: making good what happened behind this program's back.

use super::Change;
use crate::network::{DEVICE_PREFIX, EndpointId};
use crate::table::{self, Picture};
use crate::vm::VmError;
use std::collections::BTreeSet;

impl Change<'_> {
    /// See [`Vm::reconcile`](crate::vm::Vm::reconcile).
    ///
    /// # Errors
    /// Those of the kernel.
    pub fn reconcile(&mut self) -> Result<(), VmError> {
        self.afresh = true;
        let there = |id: &EndpointId| self.observed.devices.contains_key(&id.host_device());
        let endpoints = self.state.endpoints.iter();
        let gone = endpoints.filter(|(id, endpoint)| endpoint.attached && !there(id)).map(|(id, _)| id.clone());
        for id in gone.collect::<Vec<_>>() {
            tracing::info!(endpoint = %id, "endpoint dropped: its device went with its container");
            self.remove_endpoint(&id)?;
        }
        let known: BTreeSet<String> = self.state.endpoints.keys().map(EndpointId::host_device).collect();
        let ours = self.observed.devices.keys().filter(|name| name.starts_with(DEVICE_PREFIX) && name.ends_with('h'));
        self.doomed.extend(ours.filter(|name| !known.contains(*name)).cloned());
        for (id, mut network) in self.state.networks.clone() {
            match self.router_mac(&network) {
                Ok(mac) => network.gateway_mac = mac,
                // What was learnt before is better than nothing.
                Err(error) => tracing::warn!(network = %id, %error, "the router's MAC cannot be refreshed"),
            }
            self.state.networks.insert(id, network);
        }
        Ok(())
    }

    /// See [`Vm::heal`](crate::vm::Vm::heal). Tells whether there was need.
    ///
    /// # Errors
    /// Those of the kernel.
    pub fn heal(&mut self) -> Result<bool, VmError> {
        let script = table::render(&Picture::new(&self.state, &self.observed));
        self.afresh |= !table::is_in_force(&script, &self.kernel.table()?);
        Ok(self.afresh)
    }
}
