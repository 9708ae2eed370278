//! GC and STATUS.

use super::site::{PEER, address, on_site};
use serde_json::json;

#[test]
fn garbage_is_what_the_runtime_does_not_name_of_this_network() {
    on_site(|site| {
        let (blue, green) = (site.config("blue", json!({})), site.config("green", json!({"mode": "l2tunnel"})));
        let containers = [site.container("c1")?, site.container("c2")?, site.container("c3")?];
        for container in &containers {
            site.ask("ADD", container, &blue)?.good()?;
        }
        site.ask_for("ADD", &containers[0], "eth1", &{
            let mut second = blue.clone();
            second["ipam"] = json!({"routes": [{"dst": "10.0.0.0/8"}]});
            second
        })?
        .good()?;
        let other = site.container("c4")?;
        site.ask("ADD", &other, &green)?.good()?;
        assert_eq!(site.kept()?, (5, 5));

        let mut gc = blue.clone();
        gc["cni.dev/valid-attachments"] = json!([
            {"containerID": "c1", "ifname": "eth0"}, {"containerID": "c3", "ifname": "eth0"},
            {"containerID": "unknown", "ifname": "eth0"},
        ]);
        for _ in 0..2 {
            assert!(site.ask_all("GC", &gc)?.good()?.is_null());
            assert_eq!(site.kept()?, (3, 3), "eth1 of c1 and c2 are gone");
        }
        let peer = address(PEER)?;
        for container in [&containers[0], &containers[2], &other] {
            assert!(container.namespace.ping(peer)?.is_some(), "{} goes on", container.id);
        }
        assert_eq!(containers[1].ip(&["link", "show"])?.as_array().map(Vec::len), Some(1));

        gc["cni.dev/valid-attachments"] = json!([]);
        site.ask_all("GC", &gc)?.good()?;
        assert_eq!(site.kept()?, (1, 1), "network green is not blue's to collect");
        Ok(())
    });
}

#[test]
fn status_tells_whether_add_would_work() {
    on_site(|site| {
        let config = site.config("blue", json!({}));
        assert!(site.ask_all("STATUS", &config)?.good()?.is_null());
        site.ask_all("STATUS", &site.config("blue", json!({"ipam": {"subnet": "192.168.1.0/24"}})))?.good()?;

        site.offer([101]);
        let container = site.container("c1")?;
        site.ask("ADD", &container, &config)?.good()?;
        let answer = site.ask_all("STATUS", &config)?;
        assert_eq!(answer.code(), Some(50), "every address is in use: {answer:?}");

        site.offer([]);
        let answer = site.ask_all("STATUS", &config)?;
        assert_eq!(answer.code(), Some(51), "the address of c1 was withdrawn: {answer:?}");
        assert!(answer.text().contains("192.168.1.101"), "{answer:?}");
        site.offer([101, 102]);
        site.ask_all("STATUS", &config)?.good()?;

        site.stop_proxy();
        let answer = site.ask_all("STATUS", &config)?;
        assert_eq!(answer.code(), Some(50), "{answer:?}");
        assert!(answer.text().contains("proxy"), "{answer:?}");
        let late = site.container("c2")?;
        let answer = site.ask("ADD", &late, &config)?;
        assert_eq!(answer.code(), Some(11), "ADD may be tried again: {answer:?}");
        assert_eq!(site.kept()?, (1, 1));
        site.start_proxy()?;
        site.ask_all("STATUS", &config)?.good()?;
        site.ask("ADD", &late, &config)?.good()?;

        site.vm.ip(&["link delete eth0"])?;
        let answer = site.ask_all("STATUS", &config)?;
        assert_eq!(answer.code(), Some(51), "the way to the fabric is gone: {answer:?}");
        assert_eq!(site.ask_all("STATUS", &site.config("green", json!({"master": "eth0"})))?.code(), Some(50));
        Ok(())
    });
}
