//! Whose address an address is.

use super::VmError;
use crate::kernel::Observed;
use crate::network::Network;
use crate::state::State;
use std::net::Ipv4Addr;

/// A new endpoint of `network` may have the address: nobody else has it. Whoever gave it need not know that, such as an
/// engine or an IPAM plugin that counts through the subnet; and a container with the VM's address would cut the VM off.
pub(super) fn check(address: Ipv4Addr, network: &Network, state: &State, observed: &Observed) -> Result<(), VmError> {
    if state.endpoints.values().any(|endpoint| endpoint.address == address) {
        return Err(VmError::AddressTaken(address));
    }
    if network.gateway == Some(address) || observed.addresses().contains(&address) {
        return Err(VmError::NoContainerAddress(address));
    }
    Ok(())
}
