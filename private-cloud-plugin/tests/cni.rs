//! The CNI plugins as programs, as far as they can be judged on any machine by any user: what comes on standard output
//! and as exit code when the call itself is wrong [CNI SPEC sections 2 and 5]. What they do to a machine is judged by the
//! system tests.

use serde_json::{Value, json};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

/// A container that is well described, and not there.
const GOOD: [(&str, &str); 4] =
    [("CNI_CONTAINERID", "c1"), ("CNI_NETNS", "/nowhere"), ("CNI_IFNAME", "eth0"), ("CNI_PATH", "/nowhere")];

/// Exit code and standard output.
#[derive(Debug)]
struct Answer {
    exit: Option<i32>,
    document: Value,
}

impl Answer {
    /// The code of a whole error document that came with an exit code that says so.
    fn code(&self) -> Option<u64> {
        let said = |key: &str| self.document[key].as_str().is_some_and(|text| !text.is_empty());
        let failed = self.exit.is_some_and(|exit| exit != 0) && said("cniVersion") && said("msg");
        self.document["code"].as_u64().filter(|_| failed)
    }

    fn text(&self) -> String {
        ["msg", "details"].map(|key| self.document[key].as_str().unwrap_or_default()).join(" ")
    }
}

/// Calls the plugin by one of its names, with `command` and with `changes` of the environment, where empty means none.
fn call(plugin: &str, command: &str, changes: &[(&str, &str)], input: &str) -> io::Result<Answer> {
    let directory = tempfile::tempdir()?;
    let link = directory.path().join(plugin);
    symlink(env!("CARGO_BIN_EXE_private-cloud-plugin"), &link)?;
    speak(&link, command, changes, input, directory.path())
}

fn speak(program: &Path, command: &str, changes: &[(&str, &str)], input: &str, state: &Path) -> io::Result<Answer> {
    let mut child = Command::new(program);
    child.env("PRIVATE_CLOUD_STATE_DIR", state).env_remove("CNI_ARGS");
    for (name, value) in GOOD.iter().chain(&[("CNI_COMMAND", command)]).chain(changes) {
        if value.is_empty() {
            child.env_remove(name)
        } else {
            child.env(name, value)
        };
    }
    child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = child.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A call that is wrong by its environment is answered without reading.
        stdin.write_all(input.as_bytes()).ok();
    }
    let output = child.wait_with_output()?;
    let document = if output.stdout.is_empty() { Value::Null } else { serde_json::from_slice(&output.stdout)? };
    Ok(Answer { exit: output.status.code(), document })
}

/// A configuration with `more` in it.
fn config(more: Value) -> String {
    let mut config = json!({"cniVersion": "1.1.0", "name": "blue", "type": "private-cloud"});
    if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
        config.extend(more);
    }
    config.to_string()
}

