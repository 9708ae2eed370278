//! Where an agent listens: an entry of `servers.connections[].managementAddresses`.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// `host` or `host:port`, where host is an IPv4 address, an IPv6 address (in brackets when a port follows) or a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// Port of an agent whose address names none.
    pub const DEFAULT_PORT: u16 = 9443;

    /// Name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// A management address that cannot be dialled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no management address: a name or an address, with an optional port, is expected")]
pub struct EndpointError(String);

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let wrong = || EndpointError(text.to_owned());
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self { host: address.to_string(), port: Self::DEFAULT_PORT });
        }
        let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']').ok_or_else(wrong)) {
            Some(bracketed) => {
                let (host, rest) = bracketed?;
                host.parse::<Ipv6Addr>().map_err(|_| wrong())?;
                match rest {
                    "" => (host, None),
                    _ => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
                }
            }
            None => {
                let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
                let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
                if host.is_empty() || !host.bytes().all(named) {
                    return Err(wrong());
                }
                (host, port)
            }
        };
        // `u16::from_str` takes a leading plus sign, which no address has.
        let number = |digits: &str| digits.parse::<u16>().ok().filter(|port| *port != 0 && !digits.starts_with('+'));
        let port = port.map_or(Some(Self::DEFAULT_PORT), number).ok_or_else(wrong)?;
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Endpoint {
    /// `host:port` as it stands in a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn management_addresses_are_read_in_every_spelling() {
        for (text, expected) in [
            ("host-a", "host-a:9443"),
            ("host-a.example:1234", "host-a.example:1234"),
            ("192.0.2.7", "192.0.2.7:9443"),
            ("192.0.2.7:80", "192.0.2.7:80"),
            ("2001:db8::7", "[2001:db8::7]:9443"),
            ("[2001:db8::7]", "[2001:db8::7]:9443"),
            ("[2001:db8::7]:80", "[2001:db8::7]:80"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_cannot_be_dialled_is_refused() {
        for text in [
            "",
            ":80",
            "host:",
            "host:0",
            "host:+80",
            "host:65536",
            "host:80:80",
            "ho st",
            "a/b",
            "[::1",
            "[x]:1",
            "[::1]80",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
