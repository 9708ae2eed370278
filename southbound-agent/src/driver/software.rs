//! The `vfp` engine of this repository as a driver.

use crate::driver::{DriverError, HostPolicy, Key, Programmed, Step, VfpDriver};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vfp::{PolicyError, Switch};

/// The engine, shared between the driver and the threads that move frames.
#[derive(Clone)]
pub(crate) struct SharedSwitch(Arc<Mutex<Switch>>);

impl SharedSwitch {
    pub(crate) fn new(switch: Switch) -> Self {
        Self(Arc::new(Mutex::new(switch)))
    }

    /// Holders do not panic in the middle of a change: the engine is total. A poisoned lock is therefore whole.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Switch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Programs the engine. All steps of one call are carried out under one lock, so no packet sees half of them.
pub(crate) struct Software {
    switch: SharedSwitch,
}

impl Software {
    pub(crate) fn new(switch: SharedSwitch) -> Self {
        Self { switch }
    }
}

impl VfpDriver for Software {
    fn name(&self) -> &'static str {
        "software"
    }

    fn read(&mut self) -> Result<Programmed, DriverError> {
        let switch = self.switch.lock();
        let mappings = switch.networks().flat_map(|(network, _)| {
            switch.mappings(network).map(move |(vsid, ca, mapping)| ((network, vsid, ca), mapping))
        });
        Ok(Programmed {
            host: HostPolicy { provider_address: switch.provider_address(), without_acl: switch.without_acl() },
            acls: switch.acls().collect(),
            networks: switch.networks().collect(),
            mappings: mappings.collect(),
            ports: switch.ports().collect(),
        })
    }

    fn apply(&mut self, steps: Vec<Step>) -> Vec<(Key, DriverError)> {
        let mut switch = self.switch.lock();
        let failure = |step: Step| {
            let key = step.key();
            apply(&mut switch, step).err().map(|error| (key, DriverError(error.to_string())))
        };
        steps.into_iter().filter_map(failure).collect()
    }
}

fn apply(switch: &mut Switch, step: Step) -> Result<(), PolicyError> {
    match step {
        Step::RemovePort(id) => switch.remove_port(id),
        Step::BlockPort(id) => switch.block_port(id),
        Step::Host(HostPolicy { provider_address, without_acl }) => {
            switch.set_provider_address(provider_address);
            switch.set_without_acl(without_acl);
        }
        Step::Acl(id, tag, acl) => switch.set_acl(id, tag, &acl),
        Step::Network(id, tag, network) => switch.set_network(id, tag, network)?,
        Step::RemoveMapping(network, vsid, ca) => switch.remove_mapping(network, vsid, ca),
        Step::Mapping(network, vsid, ca, mapping) => switch.set_mapping(network, vsid, ca, mapping)?,
        Step::Port(id, tag, policy) => switch.set_port(id, tag, policy)?,
        Step::RemoveNetwork(id) => switch.remove_network(id)?,
        Step::RemoveAcl(id) => switch.remove_acl(id)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::contract;
    use vfp::Config;

    #[test]
    fn the_software_driver_keeps_the_contract() {
        contract::check(|| Software::new(SharedSwitch::new(Switch::new(Config::default()))));
    }
}