#[test]
fn version_lists_what_is_spoken_and_echoes_what_it_was_asked_in() {
    for plugin in ["private-cloud", "private-cloud-ipam"] {
        for (input, echoed) in [(r#"{"cniVersion": "0.4.0"}"#, "0.4.0"), ("", "1.1.0")] {
            let answer = call(plugin, "VERSION", &[], input).unwrap();
            assert_eq!(answer.exit, Some(0));
            let versions = json!(["0.3.1", "0.4.0", "1.0.0", "1.1.0"]);
            assert_eq!(answer.document, json!({"cniVersion": echoed, "supportedVersions": versions}), "{plugin}");
        }
    }
}

#[test]
fn the_program_is_the_network_plugin_when_a_runtime_calls_it_by_its_own_name() {
    let program = Path::new(env!("CARGO_BIN_EXE_private-cloud-plugin"));
    let answer = speak(program, "ADD", &[], &config(json!({})), Path::new("/nowhere")).unwrap();
    assert_eq!(answer.code(), Some(3), "it looks for the container, which the IPAM plugin does not: {answer:?}");
}

#[test]
fn a_bad_environment_has_code_4_and_names_the_variables() {
    for plugin in ["private-cloud", "private-cloud-ipam"] {
        for (command, change, named) in [
            ("ADD", ("CNI_CONTAINERID", ""), "CNI_CONTAINERID"),
            ("ADD", ("CNI_NETNS", ""), "CNI_NETNS"),
            ("ADD", ("CNI_IFNAME", ""), "CNI_IFNAME"),
            ("ADD", ("CNI_CONTAINERID", "-c"), "CNI_CONTAINERID"),
            ("ADD", ("CNI_IFNAME", "a/b"), "CNI_IFNAME"),
            ("ADD", ("CNI_ARGS", "IgnoreUnknown=1;IP=192.168.1.107"), "CNI_ARGS"),
            ("ADD", ("CNI_ARGS", "COLOUR=blue"), "CNI_ARGS"),
            ("DEL", ("CNI_CONTAINERID", ""), "CNI_CONTAINERID"),
            ("DEL", ("CNI_IFNAME", ""), "CNI_IFNAME"),
            ("CHECK", ("CNI_NETNS", ""), "CNI_NETNS"),
            ("GC", ("CNI_PATH", ""), "CNI_PATH"),
            ("REMOVE", ("CNI_ARGS", ""), "CNI_COMMAND"),
        ] {
            let answer = call(plugin, command, &[change], &config(json!({}))).unwrap();
            assert_eq!(answer.code(), Some(4), "{plugin} {command} with {change:?}: {answer:?}");
            assert!(answer.text().contains(named), "{answer:?}");
        }
    }
    let both = call("private-cloud", "ADD", &[("CNI_NETNS", ""), ("CNI_IFNAME", "")], "").unwrap();
    assert!(both.text().contains("CNI_NETNS") && both.text().contains("CNI_IFNAME"), "{both:?}");
    assert_eq!(call("private-cloud", "", &[], "").unwrap().code(), Some(4));
}

#[test]
fn a_bad_configuration_has_the_code_of_its_mistake() {
    for (command, input, code, named) in [
        ("ADD", String::new(), 6, ""),
        ("DEL", "no JSON".to_owned(), 6, ""),
        ("ADD", config(json!({"ipam": 7})), 6, ""),
        ("ADD", config(json!({"prevResult": {"ips": [{"address": "x"}]}})), 6, ""),
        ("ADD", config(json!({"name": null})), 7, "name"),
        ("DEL", config(json!({"name": "a/b"})), 7, "name"),
        ("ADD", config(json!({"cniVersion": "0.2.0"})), 1, "0.2.0"),
        ("ADD", config(json!({"cniVersion": "3.0.0"})), 1, "1.1.0"),
        ("ADD", config(json!({"mode": "bridge"})), 7, "mode"),
        ("ADD", config(json!({"mode": "nat"})), 7, "host-local"),
        ("ADD", config(json!({"mtu": 1})), 7, "mtu"),
        ("ADD", config(json!({"ipam": {"type": "no-such-ipam"}})), 7, "no-such-ipam"),
        ("ADD", config(json!({"ipMasq": true})), 2, "ipMasq: true"),
        ("ADD", config(json!({"runtimeConfig": {"ips": ["192.168.1.107/24"]}})), 2, "192.168.1.107"),
        ("CHECK", config(json!({})), 7, "prevResult"),
        ("CHECK", config(json!({"cniVersion": "0.3.1"})), 1, "CHECK"),
        ("GC", config(json!({"cniVersion": "1.0.0"})), 1, "GC"),
        ("GC", config(json!({})), 7, "valid-attachments"),
        ("STATUS", config(json!({"cniVersion": "1.0.0"})), 1, "STATUS"),
    ] {
        let answer = call("private-cloud", command, &[], &input).unwrap();
        assert_eq!(answer.code(), Some(code), "{command} of {input}: {answer:?}");
        assert!(answer.text().contains(named), "{answer:?}");
    }
}

#[test]
fn a_container_that_is_not_there_has_code_3() {
    let answer = call("private-cloud", "ADD", &[], &config(json!({}))).unwrap();
    assert_eq!(answer.code(), Some(3), "{answer:?}");
    let own = call("private-cloud", "ADD", &[("CNI_NETNS", "/proc/self/ns/net")], &config(json!({}))).unwrap();
    assert_eq!(own.code(), Some(4), "the machine itself is no container: {own:?}");
}

#[test]
fn a_host_that_does_not_answer_has_code_11_for_add_and_50_for_status() {
    // Nobody listens on port 1.
    let config = config(json!({"proxy": "http://127.0.0.1:1/ListNetwork", "master": "lo"}));
    let answer = call("private-cloud-ipam", "ADD", &[], &config).unwrap();
    assert_eq!(answer.code(), Some(11), "{answer:?}");
    assert!(answer.text().contains("127.0.0.1:1"), "{answer:?}");
    let answer = call("private-cloud-ipam", "STATUS", &[], &config).unwrap();
    assert_eq!(answer.code(), Some(50), "{answer:?}");
}

#[test]
fn the_answer_is_in_the_version_of_the_question() {
    let answer = call("private-cloud", "ADD", &[], &config(json!({"cniVersion": "0.4.0", "mtu": 1}))).unwrap();
    assert_eq!(answer.document["cniVersion"], "0.4.0");
}
