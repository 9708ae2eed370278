//! A VM, and a fabric that is no more than a router with the host's network proxy in it: all that the plugins need.

use harness::namespace::Namespace;
use harness::{Error, Result, binaries, support};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tempfile::TempDir;

/// The router of the tenant's subnet.
pub(super) const GATEWAY: &str = "192.168.1.1";

/// The VM's own address.
pub(super) const VM: &str = "192.168.1.9";

/// Another VM of the subnet.
pub(super) const PEER: &str = "192.168.1.20";

/// Name server that the proxy names.
pub(super) const NAME_SERVER: &str = "10.0.0.53";

const PROXY: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254)), 6642);

/// Where Debian keeps the plugins of the CNI project.
const OTHER_PLUGINS: &str = "/usr/lib/cni";

/// One VM and what surrounds it.
#[derive(Debug)]
pub(super) struct Site {
    /// The VM.
    pub vm: Namespace,
    /// Router and peer.
    pub fabric: Namespace,
    /// Last octets of the addresses that the proxy offers.
    pub offered: Arc<Mutex<Vec<u8>>>,
    proxy: Option<Proxy>,
    directory: TempDir,
}

/// What the runtime says in the environment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Words<'a> {
    pub container: Option<&'a str>,
    pub namespace: Option<&'a Namespace>,
    pub interface: Option<&'a str>,
    pub arguments: Option<&'a str>,
}

/// What a plugin answered.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// Exit code.
    pub exit: Option<i32>,
    /// Standard output; `null` if empty.
    pub document: Value,
    /// Standard error.
    pub log: String,
}

/// A container as the runtime made it: a namespace, and nothing in it.
#[derive(Debug)]
pub(super) struct Container {
    pub id: String,
    pub namespace: Namespace,
}

impl Site {
    fn new() -> Result<Self> {
        let (vm, fabric) = (Namespace::new()?, Namespace::new()?);
        let there = fabric.path();
        fabric.ip(&["link set lo up", "address add 169.254.169.254/32 dev lo"])?;
        vm.ip(&[
            format!("link add eth0 address 00:1d:d8:00:00:09 type veth peer name port netns {}", there.display()),
            "link set eth0 up".to_owned(),
            format!("address add {VM}/24 dev eth0"),
        ])?;
        fabric.ip(&[
            "link set port up".to_owned(),
            format!("address add {GATEWAY}/24 dev port"),
            format!("address add {PEER}/24 dev port"),
        ])?;
        vm.ip(&[format!("route add default via {GATEWAY}")])?;
        // What a host does for l2tunnel: it answers for every neighbour and sends frames back to where they came from.
        let settings = ["ip_forward", "conf.all.proxy_arp", "conf.port.proxy_arp", "conf.port.proxy_arp_pvlan"];
        let mut sysctl = fabric.command("sysctl");
        sysctl.arg("-qw").args(settings.map(|name| format!("net.ipv4.{name}=1")));
        sysctl.args(["net.ipv4.conf.all.send_redirects=0", "net.ipv4.conf.port.send_redirects=0"]);
        let done = sysctl.status().map_err(Error::io("run sysctl"))?;
        if !done.success() {
            return Err(Error::Claim(format!("sysctl ends with {done}")));
        }
        let offered = Arc::new(Mutex::new((101..=110).collect()));
        let proxy = Some(Proxy::start(&fabric, Arc::clone(&offered))?);
        let directory = tempfile::tempdir().map_err(Error::io("make a directory"))?;
        let plugins = directory.path().join("bin");
        std::fs::create_dir(&plugins).map_err(Error::io("make a directory"))?;
        for name in ["private-cloud", "private-cloud-ipam"] {
            symlink(binaries::path(binaries::PLUGIN)?, plugins.join(name)).map_err(Error::io("link a plugin"))?;
        }
        Ok(Self { vm, fabric, offered, proxy, directory })
    }

    /// The host stops answering.
    pub(super) fn stop_proxy(&mut self) {
        self.proxy = None;
    }

