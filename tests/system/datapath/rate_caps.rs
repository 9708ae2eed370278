//! Rate caps of `qosSettings`. That a cap is reached exactly is tested in the engine, under a clock of the test's own;
//! here it is the real path that must never be faster.

use super::tenant::{enforced, open_network, vm};
use harness::fabric::on_fabric;
use harness::iperf::tcp_mbps;
use serde_json::json;

/// Mbit/s.
const CAP: u32 = 20;

#[test]
fn nothing_passes_a_cap_on_what_a_vm_sends_or_receives() {
    on_fabric(2, async |fabric| {
        open_network(fabric, "blue").await?;
        let sender = vm(fabric, 0, "sender", "10.0.1.4", "blue/web", None).await?;
        let receiver = vm(fabric, 1, "receiver", "10.0.1.5", "blue/web", None).await?;
        let free = tcp_mbps(&sender, &receiver, 1)?;
        assert!(free > f64::from(CAP) * 2.0, "without a cap {free} Mbit/s: too slow to tell");
        for (name, member) in [("sender", "outboundMaximumMbps"), ("receiver", "inboundMaximumMbps")] {
            let path = format!("/networkInterfaces/{name}");
            let before = fabric.rest().get(&path).await?;
            let mut capped = before.clone();
            capped["properties"]["portSettings"]["qosSettings"] = json!({ member: CAP });
            enforced(&fabric.rest().put(&path, &capped).await?)?;
            let measured = tcp_mbps(&sender, &receiver, 2)?;
            println!("{member} {CAP}: {measured:.1} Mbit/s, {free:.0} without");
            assert!(measured < f64::from(CAP) * 1.1, "{member}: {measured} Mbit/s");
            fabric.rest().put(&path, &before).await?;
        }
        Ok(())
    });
}
