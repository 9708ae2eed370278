//! HTTP by hand, from any namespace and any source address, to a server that may not answer.

use crate::namespace::Namespace;
use crate::probe::SILENCE;
use crate::{Error, Result};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};

/// Where a VM finds its host's network proxy.
pub const PROXY: (IpAddr, u16) = (IpAddr::V4(std::net::Ipv4Addr::new(169, 254, 169, 254)), 6642);

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Header lines.
    pub headers: Vec<String>,
    /// What follows them.
    pub body: String,
}

impl Answer {
    /// The value of a header, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let is = |line: &&String| line.split_once(':').is_some_and(|(word, _)| word.eq_ignore_ascii_case(name));
        self.headers.iter().find(is).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }
}

impl Namespace {
    /// `GET path` of a server; `None` if it cannot be connected to or says nothing.
    ///
    /// # Errors
    /// What came is no HTTP.
    pub fn get(&self, server: (IpAddr, u16), path: &str) -> Result<Option<Answer>> {
        self.ask(server, &format!("GET {path} HTTP/1.1\r\nHost: anything\r\nConnection: close\r\n\r\n"))
    }

    /// Sends any text and takes what comes until the connection is closed.
    ///
    /// # Errors
    /// What came is no HTTP.
    pub fn ask(&self, server: (IpAddr, u16), request: &str) -> Result<Option<Answer>> {
        let server = SocketAddr::from(server);
        let Some(text) = self.run(|| Ok(converse(server, request)))? else { return Ok(None) };
        let unclear = || Error::Claim(format!("{server} answered '{text}'"));
        let (head, body) = text.split_once("\r\n\r\n").ok_or_else(unclear)?;
        let mut lines = head.lines().map(str::to_owned);
        let first = lines.next().unwrap_or_default();
        let status = first.split_whitespace().nth(1).and_then(|word| word.parse().ok()).ok_or_else(unclear)?;
        Ok(Some(Answer { status, headers: lines.collect(), body: body.to_owned() }))
    }
}

fn converse(server: SocketAddr, request: &str) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&server, SILENCE).ok()?;
    stream.set_read_timeout(Some(SILENCE)).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        // A server that keeps the connection open has said all it wanted.
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::WouldBlock && !answer.is_empty() => {}
        Err(_) => return None,
    }
    (!answer.is_empty()).then(|| String::from_utf8_lossy(&answer).into_owned())
}