    /// The host answers again.
    pub(super) fn start_proxy(&mut self) -> Result<()> {
        self.proxy = Some(Proxy::start(&self.fabric, Arc::clone(&self.offered))?);
        Ok(())
    }

    /// What the proxy offers from now on: addresses of 192.168.1.0/24 with these last octets.
    pub(super) fn offer(&self, octets: impl IntoIterator<Item = u8>) {
        *self.offered.lock().unwrap_or_else(PoisonError::into_inner) = octets.into_iter().collect();
    }

    /// A container without network.
    pub(super) fn container(&self, id: &str) -> Result<Container> {
        Ok(Container { id: id.to_owned(), namespace: Namespace::new()? })
    }

    /// A directory that only this site uses.
    pub(super) fn directory(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The configuration of network `name` with `more` in it.
    pub(super) fn config(&self, name: &str, more: Value) -> Value {
        let mut config = json!({
            "cniVersion": "1.1.0", "name": name, "type": "private-cloud", "stateDir": self.directory("state"),
        });
        if let (Value::Object(config), Value::Object(more)) = (&mut config, more) {
            config.extend(more);
        }
        config
    }

    /// Calls a plugin in the VM as a runtime does.
    pub(super) fn call(&self, plugin: &str, command: &str, words: Words<'_>, input: &str) -> Result<Answer> {
        let ours = self.directory("bin").join(plugin);
        let program = if ours.exists() { ours } else { PathBuf::from(OTHER_PLUGINS).join(plugin) };
        let mut call = self.vm.command(program);
        call.env("CNI_COMMAND", command);
        words.container.map(|id| call.env("CNI_CONTAINERID", id));
        words.namespace.map(|namespace| call.env("CNI_NETNS", namespace.path()));
        words.interface.map(|name| call.env("CNI_IFNAME", name));
        words.arguments.map(|arguments| call.env("CNI_ARGS", arguments));
        self.speak(call, input)
    }

    /// The same with an environment of one's own, in which `CNI_PATH` is added.
    pub(super) fn speak(&self, mut call: Command, input: &str) -> Result<Answer> {
        call.env("CNI_PATH", format!("{}:{OTHER_PLUGINS}", self.directory("bin").display()));
        call.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = call.spawn().map_err(Error::io("call a plugin"))?;
        if let Some(mut stdin) = child.stdin.take() {
            // VERSION need not read it.
            stdin.write_all(input.as_bytes()).ok();
        }
        let output = child.wait_with_output().map_err(Error::io("wait for a plugin"))?;
        let document = if output.stdout.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&output.stdout)
                .map_err(|error| Error::Claim(format!("the answer {:?} is none: {error}", output.stdout)))?
        };
        let log = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Answer { exit: output.status.code(), document, log })
    }

    /// ADD, DEL or CHECK of `eth0` of a container by the network plugin.
    pub(super) fn ask(&self, command: &str, container: &Container, config: &Value) -> Result<Answer> {
        self.ask_for(command, container, "eth0", config)
    }

    /// The same with another interface.
    pub(super) fn ask_for(&self, command: &str, it: &Container, interface: &str, config: &Value) -> Result<Answer> {
        let words = Words { interface: Some(interface), ..it.words() };
        self.call("private-cloud", command, words, &config.to_string())
    }

    /// GC or STATUS by the network plugin.
    pub(super) fn ask_all(&self, command: &str, config: &Value) -> Result<Answer> {
        self.call("private-cloud", command, Words::default(), &config.to_string())
    }

    /// The endpoints and the holders of addresses that the plugins know of.
    pub(super) fn kept(&self) -> Result<(usize, usize)> {
        let path = self.directory("state").join("state.json");
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            // Nothing was ever kept.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok((0, 0)),
            Err(error) => return Err(Error::io("read the state")(error)),
        };
        let state: Value = serde_json::from_slice(&text).map_err(|error| Error::Claim(error.to_string()))?;
        let records = state["book"]["addresses"].as_object().into_iter().flatten();
        let held = records.filter(|(_, record)| !record["holder"].is_null()).count();
        Ok((state["endpoints"].as_object().map_or(0, serde_json::Map::len), held))
    }
}

