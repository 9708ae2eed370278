//! The default firewall of docker's containers.
//!
//! Docker makes a container's network namespace only after it has asked everything it asks of a network driver, so the rules
//! cannot be there before it. They are loaded as soon as it is: while docker is still moving the container's device in.

use super::Driver;
use crate::firewall::{Era, Isolation, Scope, defaults, render};
use crate::network::{EndpointId, PublishedPort};
use crate::vm::{Vm, VmError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long docker may take from joining a network to the container's namespace.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often to look for it.
const PAUSE: Duration = Duration::from_millis(5);

impl Driver {
    /// Loads the rules of an endpoint into the namespace at `sandbox` once there is one; does not wait for it.
    pub(super) fn protect_soon(&self, endpoint: EndpointId, ports: &[PublishedPort], sandbox: PathBuf) {
        let mut rules = defaults(self.kind, Isolation::Process, Era::Current);
        for port in ports {
            rules.publish(port.protocol.number(), port.internal);
        }
        // Which name docker gives to the interface is not known yet.
        let script = render(&rules, Scope { endpoint: endpoint.as_str(), interface: None });
        let vm = self.vm.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = load_when_there(&vm, &sandbox, &script) {
                tracing::warn!(%endpoint, %error, "the container has no firewall");
            }
        });
    }
}

/// The file comes first and is no namespace for a moment.
fn load_when_there(vm: &Vm, sandbox: &Path, script: &str) -> Result<(), VmError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let late = Instant::now() > deadline;
        if sandbox.exists() || late {
            match vm.protect(sandbox, script) {
                Err(_) if !late => {}
                outcome => return outcome,
            }
        }
        std::thread::sleep(PAUSE);
    }
}
