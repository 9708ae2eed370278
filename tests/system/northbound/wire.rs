//! Requests that an HTTP library would not let us write: byte for byte over TCP.

use harness::{Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What came back: the status line, the header lines and the body, as text.
pub(crate) struct Exchange {
    /// HTTP status.
    pub(crate) status: u16,
    /// Header lines.
    pub(crate) headers: Vec<String>,
    /// Body as sent, with chunk marks if there are any.
    pub(crate) body: String,
}

/// Sends `parts` one after the other, waiting for `Continue` in between, and reads until the server closes. The request
/// must therefore say `Connection: close`.
pub(crate) async fn exchange(root: &str, parts: &[&[u8]]) -> Result<Exchange> {
    let address = root.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.map_err(Error::io(format!("connect to {address}")))?;
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            let mut interim = [0; 25];
            stream.read_exact(&mut interim).await.map_err(Error::io("read the interim answer"))?;
            assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        stream.write_all(part).await.map_err(Error::io("send"))?;
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.map_err(Error::io("read the answer"))?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let unreadable = || Error::Claim(format!("no HTTP answer: {answer}"));
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(unreadable)?;
    let mut lines = head.lines();
    let status = { &mut lines }.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or_else(unreadable)?;
    Ok(Exchange { status, headers: lines.map(str::to_owned).collect(), body: body.to_owned() })
}

/// GET of what is no JSON.
pub(crate) async fn get(root: &str, path: &str) -> Result<Exchange> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: nc.example\r\nConnection: close\r\n\r\n");
    exchange(root, &[request.as_bytes()]).await
}
