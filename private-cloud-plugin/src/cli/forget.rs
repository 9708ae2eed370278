//! `private-cloud-plugin forget`.

use super::CliError;
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
    /// The network's whole id, as `status` shows it.
    network: NetworkId,
}

impl Forget {
    pub(super) fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let Self { state_dir, network } = self;
        Vm::new(state_dir).change(|change| {
            if !change.state().networks.contains_key(&network) {
                return Err(VmError::NoNetwork(network.clone()));
            }
            change.remove_network(&network)
        })?;
        Ok(writeln!(out, "network {network} is forgotten")?)
    }
}
