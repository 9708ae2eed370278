//! TCP and UDP between VMs and containers, with sockets of this process that were made in their namespaces.

use crate::namespace::Namespace;
use crate::vm::Vm;
use crate::wait::DEADLINE;
use crate::{Error, Result};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long silence must last to count as "nothing comes": longer than TCP waits before it tries again. Only ever waited
/// for where silence is claimed.
pub const SILENCE: Duration = Duration::from_millis(1500);

/// A TCP service in a VM that greets with a banner and then echoes lines. Ends when dropped.
#[derive(Debug)]
pub struct Service {
    task: JoinHandle<()>,
}

/// A TCP connection to a [`Service`].
#[derive(Debug)]
pub struct Conversation {
    /// What the service greeted with.
    pub banner: String,
    stream: BufStream<TcpStream>,
}

/// A UDP socket in a VM.
#[derive(Debug)]
pub struct Datagrams {
    socket: UdpSocket,
}

impl Vm {
    /// [`Namespace::serve`] in the VM.
    ///
    /// # Errors
    /// Those of that.
    pub fn serve(&self, port: u16, banner: &str) -> Result<Service> {
        self.namespace.serve(port, banner)
    }

    /// [`Namespace::connect`] from the VM.
    ///
    /// # Errors
    /// Those of that.
    pub async fn connect(&self, address: IpAddr, port: u16) -> Result<Option<Conversation>> {
        self.namespace.connect(address, port).await
    }

    /// [`Namespace::datagrams`] in the VM.
    ///
    /// # Errors
    /// Those of that.
    pub fn datagrams(&self, address: IpAddr, port: u16) -> Result<Datagrams> {
        self.namespace.datagrams(address, port)
    }
}

impl Namespace {
    /// Listens on `port` of all addresses.
    ///
    /// # Errors
    /// The port is taken.
    pub fn serve(&self, port: u16, banner: &str) -> Result<Service> {
        let any = SocketAddr::from(([0, 0, 0, 0], port));
        let listener = self.run(|| {
            let listener = std::net::TcpListener::bind(any).and_then(|listener| {
                listener.set_nonblocking(true)?;
                Ok(listener)
            });
            listener.map_err(Error::io(format!("listen on {any}")))
        })?;
        let listener = TcpListener::from_std(listener).map_err(Error::io("listen"))?;
        let banner = format!("{banner}\n");
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let banner = banner.clone();
                // A conversation that breaks off is the client's to notice.
                tokio::spawn(async move { echo(stream, &banner).await.ok() });
            }
        });
        Ok(Service { task })
    }

    /// Connects and waits for the banner. `None`: refused, unreachable, or silence.
    ///
    /// # Errors
    /// No socket can be made.
    pub async fn connect(&self, address: IpAddr, port: u16) -> Result<Option<Conversation>> {
        let socket = self.run(|| TcpSocket::new_v4().map_err(Error::io("make a socket")))?;
        let Ok(Ok(stream)) = timeout(SILENCE, socket.connect((address, port).into())).await else { return Ok(None) };
        let mut stream = BufStream::new(stream);
        Ok(read_line(&mut stream).await.map(|banner| Conversation { banner, stream }))
    }

    /// A UDP socket bound to `address`, which need not be one that a NIC of the controller has.
    ///
    /// # Errors
    /// The address is on none of the devices, or the port is taken.
    pub fn datagrams(&self, address: IpAddr, port: u16) -> Result<Datagrams> {
        let socket = self.run(|| {
            let socket = std::net::UdpSocket::bind((address, port)).and_then(|socket| {
                socket.set_nonblocking(true)?;
                Ok(socket)
            });
            socket.map_err(Error::io(format!("bind {address}:{port}")))
        })?;
        let socket = UdpSocket::from_std(socket).map_err(Error::io("register a socket"))?;
        Ok(Datagrams { socket })
    }
}

impl Conversation {
    /// Sends a line and gives the echo; `None` is silence.
    pub async fn say(&mut self, line: &str) -> Option<String> {
        let line = format!("{line}\n");
        let sent = async {
            self.stream.write_all(line.as_bytes()).await?;
            self.stream.flush().await
        };
        timeout(DEADLINE, sent).await.ok()?.ok()?;
        read_line(&mut self.stream).await
    }
}

impl Datagrams {
    /// Sends one datagram. A local refusal is as good as a drop.
    pub async fn send(&self, text: &str, to: (IpAddr, u16)) {
        let _ = self.socket.send_to(text.as_bytes(), to).await;
    }

    /// Sends one datagram of any bytes.
    ///
    /// # Errors
    /// It is refused before it is sent.
    pub async fn send_bytes(&self, bytes: &[u8], to: (IpAddr, u16)) -> Result<()> {
        self.socket.send_to(bytes, to).await.map(drop).map_err(Error::io(format!("send to {}:{}", to.0, to.1)))
    }

    /// The next datagram and who sent it; `None` is silence.
    pub async fn receive(&self) -> Option<(String, SocketAddr)> {
        let mut buffer = [0; 2048];
        let (length, from) = timeout(SILENCE, self.socket.recv_from(&mut buffer)).await.ok()?.ok()?;
        Some((String::from_utf8_lossy(&buffer[..length]).into_owned(), from))
    }

    /// Every datagram until there is silence.
    pub async fn receive_all(&self) -> Vec<String> {
        let mut all = Vec::new();
        while let Some((text, _)) = self.receive().await {
            all.push(text);
        }
        all
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn echo(stream: TcpStream, banner: &str) -> std::io::Result<()> {
    let mut stream = BufStream::new(stream);
    stream.write_all(banner.as_bytes()).await?;
    stream.flush().await?;
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        stream.write_all(line.as_bytes()).await?;
        stream.flush().await?;
        line.clear();
    }
    Ok(())
}

/// The next line, however long, as long as it keeps coming.
async fn read_line(stream: &mut BufStream<TcpStream>) -> Option<String> {
    let mut line = Vec::new();
    loop {
        let chunk = timeout(SILENCE, stream.fill_buf()).await.ok()?.ok()?;
        if chunk.is_empty() {
            return None; // closed in the middle of a line
        }
        let end = chunk.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(chunk.len(), |end| end + 1);
        line.extend_from_slice(&chunk[..end.unwrap_or(taken)]);
        stream.consume(taken);
        if end.is_some() {
            return String::from_utf8(line).ok();
        }
    }
}
