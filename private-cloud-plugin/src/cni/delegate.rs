//! Calls another plugin, as one plugin calls another: same environment, same configuration [CNI SPEC section 4].

use super::failure::{Document, Failure};
use super::outcome::Outcome;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A plugin to call.
#[derive(Clone, Debug)]
pub struct Delegate<'a> {
    name: &'a str,
    program: PathBuf,
    input: &'a [u8],
}

impl<'a> Delegate<'a> {
    /// Finds `name`, which must be no path, in the directories of `CNI_PATH`.
    ///
    /// # Errors
    /// [`Failure::Config`]: it is in none of them.
    pub fn find(name: &'a str, path: &[PathBuf], input: &'a [u8]) -> Result<Self, Failure> {
        let program = path.iter().map(|directory| directory.join(name)).find(|program| program.is_file());
        let program = program.ok_or_else(|| {
            let directories: Vec<_> = path.iter().map(|directory| directory.display().to_string()).collect();
            let problem = format!("there is no plugin '{name}' in CNI_PATH ({})", directories.join(":"));
            Failure::Config { key: "ipam.type", problem }
        })?;
        Ok(Self { name, program, input })
    }

    /// Has it do `command` and reads its result, which only ADD has.
    ///
    /// # Errors
    /// [`Failure::Delegate`] if it fails; [`Failure::Io`] and [`Failure::Decode`] if it cannot be understood.
    pub fn add(&self) -> Result<Outcome, Failure> {
        let output = self.call("ADD")?;
        let decode = |source| Failure::Decode { what: format!("the result of plugin {}", self.name), source };
        serde_json::from_slice(&output).map_err(decode)
    }

    /// Has it do `command`, which has no result.
    ///
    /// # Errors
    /// As [`Delegate::add`].
    pub fn run(&self, command: &str) -> Result<(), Failure> {
        self.call(command).map(drop)
    }

    fn call(&self, command: &str) -> Result<Vec<u8>, Failure> {
        let failed = |source| Failure::Io { what: format!("call plugin {}", self.program.display()), source };
        let output = talk(&self.program, command, self.input).map_err(failed)?;
        if output.status.success() { Ok(output.stdout) } else { Err(self.failure(&output)) }
    }

    fn failure(&self, output: &Output) -> Failure {
        let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| Document {
            version: String::new(),
            code: 999, // what the runtimes' own library calls an internal error
            msg: format!("failed with {} and no error document", output.status),
            details: String::from_utf8_lossy(&output.stdout).into_owned(),
        });
        Failure::Delegate { plugin: self.name.to_owned(), document: Box::new(document) }
    }
}

fn talk(program: &Path, command: &str, input: &[u8]) -> io::Result<Output> {
    // Everything else of the environment is inherited, standard error too.
    let mut child = Command::new(program)
        .env("CNI_COMMAND", command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()?;
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        // Beside reading, because a plugin may answer at length before it has read everything.
        let writer = scope.spawn(|| stdin.map_or(Ok(()), |mut stdin| stdin.write_all(input)));
        let output = child.wait_with_output()?;
        match writer.join() {
            // A plugin that knows enough may stop reading; its exit code says the rest.
            Ok(Err(error)) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
            _ => Ok(output),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Works with a plugin that is `program` under another name, and with `input`. A shell takes its input for a
    /// script, which makes it any plugin one likes.
    fn with<T>(program: &str, input: &str, work: impl FnOnce(Delegate<'_>) -> T) -> T {
        let directory = tempfile::tempdir().unwrap();
        symlink(program, directory.path().join("other")).unwrap();
        let path = [PathBuf::from("/nowhere"), directory.path().to_owned()];
        work(Delegate::find("other", &path, input.as_bytes()).unwrap())
    }

    fn add(input: &str) -> Result<Outcome, Failure> {
        with("/bin/sh", input, |delegate| delegate.add())
    }

    #[test]
    fn the_plugin_gets_the_command_and_the_configuration() {
        let input = r#"[ "$CNI_COMMAND" = ADD ] || exit 1
            echo '{"ips": [{"version": "4", "address": "10.1.0.5/16", "gateway": "10.1.0.1"}]}'"#;
        assert_eq!(add(input).unwrap().ips[0].address.to_string(), "10.1.0.5/16");
    }

    #[test]
    fn what_a_failed_plugin_says_is_passed_on() {
        let input = r#"echo '{"cniVersion": "1.0.0", "code": 11, "msg": "none left", "details": "of 256"}'; exit 1"#;
        let failure = add(input).unwrap_err();
        assert_eq!(failure.code(), 11);
        let document = failure.document(super::super::version::SpecVersion::V0_4_0);
        assert_eq!((document.version.as_str(), document.details.as_str()), ("0.4.0", "of 256"));
        assert_eq!(document.msg, "plugin other: none left");
    }

    #[test]
    fn a_plugin_that_says_nothing_of_use_fails_all_the_same() {
        assert_eq!(add("echo oops; exit 3").unwrap_err().code(), 999);
        assert_eq!(add("echo oops").unwrap_err().code(), 6);
    }

    #[test]
    fn a_plugin_need_not_read_its_input() {
        let more_than_a_pipe_holds = " ".repeat(1 << 20);
        assert!(with("/bin/true", &more_than_a_pipe_holds, |delegate| delegate.run("DEL")).is_ok());
    }

    #[test]
    fn a_plugin_may_answer_at_length_before_it_has_read_everything() {
        let long = "0123456789abcdef ".repeat(1 << 14);
        let outcome = with("/bin/cat", &format!(r#"{{"dns": {{"domain": "{long}"}}}}"#), |delegate| delegate.add());
        assert_eq!(outcome.unwrap().dns.domain, Some(long));
    }

    #[test]
    fn a_plugin_that_is_nowhere_is_a_mistake_of_the_configuration() {
        let failure = Delegate::find("other", &[PathBuf::from("/nowhere")], b"").unwrap_err();
        assert_eq!(failure.code(), 7);
        assert!(failure.to_string().contains("/nowhere"));
    }
}
