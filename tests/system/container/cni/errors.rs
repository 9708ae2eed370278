//! Error codes and versions, judged on the real program: what comes on standard output, and the exit code.

use super::site::{Words, on_site};
use harness::error::claim;
use serde_json::json;

#[test]
fn version_lists_what_is_spoken_and_echoes_what_it_was_asked_in() {
    on_site(|site| {
        for plugin in ["private-cloud", "private-cloud-ipam"] {
            for (input, echoed) in [(r#"{"cniVersion": "0.4.0"}"#, "0.4.0"), ("", "1.1.0")] {
                let document = site.call(plugin, "VERSION", Words::default(), input)?.good()?;
                let expected = json!({"cniVersion": echoed, "supportedVersions": ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]});
                assert_eq!(document, expected, "{plugin}");
            }
        }
        Ok(())
    });
}

#[test]
fn a_bad_environment_has_code_4_and_names_the_variables() {
    on_site(|site| {
        let container = site.container("c1")?;
        let config = site.config("blue", json!({})).to_string();
        let good = Words { interface: Some("eth0"), ..container.words() };
        let bare = Words::default();
        for (command, words, named) in [
            ("ADD", Words { container: None, ..good }, "CNI_CONTAINERID"),
            ("ADD", Words { namespace: None, ..good }, "CNI_NETNS"),
            ("ADD", Words { interface: None, ..good }, "CNI_IFNAME"),
            ("ADD", Words { container: Some("-c"), ..good }, "CNI_CONTAINERID"),
            ("ADD", Words { interface: Some("a/b"), ..good }, "CNI_IFNAME"),
            ("ADD", Words { arguments: Some("IgnoreUnknown=1;IP=192.168.1.107"), ..good }, "CNI_ARGS"),
            ("ADD", Words { arguments: Some("COLOUR=blue"), ..good }, "CNI_ARGS"),
            ("DEL", Words { container: None, ..good }, "CNI_CONTAINERID"),
            ("DEL", Words { interface: None, ..good }, "CNI_IFNAME"),
            ("CHECK", Words { namespace: None, ..good }, "CNI_NETNS"),
            ("REMOVE", bare, "CNI_COMMAND"),
            ("", bare, "CNI_COMMAND"),
        ] {
            let answer = site.call("private-cloud", command, words, &config)?;
            let told = answer.code() == Some(4) && answer.text().contains(named);
            claim(told, || format!("{command} without a good {named}: {answer:?}"))?;
        }
        Ok(())
    });
}

#[test]
fn a_bad_configuration_has_the_code_of_its_mistake() {
    on_site(|site| {
        let container = site.container("c1")?;
        let words = Words { interface: Some("eth0"), ..container.words() };
        let with = |more| site.config("blue", more).to_string();
        for (command, input, code, named) in [
            ("ADD", String::new(), 6, ""),
            ("ADD", "no JSON".to_owned(), 6, ""),
            ("ADD", with(json!({"ipam": 7})), 6, ""),
            ("ADD", with(json!({"name": null})), 7, "name"),
            ("ADD", with(json!({"cniVersion": "0.2.0"})), 1, "0.2.0"),
            ("ADD", with(json!({"cniVersion": "3.0.0"})), 1, "1.1.0"),
            ("ADD", with(json!({"mode": "bridge"})), 7, "mode"),
            ("ADD", with(json!({"master": "eth7"})), 7, "eth7"),
            ("ADD", with(json!({"mtu": 1})), 7, "mtu"),
            ("ADD", with(json!({"proxy": "ftp://x"})), 7, "proxy"),
            ("ADD", with(json!({"ipam": {"type": "no-such-ipam"}})), 7, "no-such-ipam"),
            ("ADD", with(json!({"ipam": {"subnet": "10.9.0.0/24"}})), 7, "10.9.0.0/24"),
            ("ADD", with(json!({"ipMasq": true})), 2, "ipMasq: true"),
            ("ADD", with(json!({"runtimeConfig": {"ips": ["192.168.1.107/24"]}})), 2, "192.168.1.107"),
            ("CHECK", with(json!({})), 7, "prevResult"),
            ("CHECK", with(json!({"cniVersion": "0.3.1"})), 1, "CHECK"),
            ("GC", with(json!({"cniVersion": "1.0.0"})), 1, "GC"),
            ("GC", with(json!({})), 7, "valid-attachments"),
            ("STATUS", with(json!({"cniVersion": "1.0.0"})), 1, "STATUS"),
        ] {
            let answer = site.call("private-cloud", command, words, &input)?;
            let told = answer.code() == Some(code) && answer.text().contains(named);
            claim(told, || format!("{command} of {input} should have code {code}: {answer:?}"))?;
        }
        let devices = container.ip(&["link", "show"])?;
        assert_eq!(devices.as_array().map(Vec::len), Some(1), "nothing but lo: {devices}");
        Ok(())
    });
}

#[test]
fn a_container_that_is_not_there_has_code_3() {
    on_site(|site| {
        let config = site.config("blue", json!({})).to_string();
        let mut gone = site.vm.command(site.directory("bin").join("private-cloud"));
        gone.envs([
            ("CNI_COMMAND", "ADD"),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_NETNS", "/nowhere"),
        ]);
        let answer = site.speak(gone, &config)?;
        assert_eq!(answer.code(), Some(3), "{answer:?}");
        assert_eq!(site.kept()?, (0, 0));
        Ok(())
    });
}

#[test]
fn the_answer_is_in_the_version_of_the_question() {
    on_site(|site| {
        let container = site.container("c1")?;
        let config = site.config("blue", json!({"cniVersion": "0.4.0", "mtu": 1}));
        assert_eq!(site.ask("ADD", &container, &config)?.document["cniVersion"], "0.4.0");
        Ok(())
    });
}
