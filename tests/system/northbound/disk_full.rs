//! A full disk: writes are refused and may be tried again, reads go on, and nothing is the matter once there is room.

use super::judge::Judge as _;
use super::site::Client;
use super::{skip, wire};
use harness::documents::{acl, rule};
use harness::process::Process;
use harness::{Error, Result, binaries};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A controller whose database is on a file system of eight megabytes. Only the controller sees that file system: it is
/// in a mount namespace of its own, and gone with the process.
struct Small {
    nc: Client,
    process: Process,
    disk: TempDir,
}

impl Small {
    fn start() -> Result<Self> {
        let disk = TempDir::new().map_err(Error::io("make a directory for the disk"))?;
        let controller = binaries::path(binaries::CONTROLLER)?;
        let (disk_path, controller) = (disk.path().display(), controller.display());
        let serve = format!("{controller} serve --listen 127.0.0.1:0 --database sqlite://{disk_path}/controller.db");
        let script = format!("mount -t tmpfs -o size=8m none {disk_path} && exec {serve}");
        let mut arguments = unshare();
        arguments.extend(["sh", "-c", &script]);
        let process = Process::start("controller", None, Path::new("unshare"), arguments)?;
        let pick = |line: &str| line.strip_prefix("controller listens on ").map(str::to_owned);
        let (url, _) = process.wait_for_line("the controller listens", 0, pick)?;
        Ok(Self { nc: Client::new(&url), process, disk })
    }

    /// A file on the small disk, as it is seen from here.
    fn file(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.process.id()));
        let inside = self.disk.path().strip_prefix("/").unwrap_or(self.disk.path());
        root.join(inside).join(name)
    }

    /// Leaves no byte free.
    fn fill(&self) -> Result<()> {
        let mut file = std::fs::File::create(self.file("filler")).map_err(Error::io("make the filler"))?;
        for size in [1 << 16, 4096] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        Ok(())
    }

    fn free(&self) -> Result<()> {
        std::fs::remove_file(self.file("filler")).map_err(Error::io("remove the filler"))
    }
}

/// How to get a mount namespace here.
fn unshare() -> Vec<&'static str> {
    let root = rustix::process::geteuid().is_root();
    if root { vec!["--mount"] } else { vec!["--mount", "--user", "--map-root-user"] }
}

/// Why there can be no small disk here.
fn missing() -> Option<String> {
    let mut attempt = Command::new("unshare");
    attempt.args(unshare()).args(["mount", "-t", "tmpfs", "none", "/mnt"]);
    match attempt.output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!("the right to mount: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

/// A list that takes some fifty kilobytes on disk.
fn large() -> Value {
    let wordy = |number: usize| {
        let mut rule = rule(&format!("{} in allow tcp * > *", 200 + number));
        rule["properties"]["description"] = "x".repeat(5000).into();
        rule
    };
    json!({ "properties": { "aclRules": (0..10).map(wordy).collect::<Vec<_>>() } })
}

#[tokio::test]
async fn a_full_disk_stops_writes_and_nothing_else() -> Result<()> {
    if let Some(missing) = missing() {
        skip::unless_promised(&missing);
        return Ok(());
    }
    let small = Small::start()?;
    let nc = &small.nc;
    let mut acknowledged = vec![nc.put("/accessControlLists/first", &large()).await?.is(201).body];
    small.fill()?;

    let refused = loop {
        let path = format!("/accessControlLists/list{}", acknowledged.len());
        let reply = nc.put(&path, &large()).await?;
        if reply.status != 201 {
            assert_eq!(reply.status, 503, "{}", reply.body);
            assert!(["ServiceUnavailable", "TransientError"].contains(&reply.code()), "{}", reply.body);
            break path;
        }
        acknowledged.push(reply.body);
        assert!(acknowledged.len() < 1000, "the disk does not fill up");
    };
    // Still refused, still reading, and the refused write has left no trace.
    assert_eq!(nc.put(&refused, &acl(&[])).await?.status, 503);
    assert_eq!(nc.put("/accessControlLists/first", &acl(&[])).await?.status, 503);
    assert_eq!(nc.delete("/accessControlLists/first").await?.status, 503);
    nc.get(&refused).await?.refused(404, "NotFound");
    let read_all = async || -> Result<Value> { Ok(nc.read("/accessControlLists").await?["value"].clone()) };
    assert_eq!(read_all().await?, Value::Array(acknowledged.clone()));
    let alive = wire::get(nc.root(), "/healthz").await?;
    assert_eq!(alive.status, 200, "{}", alive.body);

    small.free()?;
    acknowledged.push(nc.put(&refused, &large()).await?.is(201).body);
    nc.put("/accessControlLists/first", &acl(&[])).await?.is(200);
    nc.delete("/accessControlLists/first").await?.is(200);
    assert_eq!(read_all().await?, Value::Array(acknowledged.split_off(1)));
    Ok(())
}
