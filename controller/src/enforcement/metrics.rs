//! Counters of what goes to the hosts, in the Prometheus text format.

use super::host::{Contact, Host};
use policy::ids::HostId;
use std::fmt::Write;
use time::OffsetDateTime;

/// What was sent to one host since the controller started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Goal states that the agent put in force.
    pub applied: u64,
    /// Exchanges that failed, for whatever reason.
    pub failures: u64,
    /// Bytes of goal state sent.
    pub bytes: u64,
}

/// One line per host and metric.
pub(super) fn write<'a>(
    hosts: impl Iterator<Item = (HostId, &'a Host)> + Clone,
    now: OffsetDateTime,
    out: &mut String,
) {
    type Value = fn(&Host, OffsetDateTime) -> f64;
    #[expect(clippy::cast_precision_loss, reason = "counters stay exact up to 2^53")]
    const METRICS: [(&str, &str, &str, Value); 6] = [
        ("controller_host_up", "gauge", "Whether the agent answers.", |host, _| {
            f64::from(u8::from(host.contact == Contact::Reached))
        }),
        ("controller_host_ports", "gauge", "Ports bound to the host.", |host, _| host.nics.len() as f64),
        (
            "controller_host_lag_seconds",
            "gauge",
            "How long the agent has been behind; 0 when it is not.",
            |host, now| host.behind_since.map_or(0.0, |since| (now - since).as_seconds_f64().max(0.0)),
        ),
        ("controller_goal_states_applied_total", "counter", "Goal states that the agent put in force.", |host, _| {
            host.counters.applied as f64
        }),
        ("controller_push_failures_total", "counter", "Exchanges with the agent that failed.", |host, _| {
            host.counters.failures as f64
        }),
        ("controller_push_bytes_total", "counter", "Bytes of goal state sent.", |host, _| host.counters.bytes as f64),
    ];
    for (name, kind, help, value) in METRICS {
        let mut lines = || {
            writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}")?;
            hosts.clone().try_for_each(|(id, host)| writeln!(out, "{name}{{host=\"{id}\"}} {}", value(host, now)))
        };
        // Writing to a string does not fail.
        let _: std::fmt::Result = lines();
    }
}
