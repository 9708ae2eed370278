//! What a runtime says in the environment: the command, and which container it is about [CNI SPEC section 2].

use super::failure::Failure;
use super::names::Attachment;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

/// A call, complete for its command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Attach a container.
    Add(Attachment, PathBuf),
    /// Detach it. Its namespace may be gone.
    Del(Attachment, Option<PathBuf>),
    /// Judge whether it is still attached as ADD left it.
    Check(Attachment, PathBuf),
    /// Drop what belongs to containers that are gone.
    Gc,
    /// Say whether ADD would work.
    Status,
    /// Say which versions are spoken.
    Version,
}

/// Everything in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// What to do.
    pub command: Command,
    /// `CNI_ARGS`, as given.
    pub arguments: String,
    /// Where other plugins are.
    pub path: Vec<PathBuf>,
}

impl Command {
    /// Its name in the specification.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Add(..) => "ADD",
            Self::Del(..) => "DEL",
            Self::Check(..) => "CHECK",
            Self::Gc => "GC",
            Self::Status => "STATUS",
            Self::Version => "VERSION",
        }
    }
}

impl Environment {
    /// Reads the variables that `get` finds.
    ///
    /// # Errors
    /// [`Failure::Environment`], with every variable that is missing or wrong.
    pub fn read(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, Failure> {
        let mut reader = Reader { get, mistakes: Vec::new() };
        let name = reader.required("CNI_COMMAND");
        let command = match name.as_deref() {
            Some("ADD") => reader.attachment().zip(reader.namespace(true)).map(|(it, at)| Command::Add(it, at)),
            Some("CHECK") => reader.attachment().zip(reader.namespace(true)).map(|(it, at)| Command::Check(it, at)),
            Some("DEL") => {
                let (attachment, namespace) = (reader.attachment(), reader.namespace(false));
                attachment.map(|attachment| Command::Del(attachment, namespace))
            }
            Some("GC") => {
                reader.required("CNI_PATH");
                Some(Command::Gc)
            }
            Some("STATUS") => Some(Command::Status),
            Some("VERSION") => Some(Command::Version),
            Some(other) => {
                let known = "ADD, DEL, CHECK, GC, STATUS and VERSION";
                reader.mistakes.push(format!("CNI_COMMAND: there is no command '{other}'; there are {known}"));
                None
            }
            None => None,
        };
        let arguments = (reader.get)("CNI_ARGS").unwrap_or_default().to_string_lossy().into_owned();
        let path = (reader.get)("CNI_PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default();
        match command {
            Some(command) if reader.mistakes.is_empty() => Ok(Self { command, arguments, path }),
            _ => Err(Failure::Environment(reader.mistakes)),
        }
    }
}

/// Reads variables and remembers what is wrong with them.
struct Reader<G> {
    get: G,
    mistakes: Vec<String>,
}

impl<G: Fn(&str) -> Option<OsString>> Reader<G> {
    /// An empty variable counts as missing, as it does in the runtimes' own library.
    fn text(&mut self, variable: &'static str) -> Option<String> {
        let value = (self.get)(variable).filter(|value| !value.is_empty())?;
        match value.into_string() {
            Ok(text) => Some(text),
            Err(_) => {
                self.mistakes.push(format!("{variable} is not UTF-8"));
                None
            }
        }
    }

    fn required(&mut self, variable: &'static str) -> Option<String> {
        let before = self.mistakes.len();
        let text = self.text(variable);
        if text.is_none() && self.mistakes.len() == before {
            self.mistakes.push(format!("{variable} is missing"));
        }
        text
    }

    fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, variable: &'static str) -> Option<T> {
        let parsed = self.required(variable)?.parse();
        parsed.map_err(|error| self.mistakes.push(format!("{variable}: {error}"))).ok()
    }

    fn attachment(&mut self) -> Option<Attachment> {
        let (container, interface) = (self.parsed("CNI_CONTAINERID"), self.parsed("CNI_IFNAME"));
        Some(Attachment { container: container?, interface: interface? })
    }

    fn namespace(&mut self, required: bool) -> Option<PathBuf> {
        let text = if required { self.required("CNI_NETNS") } else { self.text("CNI_NETNS") };
        text.map(PathBuf::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(variables: &[(&str, &str)]) -> Result<Environment, Failure> {
        let find = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        Environment::read(find)
    }

    /// The mistakes of an environment with `changes` made to one that is good for `command`.
    fn mistakes(command: &str, changes: &[(&str, &str)]) -> Vec<String> {
        let mut variables = changes.to_vec();
        let good = [("CNI_CONTAINERID", "c1"), ("CNI_NETNS", "/n"), ("CNI_IFNAME", "eth0"), ("CNI_PATH", "/p")];
        variables.extend(good);
        variables.push(("CNI_COMMAND", command));
        match read(&variables) {
            Ok(_) => Vec::new(),
            Err(Failure::Environment(mistakes)) => mistakes,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn each_command_insists_on_its_own_variables() {
        let missing = |command, variable: &str| {
            let mistakes = mistakes(command, &[(variable, "")]);
            mistakes == [format!("{variable} is missing")]
        };
        let variables = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_PATH"];
        for (command, needs) in [
            ("ADD", [true, true, true, false]),
            ("CHECK", [true, true, true, false]),
            ("DEL", [true, false, true, false]),
            ("GC", [false, false, false, true]),
            ("STATUS", [false; 4]),
            ("VERSION", [false; 4]),
        ] {
            assert_eq!(variables.map(|variable| missing(command, variable)), needs, "{command}");
            assert_eq!(mistakes(command, &[]), [""; 0]);
        }
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        let Err(Failure::Environment(mistakes)) = read(&[("CNI_COMMAND", "ADD"), ("CNI_IFNAME", "a/b")]) else {
            panic!("accepted");
        };
        let named: Vec<&str> = mistakes.iter().map(|mistake| mistake.split([' ', ':']).next().unwrap()).collect();
        assert_eq!(named, ["CNI_CONTAINERID", "CNI_IFNAME", "CNI_NETNS"]);
    }

    #[test]
    fn a_missing_or_unknown_command_is_a_mistake() {
        assert!(read(&[]).is_err());
        assert!(mistakes("add", &[])[0].starts_with("CNI_COMMAND: there is no command 'add'"));
    }

    #[test]
    fn the_call_is_read_whole() {
        let variables = [
            ("CNI_COMMAND", "DEL"),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_ARGS", "A=1"),
            ("CNI_PATH", "/a:/b"),
        ];
        let environment = read(&variables).unwrap();
        let attachment = Attachment { container: "c1".parse().unwrap(), interface: "eth0".parse().unwrap() };
        assert_eq!(environment.command, Command::Del(attachment, None));
        assert_eq!(environment.arguments, "A=1");
        assert_eq!(environment.path, [PathBuf::from("/a"), PathBuf::from("/b")]);
    }

    proptest! {
        #[test]
        fn no_environment_is_too_strange(values in prop::collection::vec(".*", 6), command in 0usize..8) {
            let commands = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION", "", &values[0]];
            let names = ["CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"];
            let mut variables: Vec<(&str, &str)> = names.into_iter().zip(values[1..].iter().map(String::as_str)).collect();
            variables.push(("CNI_COMMAND", commands[command]));
            if let Err(failure) = read(&variables) {
                prop_assert_eq!(failure.code(), 4);
            }
        }
    }
}