/// Reads an address.
pub(super) fn address(text: &str) -> Result<IpAddr> {
    text.parse().map_err(|_| Error::Claim(format!("'{text}' is no address")))
}

impl Container {
    /// Names the container and its namespace.
    pub(super) fn words(&self) -> Words<'_> {
        Words { container: Some(&self.id), namespace: Some(&self.namespace), ..Words::default() }
    }

    /// `ip -j` in the container.
    pub(super) fn ip(&self, arguments: &[&str]) -> Result<Value> {
        let mut command = self.namespace.command("ip");
        let output = command.arg("-j").args(arguments).output().map_err(Error::io("run ip"))?;
        Ok(serde_json::from_slice(&output.stdout).unwrap_or_default())
    }
}

impl Answer {
    /// The answer of a call that succeeded.
    ///
    /// # Errors
    /// It did not.
    pub(super) fn good(self) -> Result<Value> {
        match self.exit {
            Some(0) => Ok(self.document),
            exit => Err(Error::Claim(format!("the plugin ends with {exit:?}: {} {}", self.document, self.log))),
        }
    }

    /// The error code, if the call failed with a whole error document.
    pub(super) fn code(&self) -> Option<u64> {
        let said = |key: &str| self.document[key].as_str().is_some_and(|text| !text.is_empty());
        let whole = self.exit.is_some_and(|exit| exit != 0) && said("cniVersion") && said("msg");
        self.document["code"].as_u64().filter(|_| whole)
    }

    /// `msg` and `details` of an error document.
    pub(super) fn text(&self) -> String {
        ["msg", "details"].map(|key| self.document[key].as_str().unwrap_or_default()).join(" ")
    }
}

/// An HTTP server in place of the host's. Ends when dropped.
#[derive(Debug)]
struct Proxy {
    fabric: PathBuf,
    ended: Arc<Mutex<bool>>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    fn start(fabric: &Namespace, offered: Arc<Mutex<Vec<u8>>>) -> Result<Self> {
        let listener = fabric.run(|| TcpListener::bind(PROXY).map_err(Error::io("listen")))?;
        let ended = Arc::new(Mutex::new(false));
        let end = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if *end.lock().unwrap_or_else(PoisonError::into_inner) {
                    return;
                }
                let offered = offered.lock().unwrap_or_else(PoisonError::into_inner).clone();
                // A client that goes away is its own affair.
                answer(stream, &offered).ok();
            }
        });
        Ok(Self { fabric: fabric.path(), ended, thread: Some(thread) })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        let woken = Namespace::open(&self.fabric)
            .and_then(|fabric| fabric.run(|| TcpStream::connect(PROXY).map_err(Error::io("connect"))));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            thread.join().ok();
        }
    }
}

fn answer(mut stream: TcpStream, offered: &[u8]) -> std::io::Result<()> {
    let mut lines = BufReader::new(&stream).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let entry = |octet: &u8| {
        json!({"IP": format!("192.168.1.{octet}"), "IsolationId": "5001", "Mask": "255.255.255.0",
               "DefaultGateways": [GATEWAY], "DnsServers": [NAME_SERVER]})
    };
    let entries: Vec<Value> = offered.iter().map(entry).collect();
    let body = json!({"Isolation": "VSID", "IPs": entries}).to_string();
    let status = if request.starts_with("GET /ListNetwork ") { "200 OK" } else { "404 Not Found" };
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes())
}

/// Runs `story` on a site of its own, or says aloud why it cannot.
///
/// # Panics
/// The story failed.
pub(super) fn on_site(story: impl FnOnce(&mut Site) -> Result<()>) {
    if let Some(missing) = support::missing().or_else(support::missing_for_guests) {
        assert!(std::env::var_os(support::REQUIRE_PACKETS).is_none(), "no containers here; missing: {missing}");
        support::skip_aloud(&missing);
        return;
    }
    if let Err(error) = Site::new().and_then(|mut site| story(&mut site)) {
        panic!("{error}");
    }
}
