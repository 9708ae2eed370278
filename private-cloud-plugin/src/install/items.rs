//! What is installed.

use crate::cli::PLUGINS;
use crate::proxy::DEFAULT_URL;
use serde_json::json;
use std::path::PathBuf;

/// Where the program is kept.
const PROGRAM: &str = "/usr/local/bin/private-cloud-plugin";
/// Drivers that docker is told of.
const DRIVERS: [&str; 2] = ["l2bridge", "l2tunnel"];

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The host's network proxy.
    pub proxy: String,
    /// The docker plugin and its service.
    pub docker: bool,
    /// The CNI plugins.
    pub cni: bool,
}

/// One thing that is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Where, seen from the VM.
    pub path: PathBuf,
    /// What.
    pub thing: Thing,
}

/// What is at the path of an [`Item`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// This program.
    Program,
    /// A text.
    Text(String),
    /// A symbolic link to this.
    Link(PathBuf),
}

impl Plan {
    /// The list, in the order of installing: what refers to something comes after it.
    pub fn items(&self) -> Vec<Item> {
        let mut items = vec![Item::new(PROGRAM, Thing::Program)];
        if self.cni {
            items.extend(
                PLUGINS.map(|(link, _)| Item::new(format!("/opt/cni/bin/{link}"), Thing::Link(PROGRAM.into()))),
            );
            items.push(Item::new("/etc/cni/net.d/10-private-cloud.conflist", Thing::Text(self.network_list())));
        }
        if self.docker {
            items.extend(DRIVERS.map(|driver| {
                let address = format!("unix:///run/docker/plugins/{driver}.sock\n");
                Item::new(format!("/etc/docker/plugins/{driver}.spec"), Thing::Text(address))
            }));
            let directory = "/etc/systemd/system";
            let unit = "private-cloud-plugin.service";
            items.push(Item::new(format!("{directory}/{unit}"), Thing::Text(self.unit())));
            // What `systemctl enable` makes.
            let link = Thing::Link(format!("../{unit}").into());
            items.push(Item::new(format!("{directory}/multi-user.target.wants/{unit}"), link));
        }
        items
    }

    /// What the administrator does next.
    pub fn next_steps(&self) -> Vec<&'static str> {
        let mut steps = Vec::new();
        if self.docker {
            steps.extend([
                "systemctl daemon-reload && systemctl restart private-cloud-plugin",
                "docker context create private-cloud --docker host=unix:///run/private-cloud-plugin/docker.sock",
                "docker context use private-cloud",
                "docker network create -d l2bridge --subnet=SUBNET --gateway=GATEWAY NAME",
            ]);
        }
        if self.cni {
            steps.push("private-cloud-plugin status");
        }
        steps
    }

    /// A CNI network. 1.0.0 is what every runtime in use understands.
    fn network_list(&self) -> String {
        let mut plugin = json!({ "type": "private-cloud", "mode": "l2bridge" });
        if self.proxy != DEFAULT_URL {
            plugin["proxy"] = self.proxy.clone().into();
        }
        let list = json!({ "cniVersion": "1.0.0", "name": "private-cloud", "plugins": [plugin] });
        format!("{list:#}\n")
    }

    fn unit(&self) -> String {
        let mut command = format!("{PROGRAM} docker");
        if self.proxy != DEFAULT_URL {
            // systemd reads these two characters as the beginning of something else (systemd.service(5)).
            command += &format!(" --proxy \"{}\"", self.proxy.replace('%', "%%").replace('$', "$$"));
        }
        format!(
            "[Unit]\n\
             Description=Container networks with the addresses of the tenant's network\n\
             Wants=network-online.target\n\
             After=network-online.target\n\
             Before=docker.service\n\
             \n\
             [Service]\n\
             Type=notify\n\
             ExecStart={command}\n\
             Restart=on-failure\n\
             RuntimeDirectory=private-cloud-plugin\n\
             StateDirectory=private-cloud-plugin\n\
             StateDirectoryMode=0700\n\
             \n\
             [Install]\n\
             WantedBy=multi-user.target\n"
        )
    }
}

impl Item {
    fn new(path: impl Into<PathBuf>, thing: Thing) -> Self {
        Self { path: path.into(), thing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn text(plan: &Plan, end: &str) -> String {
        let item = plan.items().into_iter().find(|item| item.path.to_string_lossy().ends_with(end));
        match item.map(|item| item.thing) {
            Some(Thing::Text(text)) => text,
            other => panic!("{end}: {other:?}"),
        }
    }

    #[test]
    fn another_proxy_is_told_to_service_and_runtime_alike() {
        let plan = Plan { proxy: "http://10.0.0.1:80/a%20b".to_owned(), docker: true, cni: true };
        assert!(text(&plan, ".service").contains("docker --proxy \"http://10.0.0.1:80/a%%20b\"\n"));
        let list: Value = serde_json::from_str(&text(&plan, ".conflist")).unwrap();
        assert_eq!(list["plugins"][0]["proxy"], plan.proxy);
    }

    #[test]
    fn the_usual_proxy_is_not_written_down() {
        let plan = Plan { proxy: DEFAULT_URL.to_owned(), docker: true, cni: true };
        assert!(text(&plan, ".service").contains("private-cloud-plugin docker\n"));
        assert!(!text(&plan, ".conflist").contains("proxy"));
    }

    #[test]
    fn only_what_is_wanted_is_installed() {
        let plan = |docker, cni| Plan { proxy: DEFAULT_URL.to_owned(), docker, cni };
        let paths =
            |plan: Plan| plan.items().into_iter().map(|item| item.path.display().to_string()).collect::<String>();
        assert!(!paths(plan(false, true)).contains("docker") && !paths(plan(true, false)).contains("cni"));
    }
}
