//! `private-cloud-plugin forget`.

use super::CliError;
use super::status::short;
use crate::network::NetworkId;
use crate::store;
use crate::vm::{Vm, VmError};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct Forget {
    /// Directory of the state.
    #[arg(long, value_name = "DIR", env = "PRIVATE_CLOUD_STATE_DIR", default_value = store::DEFAULT_DIRECTORY)]
    state_dir: PathBuf,
    /// The network's id, whole or as `status` shows it.
    network: NetworkId,
}

impl Forget {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let Self { state_dir, network } = self;
        Vm::new(state_dir).change(|change| {
            let mut ids = change.state().networks.keys();
            let found = ids.find(|id| **id == network || short(id.as_str()) == network.as_str()).cloned();
            change.remove_network(&found.ok_or_else(|| VmError::NoNetwork(network.clone()))?)
        })?;
        Ok(writeln!(out, "network {network} is forgotten")?)
    }
}
