//! A socket for docker's clients in front of the engine's own.
//!
//! `docker network create -d l2bridge --subnet=… --gateway=… NAME` says nothing about who gives addresses, and the engine
//! then does so itself, which a network driver cannot prevent (`containers.md` section 4). Here that one request is given
//! the word that is missing, `--ipam-driver`; everything else passes through untouched: streams, attached terminals and
//! upgraded connections too.

mod head;
mod rewrite;
#[cfg(test)]
mod tests;

use crate::network::Kind;
use head::{Head, HeadError};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// Bytes of a request's head that are read; the engine itself takes no more than 1 MiB.
const LONGEST_HEAD: usize = 64 << 10;
/// Bytes of a request to create a network.
const LONGEST_BODY: usize = 1 << 20;

/// The listening socket.
pub(super) struct Front {
    listener: UnixListener,
    way: Arc<Way>,
}

/// Where requests go, and which are touched.
struct Way {
    engine: PathBuf,
    drivers: BTreeSet<Kind>,
}

impl Front {
    /// Listens at `path`. Who may use it is as with the engine's own socket: root and the group `docker`.
    pub(super) fn listen(path: &Path, engine: PathBuf, drivers: BTreeSet<Kind>) -> io::Result<Self> {
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        // What an earlier service left.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        let group = docker_group(&fs::read_to_string("/etc/group").unwrap_or_default());
        if let Some(group) = group {
            chown(path, None, Some(group))?;
        }
        let mode = if group.is_some() { 0o660 } else { 0o600 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        Ok(Self { listener, way: Arc::new(Way { engine, drivers }) })
    }

    /// Serves for ever.
    pub(super) async fn run(self) {
        loop {
            match self.listener.accept().await {
                Ok((client, _)) => {
                    let way = self.way.clone();
                    tokio::spawn(async move {
                        // Either side may hang up at any time; neither can be told more than that.
                        if let Err(error) = way.carry(client).await {
                            tracing::debug!(%error, "a connection of a docker client broke off");
                        }
                    });
                }
                Err(error) => {
                    // Too many open files, most likely: some will be closed.
                    tracing::warn!(%error, "cannot accept a docker client");
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Way {
    /// Carries one request and whatever follows it. The engine is told to close after its answer, so the client opens a
    /// new connection for its next request, which is then seen from its beginning.
    async fn carry(&self, mut client: UnixStream) -> io::Result<()> {
        let mut buffer = Vec::new();
        let (head, length) = loop {
            match Head::parse(&buffer) {
                Ok(Some(found)) => break found,
                Ok(None) if buffer.len() < LONGEST_HEAD => {}
                Ok(None) | Err(HeadError) => return refuse(&mut client, "400 Bad Request", "no HTTP request").await,
            }
            if client.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let mut rest = buffer.split_off(length);
        let mut extra = None;
        if head.creates_a_network() {
            if head.expects_continue() {
                client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            let Some(length) = head.content_length().filter(|length| *length <= LONGEST_BODY) else {
                return refuse(&mut client, "411 Length Required", "say the length of the request, at most 1 MiB")
                    .await;
            };
            while rest.len() < length {
                if client.read_buf(&mut rest).await? == 0 {
                    return Ok(());
                }
            }
            let body: Vec<u8> = rest.drain(..length).collect();
            let body = rewrite::with_ipam_driver(&body, &self.drivers).unwrap_or(body);
            extra = Some(body);
        }
        let mut engine = match UnixStream::connect(&self.engine).await {
            Ok(engine) => engine,
            Err(error) => {
                let text = format!("the docker engine at {} cannot be reached: {error}", self.engine.display());
                return refuse(&mut client, "503 Service Unavailable", &text).await;
            }
        };
        engine.write_all(&head.to_bytes(extra.as_ref().map(Vec::len))).await?;
        engine.write_all(&extra.unwrap_or_default()).await?;
        engine.write_all(&rest).await?;
        splice(client, engine).await
    }
}

/// Copies both ways until the engine has said all. A client that has nothing more to send may still listen.
async fn splice(client: UnixStream, engine: UnixStream) -> io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_engine, mut to_engine) = engine.into_split();
    let up = async {
        let result = tokio::io::copy(&mut from_client, &mut to_engine).await;
        to_engine.shutdown().await.ok();
        result.map(drop)
    };
    let down = async { tokio::io::copy(&mut from_engine, &mut to_client).await.map(drop) };
    tokio::pin!(up);
    tokio::select! {
        result = down => result,
        result = &mut up => match result {
            Ok(()) => tokio::io::copy(&mut from_engine, &mut to_client).await.map(drop),
            Err(error) => Err(error),
        },
    }
}

/// Answers as the engine would (Engine API, `ErrorResponse`).
async fn refuse(client: &mut UnixStream, status: &str, text: &str) -> io::Result<()> {
    let body = serde_json::json!({ "message": text }).to_string();
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    client.write_all(answer.as_bytes()).await?;
    client.shutdown().await?;
    // To hang up on a client that is still sending would take the answer back: it would see a reset instead.
    tokio::io::copy(client, &mut tokio::io::sink()).await.map(drop)
}

/// Number of the group that may use docker, from the text of `/etc/group`.
fn docker_group(groups: &str) -> Option<u32> {
    let line = groups.lines().find_map(|line| line.strip_prefix("docker:"))?;
    line.split(':').nth(1)?.parse().ok()
}
