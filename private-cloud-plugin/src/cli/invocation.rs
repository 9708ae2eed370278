//! What the name that the program was started by means.

use std::ffi::OsString;
use std::path::Path;

/// CNI plugin types, which are names of links to this program in the CNI runtime's directory, and their verbs.
pub(crate) const PLUGINS: [(&str, &str); 2] = [("private-cloud", "cni"), ("private-cloud-ipam", "ipam")];

/// The words of the command line. A runtime says what it wants by the plugin's name and in `CNI_COMMAND`, never by words.
pub(super) fn words(arguments: Vec<OsString>, cni: bool) -> Vec<OsString> {
    let name = arguments.first().and_then(|path| Path::new(path).file_name().map(OsString::from));
    let plugin = PLUGINS.iter().find(|(plugin, _)| name.as_ref().is_some_and(|name| name == plugin));
    let verb = match plugin {
        Some((_, verb)) => verb,
        None if cni && arguments.len() == 1 => "cni",
        None => return arguments,
    };
    vec![name.unwrap_or_default(), verb.into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(line: &str, cni: bool) -> String {
        let words = words(line.split(' ').map(OsString::from).collect(), cni);
        words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_link_is_the_plugin_of_its_name() {
        assert_eq!(words_of("/opt/cni/bin/private-cloud", true), "private-cloud cni");
        assert_eq!(words_of("/opt/cni/bin/private-cloud-ipam", false), "private-cloud-ipam ipam");
    }

    #[test]
    fn the_program_itself_is_the_plugin_only_when_a_runtime_asks_without_words() {
        assert_eq!(words_of("/usr/bin/private-cloud-plugin", true), "private-cloud-plugin cni");
        assert_eq!(words_of("private-cloud-plugin status", true), "private-cloud-plugin status");
        assert_eq!(words_of("private-cloud-plugin", false), "private-cloud-plugin");
    }
}
