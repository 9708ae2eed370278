//! The docker side: libnetwork's remote network driver and IPAM driver (`containers.md` sections 4 and 5), one socket for
//! each driver name, and a socket for docker's clients in front of the engine's own.

mod error;
mod firewall;
mod front;
mod ipam;
mod leftovers;
mod network;
mod offers;
mod service;
#[cfg(test)]
mod tests;
mod wire;

pub use service::{ServeError, Service, Settings};

use crate::network::Kind;
use crate::vm::{Change, Vm, VmError};
use error::CallError;
use leftovers::Leftovers;
use offers::Offers;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// One driver as docker sees it: a name, behind which are a network driver and an IPAM driver.
#[derive(Clone)]
struct Driver {
    vm: Vm,
    offers: Offers,
    leftovers: Leftovers,
    kind: Kind,
    /// Device for networks that name none.
    uplink: Option<String>,
}

/// What docker is told.
#[derive(Debug)]
enum Answer {
    /// It is done.
    Done(Value),
    /// It cannot be done.
    Failed(Value),
    /// What is asked for cannot be read (libnetwork, docs/remote.md).
    Unclear(Value),
    /// There is no such call; docker then does without.
    NoSuchCall,
}

impl Driver {
    /// Carries out one call, named as in the path of the request.
    async fn answer(&self, call: &str, body: &[u8]) -> Answer {
        let result = match call {
            // The words of the protocol are the same for every plugin.
            "Plugin.Activate" => Ok(json!({ "Implements": ["NetworkDriver", "IpamDriver"] })),
            "NetworkDriver.GetCapabilities" => Ok(json!({ "Scope": "local", "ConnectivityScope": "local" })),
            "NetworkDriver.CreateNetwork" => done(self.create_network(read(call, body)).await),
            "NetworkDriver.DeleteNetwork" => done(self.delete_network(read(call, body)).await),
            "NetworkDriver.CreateEndpoint" => reply(self.create_endpoint(read(call, body)).await),
            "NetworkDriver.EndpointOperInfo" => Ok(json!({ "Value": {} })),
            "NetworkDriver.DeleteEndpoint" => done(self.delete_endpoint(read(call, body)).await),
            "NetworkDriver.Join" => reply(self.join(read(call, body)).await),
            // Docker takes the device back before it deletes the endpoint, and the devices with it.
            "NetworkDriver.Leave" | "NetworkDriver.DiscoverNew" | "NetworkDriver.DiscoverDelete" => Ok(json!({})),
            "NetworkDriver.ProgramExternalConnectivity" | "NetworkDriver.RevokeExternalConnectivity" => Ok(json!({})),
            "IpamDriver.GetCapabilities" => Ok(json!({ "RequiresMACAddress": false, "RequiresRequestReplay": false })),
            "IpamDriver.GetDefaultAddressSpaces" => Ok(json!({
                "LocalDefaultAddressSpace": ipam::ADDRESS_SPACE,
                "GlobalDefaultAddressSpace": ipam::ADDRESS_SPACE,
            })),
            "IpamDriver.RequestPool" => reply(self.request_pool(read(call, body)).await),
            // A pool is what the controller gave; there is nothing to give back.
            "IpamDriver.ReleasePool" => Ok(json!({})),
            "IpamDriver.RequestAddress" => reply(self.request_address(read(call, body)).await),
            "IpamDriver.ReleaseAddress" => done(self.release_address(read(call, body)).await),
            _ => return Answer::NoSuchCall,
        };
        match result {
            Ok(value) => {
                tracing::debug!(driver = %self.kind, call, answer = %value);
                Answer::Done(value)
            }
            Err(error) => {
                let text = crate::cli::whole(&error);
                tracing::warn!(driver = %self.kind, call, error = text);
                // The two halves of the protocol name it differently (libnetwork, docs/remote.md and docs/ipam.md).
                let member = if call.starts_with("IpamDriver.") { "Error" } else { "Err" };
                let answer = json!({ member: text });
                match error {
                    CallError::Request { .. } => Answer::Unclear(answer),
                    _ => Answer::Failed(answer),
                }
            }
        }
    }

    /// Changes the VM on a thread that may wait.
    async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Change<'_>) -> Result<T, VmError> + Send + 'static,
    ) -> Result<T, CallError> {
        let vm = self.vm.clone();
        let done = tokio::task::spawn_blocking(move || vm.change(work)).await;
        Ok(done.map_err(|_| CallError::Aborted)??)
    }
}

fn read<T: DeserializeOwned>(call: &str, body: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(body).map_err(|source| CallError::Request { call: call.to_owned(), source })
}

fn done(result: Result<(), CallError>) -> Result<Value, CallError> {
    result.map(|()| json!({}))
}

fn reply<T: Serialize>(result: Result<T, CallError>) -> Result<Value, CallError> {
    result.and_then(|reply| serde_json::to_value(reply).map_err(CallError::Reply))
}
