//! Registry values of the host agent that ships with Windows, for hosts whose own network proxy is to be used.
//!
//! Our agent needs none of them: it answers on the ports that it enforces. (`network-proxy.md` 2)

use crate::proxy::settings::Site;
use std::fmt::Write as _;

/// Everything is below this key.
const PARAMETERS: &str = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\NcHostAgent\Parameters";

/// Name of the proxied service.
const SERVICE: &str = r"Plugins\Vnet\ProxiedServices\c79d8d8d-bbb4-42ea-8a8f-a492efc40a94";

enum Data {
    Text(String),
    Number(u16),
    Texts(Vec<String>),
}

/// A file for `reg import` that switches the proxy of the in-box host agent on.
pub(crate) fn enabling(site: Site) -> String {
    let (address, port) = (site.listen.ip().to_string(), site.listen.port());
    let mac = site.mac.octets().map(|octet| format!("{octet:02X}")).join("-");
    let text = |text: &str| Data::Text(text.to_owned());
    let metadata =
        [("Port", Data::Number(port)), ("ProxyPort", Data::Number(port)), ("IP", text(&address)), ("MAC", text(&mac))];
    let service = [
        ("ServerAddress", text("localhost")),
        ("ServiceName", text("mds")),
        ("ServerPort", Data::Number(port)),
        ("ProxyListeningPort", Data::Number(port)),
        ("ProxyListeningAddress", text("0.0.0.0")),
        ("ProxyProtocol", text("HttpUriPrefix")),
    ];
    let mut file = Keys::new();
    file.key("", [("MetadataServerPort", Data::Number(port))]);
    file.key(SERVICE, service);
    file.key(r"Plugins\Vnet\InfraServices\MetadataServer", metadata);
    file.key(r"Plugins\Vnet\NdResponder", [("MetadataServer", Data::Texts(vec![address, mac]))]);
    file.0
}

/// A file for `reg import` that takes all of that away again.
pub(crate) fn disabling() -> String {
    let mut file = Keys::new();
    file.line(&format!(r"[-{PARAMETERS}\{SERVICE}]"));
    file.line(&format!(r"[-{PARAMETERS}\Plugins\Vnet\InfraServices\MetadataServer]"));
    file.line(&format!("[{PARAMETERS}\\Plugins\\Vnet\\NdResponder]\r\n\"MetadataServer\"=-"));
    file.line(&format!("[{PARAMETERS}]\r\n\"MetadataServerPort\"=-"));
    file.0
}

/// The text of the file; its lines end as Windows wants them.
struct Keys(String);

impl Keys {
    fn new() -> Self {
        Self("Windows Registry Editor Version 5.00\r\n".to_owned())
    }

    fn line(&mut self, text: &str) {
        // Writing to a string cannot fail.
        _ = write!(self.0, "\r\n{text}\r\n");
    }

    fn key<const N: usize>(&mut self, below: &str, values: [(&str, Data); N]) {
        let separator = if below.is_empty() { "" } else { r"\" };
        let mut block = format!("[{PARAMETERS}{separator}{below}]");
        for (name, data) in values {
            _ = write!(block, "\r\n\"{name}\"={}", data.written());
        }
        self.line(&block);
    }
}

impl Data {
    fn written(&self) -> String {
        match self {
            Self::Text(text) => format!("\"{text}\""),
            Self::Number(number) => format!("dword:{number:08x}"),
            // UTF-16 with a zero behind each text, and one more behind all of them.
            Self::Texts(texts) => {
                let units = texts.iter().flat_map(|text| text.encode_utf16().chain([0])).chain([0]);
                let bytes = units.flat_map(u16::to_le_bytes).map(|byte| format!("{byte:02x}"));
                format!("hex(7):{}", bytes.collect::<Vec<_>>().join(","))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_holds_what_the_script_of_the_in_box_agent_writes() {
        let file = enabling(Site::at(Site::LISTEN));
        let lines: Vec<&str> = file.split("\r\n").collect();
        for line in [
            r"[HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\NcHostAgent\Parameters]",
            r#""MetadataServerPort"=dword:000019f2"#,
            r#""ServerAddress"="localhost""#,
            r#""ProxyProtocol"="HttpUriPrefix""#,
            r#""IP"="169.254.169.254""#,
            r#""MAC"="22-22-22-22-22-22""#,
        ] {
            assert!(lines.contains(&line), "{line} in {file}");
        }
        let texts = lines.iter().find_map(|line| line.strip_prefix("\"MetadataServer\"=hex(7):")).unwrap();
        let bytes: Vec<u8> = texts.split(',').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        let units: Vec<u16> = bytes.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(String::from_utf16(&units).unwrap(), "169.254.169.254\0".to_owned() + "22-22-22-22-22-22\0\0");
    }

    #[test]
    fn what_one_file_writes_the_other_takes_away() {
        let (enabling, disabling) = (enabling(Site::at(Site::LISTEN)), disabling());
        for key in enabling.split("\r\n").filter(|line| line.starts_with('[')) {
            let bare = key.trim_start_matches('[');
            assert!(disabling.contains(key) || disabling.contains(&format!("[-{bare}")), "{key}");
        }
    }
}
