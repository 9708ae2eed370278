//! Mistakes that show only where the machine and the host's answer are looked at, judged on the real program. Those of the
//! call itself are judged by the plugin's own tests.

use super::site::{Words, on_site};
use harness::error::claim;
use serde_json::json;

#[test]
fn a_configuration_that_does_not_fit_the_machine_or_the_controller_is_refused_and_changes_nothing() {
    on_site(|site| {
        let container = site.container("c1")?;
        for (more, named) in [
            (json!({"master": "eth7"}), "eth7"),
            (json!({"proxy": "ftp://x"}), "proxy"),
            (json!({"ipam": {"subnet": "10.9.0.0/24"}}), "192.168.1.0/24"),
        ] {
            let answer = site.ask("ADD", &container, &site.config("blue", more))?;
            let told = answer.code() == Some(7) && answer.text().contains(named);
            claim(told, || format!("{named}: {answer:?}"))?;
        }
        let devices = container.ip(&["link", "show"])?;
        assert_eq!(devices.as_array().map(Vec::len), Some(1), "nothing but lo: {devices}");
        assert_eq!(site.kept()?, (0, 0));
        Ok(())
    });
}

#[test]
fn an_address_cannot_be_chosen_but_may_be_asked_of_another_plugin() {
    on_site(|site| {
        let container = site.container("c1")?;
        let words =
            Words { interface: Some("eth0"), arguments: Some("IgnoreUnknown=1;IP=192.168.1.107"), ..container.words() };
        let ours = site.config("blue", json!({})).to_string();
        let answer = site.call("private-cloud", "ADD", words, &ours)?;
        assert_eq!(answer.code(), Some(4), "{answer:?}");
        assert!(answer.text().contains("given by the network controller"), "{answer:?}");

        let ipam = json!({"type": "host-local", "subnet": "192.168.1.0/24", "dataDir": site.directory("host-local")});
        let theirs = site.config("blue", json!({"cniVersion": "1.0.0", "ipam": ipam})).to_string();
        let result = site.call("private-cloud", "ADD", words, &theirs)?.good()?;
        assert_eq!(result["ips"][0]["address"], "192.168.1.107/24");
        Ok(())
    });
}
