//! The `vfp` engine of this repository as a driver.

use crate::datapath::clock::Clock;
use crate::driver::report::{Counters, Flow, Trace, TraceRequest, TraceStep, Traffic};
use crate::driver::{DriverError, HostPolicy, Key, Programmed, Step, VfpDriver};
use policy::acl::Direction;
use policy::ids::NicId;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use vfp::{FlowView, Outcome, PolicyError, PortId, Probe, Switch};

/// Flows of each port that one call of [`VfpDriver::tend`] looks at.
const SWEEP: usize = 1000;

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
    clock: Clock,
}

impl Software {
    pub(crate) fn new(switch: SharedSwitch, clock: Clock) -> Self {
        Self { switch, clock }
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
            host: HostPolicy {
                provider_address: switch.provider_address(),
                without_acl: switch.without_acl(),
                service: switch.host_service(),
            },
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

    fn tend(&mut self) {
        self.switch.lock().expire(self.clock.now(), SWEEP);
    }

    fn rules(&self, port: NicId) -> Vec<String> {
        self.switch.lock().rules(id(port))
    }

    fn flows(&self, port: NicId, limit: usize) -> Vec<Flow> {
        self.switch.lock().flows(id(port), self.clock.now()).take(limit).map(flow).collect()
    }

    fn trace(&self, request: &TraceRequest) -> Trace {
        let TraceRequest { port, direction, protocol, source, destination, source_port, destination_port } = *request;
        let direction = match direction {
            Direction::Inbound => vfp::Direction::Inbound,
            Direction::Outbound => vfp::Direction::Outbound,
        };
        let protocol = protocol.number();
        let probe = Probe { direction, protocol, source, destination, source_port, destination_port };
        let trace = self.switch.lock().trace(id(port), &probe, self.clock.now());
        let step = |step: &vfp::Step| TraceStep {
            port: step.port.to_string(),
            direction: step.direction.to_string(),
            stage: step.stage.to_string(),
            finding: step.finding.to_string(),
        };
        Trace {
            steps: trace.steps.iter().map(step).collect(),
            outcome: trace.outcome.to_string(),
            passes: !matches!(trace.outcome, Outcome::Dropped(_)),
        }
    }

    fn counters(&self, port: Option<NicId>) -> Counters {
        let switch = self.switch.lock();
        let counters = match port {
            Some(port) => switch.counters(id(port)),
            None => Some(switch.stray_counters()),
        };
        let counters = counters.map(|counters| Counters {
            outbound: traffic(counters.outbound),
            inbound: traffic(counters.inbound),
            drops: counters.drops().map(|(reason, count)| (reason.name(), count)).collect(),
        });
        counters.unwrap_or_default()
    }
}

fn id(port: NicId) -> PortId {
    PortId(port.0.as_u128())
}

fn traffic(traffic: vfp::Traffic) -> Traffic {
    Traffic { packets: traffic.packets, bytes: traffic.bytes }
}

fn flow(flow: FlowView) -> Flow {
    Flow {
        local: flow.local,
        remote: flow.remote,
        protocol: flow.protocol,
        local_port: flow.local_port,
        remote_port: flow.remote_port,
        opened: flow.initiator.to_string(),
        admitted: flow.admitted,
        tcp_state: flow.tcp_state.map(str::to_owned),
        idle_seconds: flow.idle.as_secs(),
        outbound: traffic(flow.outbound),
        inbound: traffic(flow.inbound),
        text: flow.to_string(),
    }
}

fn apply(switch: &mut Switch, step: Step) -> Result<(), PolicyError> {
    match step {
        Step::RemovePort(id) => switch.remove_port(id),
        Step::BlockPort(id) => switch.block_port(id),
        Step::Host(HostPolicy { provider_address, without_acl, service }) => {
            switch.set_provider_address(provider_address);
            switch.set_without_acl(without_acl);
            switch.set_host_service(service);
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
        contract::check(|| Software::new(SharedSwitch::new(Switch::new(Config::default())), Clock::start()));
    }
}
