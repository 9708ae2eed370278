//! `GET /metrics`: counters in the Prometheus text format.

use crate::agent::{Agent, Metrics};
use crate::api::blocking;
use crate::api::error::ApiError;
use crate::proxy::statistics::Counts;
use crate::report::Counters;
use actix_web::web::Data;
use actix_web::{HttpResponse, Responder};
use policy::report::PortResult;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// 200, text.
pub(super) async fn get(agent: Data<Agent>) -> Result<impl Responder, ApiError> {
    let metrics = blocking(agent, Agent::metrics).await?;
    let mut text = String::new();
    // Writing to a text cannot fail.
    render(&metrics, &mut text).ok();
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}

fn render(metrics: &Metrics, out: &mut String) -> fmt::Result {
    let mut gauge = |name: &str, help: &str, value: u64| {
        writeln!(out, "# HELP sdn_agent_{name} {help}\n# TYPE sdn_agent_{name} gauge\nsdn_agent_{name} {value}")
    };
    gauge("generation", "Generation in force; 0 for none.", metrics.generation)?;
    gauge("sections", "Sections of the goal state.", metrics.sections as u64)?;
    gauge("ledger_bytes", "Size of the ledger on disk.", metrics.ledger_bytes)?;
    gauge("failed_objects", "Objects that could not be brought to the goal.", metrics.failed_objects as u64)?;

    let mut by_result: BTreeMap<&str, u64> = BTreeMap::new();
    for (port, _) in &metrics.ports {
        *by_result.entry(result_name(&port.result)).or_default() += 1;
    }
    writeln!(out, "# HELP sdn_agent_ports Attached ports by result.\n# TYPE sdn_agent_ports gauge")?;
    for (result, count) in by_result {
        writeln!(out, "sdn_agent_ports{{result=\"{result}\"}} {count}")?;
    }
    for (name, value) in &metrics.totals {
        writeln!(out, "# TYPE sdn_agent_{name}_total counter\nsdn_agent_{name}_total {value}")?;
    }
    traffic(metrics, out, "packets", |traffic| traffic.packets)?;
    traffic(metrics, out, "bytes", |traffic| traffic.bytes)?;
    writeln!(out, "# HELP sdn_agent_port_drops_total Dropped frames by reason; without a port, frames of none.")?;
    writeln!(out, "# TYPE sdn_agent_port_drops_total counter")?;
    for (port, counters) in &metrics.ports {
        drops(out, counters, &format!("port=\"{}\",", port.profile_id))?;
    }
    drops(out, &metrics.stray, "")?;
    proxy(metrics, out)
}

fn proxy(metrics: &Metrics, out: &mut String) -> fmt::Result {
    for (index, (name, _)) in Counts::default().list().into_iter().enumerate() {
        writeln!(out, "# TYPE sdn_agent_proxy_{name}_total counter")?;
        for (port, counts) in &metrics.proxy {
            let (_, value) = counts.list()[index];
            writeln!(out, "sdn_agent_proxy_{name}_total{{port=\"{port}\"}} {value}")?;
        }
    }
    Ok(())
}

fn traffic(
    metrics: &Metrics,
    out: &mut String,
    unit: &str,
    value: impl Fn(&crate::report::Traffic) -> u64,
) -> fmt::Result {
    writeln!(out, "# HELP sdn_agent_port_{unit}_total Traffic that passed, seen from the VM.")?;
    writeln!(out, "# TYPE sdn_agent_port_{unit}_total counter")?;
    for (port, counters) in &metrics.ports {
        for (direction, traffic) in [("in", &counters.inbound), ("out", &counters.outbound)] {
            let (id, value) = (port.profile_id, value(traffic));
            writeln!(out, "sdn_agent_port_{unit}_total{{port=\"{id}\",direction=\"{direction}\"}} {value}")?;
        }
    }
    Ok(())
}

fn drops(out: &mut String, counters: &Counters, label: &str) -> fmt::Result {
    for (reason, count) in &counters.drops {
        writeln!(out, "sdn_agent_port_drops_total{{{label}reason=\"{reason}\"}} {count}")?;
    }
    Ok(())
}

fn result_name(result: &PortResult) -> &'static str {
    match result {
        PortResult::Success => "Success",
        PortResult::PortBlocked => "PortBlocked",
        PortResult::PolicyConfigurationFailureOnVfp { .. } => "PolicyConfigurationFailureOnVfp",
    }
}
