//! A load generator's HTTP/1.1 client: keep-alive, one request at a time per connection, nothing parsed but what counts.
//!
//! The generator shares two cores with the server it measures, so it must cost little and the same for every server.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One keep-alive connection.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(64 * 1024) })
    }

    /// Sends a whole request as it stands and reads one response with `Content-Length`.
    pub(crate) async fn send(&mut self, request: &[u8]) -> io::Result<Response> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head_end = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_end]).into_owned();
        let status = head.get(9..12).and_then(|code| code.parse().ok()).ok_or_else(|| malformed("no status line"))?;
        let length: usize = match header(&head, "content-length") {
            Some(length) => length.parse().map_err(|_| malformed("bad content-length"))?,
            None => 0,
        };
        while self.buffer.len() < head_end + length {
            self.fill().await?;
        }
        Ok(Response { status, head, body: self.buffer[head_end..head_end + length].to_vec() })
    }

    async fn fill(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(malformed("connection closed in the middle of a response")),
            _ => Ok(()),
        }
    }
}

/// Value of header `name` (lower case) in `head`.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, v)| v.trim())
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// A GET request for `path`.
pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n\r\n").into_bytes()
}

/// A request with JSON `body`; `extra` is whole header lines.
pub(crate) fn with_body(method: &str, path: &str, body: &str, extra: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1
Host: bench
Content-Type: application/json; charset=UTF-8
Content-Length: {length}
{extra}
"
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// Times of single requests of one run.
pub(crate) struct Sample {
    pub(crate) elapsed: Duration,
    pub(crate) times: Vec<Duration>,
}

impl Sample {
    pub(crate) fn per_second(&self) -> f64 {
        self.times.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The time that `share` (0 to 1) of the requests stayed under.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        quantile(&self.times, share)
    }
}

/// The value that `share` (0 to 1) of `times` stays under.
pub(crate) fn quantile(times: &[Duration], share: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index into a short list")]
    let index = ((sorted.len() as f64 * share) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

/// Sends `requests` over `connections` connections, each taking the next request when it is free.
///
/// # Errors
/// A connection failed, or a response had a status of 300 or more.
pub(crate) async fn run(server: SocketAddr, connections: usize, requests: Vec<Vec<u8>>) -> io::Result<Sample> {
    let requests = std::sync::Arc::new(requests);
    let next = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let started = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (requests, next) = (requests.clone(), next.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(server).await?;
                let mut times = Vec::new();
                while let Some(request) = requests.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let sent = Instant::now();
                    let response = connection.send(request).await?;
                    times.push(sent.elapsed());
                    if response.status >= 300 {
                        let body = String::from_utf8_lossy(&response.body).into_owned();
                        return Err(malformed(&format!("status {}: {body}", response.status)));
                    }
                }
                Ok(times)
            })
        })
        .collect();
    let mut times = Vec::with_capacity(requests.len());
    for worker in workers {
        times.extend(worker.await.map_err(io::Error::other)??);
    }
    Ok(Sample { elapsed: started.elapsed(), times })
}
