//! `private-cloud-plugin status`.

use super::{CliError, Common};
use crate::book::{Book, Holder};
use crate::kernel::{Commands, Kernel};
use crate::network::is_dockers;
use crate::network::{Endpoint, Network};
use crate::proxy::Proxy;
use crate::table::{self, Picture};
use crate::vm::{Vm, VmError};
use clap::Args;
use std::io::Write;

#[derive(Debug, Args)]
pub(super) struct Status {
    #[command(flatten)]
    common: Common,
}

impl Status {
    pub(super) async fn run(self, out: &mut impl Write) -> Result<(), CliError> {
        let Common { state_dir, proxy } = self.common;
        let proxy = Proxy::new(&proxy)?;
        let offer = proxy.fetch().await;
        let (mut state, observed) = Vm::new(state_dir).look()?;
        match &offer {
            Ok(offer) => {
                // Not recorded: to look is not to change.
                state.book.merge(offer);
                writeln!(out, "proxy {} answers", proxy.url())?;
            }
            // Why not is said where errors are said.
            Err(_) => writeln!(out, "proxy {} does not answer", proxy.url())?,
        }
        addresses(out, &state.book)?;
        let wanted = table::render(&Picture::new(&state, &observed));
        let in_force = table::is_in_force(&wanted, &Commands.table().map_err(VmError::from)?);
        let loaded = if in_force { "in force" } else { "not loaded; the service, or the next container, loads it" };
        writeln!(out, "data plane: {loaded}")?;
        for (id, network) in &state.networks {
            let gateway = network.gateway.map(|gateway| format!(" gateway {gateway}")).unwrap_or_default();
            let Network { kind, subnet, uplink, .. } = network;
            writeln!(out, "network {} {kind} {subnet}{gateway} uplink {uplink}", short(id.as_str()))?;
        }
        for (id, endpoint) in &state.endpoints {
            let device = id.host_device();
            let there = match (endpoint.attached, observed.devices.contains_key(&device)) {
                (false, _) => "not attached".to_owned(),
                (true, true) => format!("device {device}"),
                (true, false) => format!("device {device} is gone"),
            };
            let Endpoint { network, address, mac, .. } = endpoint;
            writeln!(
                out,
                "endpoint {} network {} {address} {mac} {there}",
                short(id.as_str()),
                short(network.as_str())
            )?;
        }
        Ok(offer.map(drop)?)
    }
}

fn addresses(out: &mut impl Write, book: &Book) -> Result<(), CliError> {
    let records = || book.addresses().map(|(_, record)| record);
    let (total, used) = (records().count(), records().filter(|record| record.holder.is_some()).count());
    let lost = records().filter(|record| record.lost).count();
    writeln!(out, "addresses: {} offered, {} of them in use; {lost} withdrawn but in use", total - lost, used - lost)?;
    for (address, record) in book.addresses() {
        let lost = if record.lost { ", withdrawn by the controller" } else { "" };
        let holder = match &record.holder {
            None => "free".to_owned(),
            Some(Holder::Docker { endpoint: Some(endpoint), .. } | Holder::Attachment { endpoint, .. }) => {
                format!("in use by {}", short(endpoint.as_str()))
            }
            Some(Holder::Docker { endpoint: None, .. }) => "reserved by docker".to_owned(),
        };
        writeln!(out, "  {address} in {} {holder}{lost}", record.subnet)?;
    }
    Ok(())
}

/// An id as docker shows it: the first twelve of its 64 digits. Ids of CNI say who it is and are shown whole.
pub(super) fn short(id: &str) -> &str {
    if is_dockers(id) { &id[..12] } else { id }
}
