//! python-hnvclient 0.1.0, as published and unmodified, against the controller. What it does is in `hnvclient.py`.

use super::site::Site;
use super::skip;
use harness::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const CLIENT: &str = "python-hnvclient==0.1.0";

/// The interpreter of a virtual environment that has the client; made once and kept with the build. `Err` says what is
/// missing here.
fn interpreter() -> Result<PathBuf, String> {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hnvclient-0.1.0");
    let python = environment.join("bin/python");
    if has_client(&python) {
        return Ok(python);
    }
    succeeded("python3 -m venv", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&environment).output())?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", CLIENT]);
    succeeded("pip install", install.output())?;
    if has_client(&python) { Ok(python) } else { Err(format!("{CLIENT} cannot be imported")) }
}

fn has_client(python: &Path) -> bool {
    client(python).args(["-c", "import hnvclient.client"]).output().is_ok_and(|output| output.status.success())
}

/// The interpreter, ready to import the client.
fn client(python: &Path) -> Command {
    let mut command = Command::new(python);
    // Isolated: the script is named as the module is.
    command.arg("-I");
    // The package is named python-hnvclient and asks for its version as hnvclient; pbr takes the answer from here.
    command.env("PBR_VERSION", "0.1.0");
    command
}

fn succeeded(what: &str, output: std::io::Result<Output>) -> Result<Output, String> {
    let output = output.map_err(|error| format!("{what}: {error}"))?;
    let said = || format!("{what}: {}", String::from_utf8_lossy(&output.stderr).trim());
    if output.status.success() { Ok(output) } else { Err(said()) }
}

#[tokio::test]
async fn hnvclient_creates_reads_updates_and_deletes() -> Result<()> {
    let python = match interpreter() {
        Ok(python) => python,
        Err(missing) => {
            // The machine may be without a way to the package index.
            skip::aloud(&missing);
            return Ok(());
        }
    };
    let site = Site::empty().await?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("system/northbound/hnvclient.py");
    let mut command = client(&python);
    command.arg(script).arg(site.nc.root());
    let output = command.output().map_err(Error::io("run the client"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    print!("{said}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.ends_with("all steps passed\n"));
    Ok(())
}
