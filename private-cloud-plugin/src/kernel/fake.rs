//! A kernel that only remembers: for tests of what is asked of it, and of what happens when it says no.

use super::{Device, Kernel, KernelError, Observed};
use policy::net::MacAddr;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Mutex;

/// What the fake has been told.
#[derive(Debug, Default)]
pub(crate) struct Fake(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    observed: Observed,
    table: String,
    /// Commands that contain this text fail.
    refuses: Option<&'static str>,
}

impl Fake {
    /// A VM at 192.168.1.9/24 with one device, `e0`.
    pub(crate) fn vm() -> Self {
        let fake = Self::default();
        let mac = MacAddr::new([0x00, 0x1d, 0xd8, 0, 0, 9]);
        let addresses = vec!["192.168.1.9/24".parse().unwrap()];
        fake.see(|observed| {
            observed.boot = "first".to_owned();
            observed.devices.insert("e0".to_owned(), Device { mac, mtu: 1450, addresses });
            observed.default_device = Some("e0".to_owned());
        });
        fake
    }

    /// Changes what is there.
    pub(crate) fn see(&self, change: impl FnOnce(&mut Observed)) {
        change(&mut self.0.lock().unwrap().observed);
    }

    /// From now on commands with this text fail; none if `None`.
    pub(crate) fn refuse(&self, text: Option<&'static str>) {
        self.0.lock().unwrap().refuses = text;
    }

    /// Names of the devices that this program made.
    pub(crate) fn devices(&self) -> Vec<String> {
        let names = self.0.lock().unwrap().observed.devices.keys().cloned().collect::<Vec<_>>();
        names.into_iter().filter(|name| name.starts_with("pc-")).collect()
    }

    /// The table that is loaded.
    pub(crate) fn table(&self) -> String {
        self.0.lock().unwrap().table.clone()
    }

    /// What `nft flush ruleset` does.
    pub(crate) fn flush(&self) {
        self.0.lock().unwrap().table.clear();
    }
}

impl Memory {
    fn judge(&self, text: &str) -> Result<(), KernelError> {
        match self.refuses {
            Some(word) if text.contains(word) => {
                Err(KernelError::Refused { command: text.to_owned(), message: "no".to_owned() })
            }
            _ => Ok(()),
        }
    }
}

impl Kernel for Fake {
    fn observe(&self) -> Result<Observed, KernelError> {
        Ok(self.0.lock().unwrap().observed.clone())
    }

    fn ip(&self, batch: &str) -> Result<(), KernelError> {
        let mut memory = self.0.lock().unwrap();
        for line in batch.lines() {
            memory.judge(line)?;
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                ["link", "add", name, ..] => {
                    let device = Device { mac: MacAddr::BROADCAST, mtu: 1500, addresses: Vec::new() };
                    memory.observed.devices.insert(name.to_owned(), device);
                }
                ["link", "delete", name] => drop(memory.observed.devices.remove(name)),
                _ => {}
            }
        }
        Ok(())
    }

    fn bridge(&self, batch: &str) -> Result<(), KernelError> {
        self.0.lock().unwrap().judge(batch)
    }

    fn forward(&self) -> Result<(), KernelError> {
        self.0.lock().unwrap().judge("forward")
    }

    fn ip_within(&self, _: &Path, batch: &str) -> Result<(), KernelError> {
        self.0.lock().unwrap().judge(batch)
    }

    fn nft(&self, script: &str) -> Result<(), KernelError> {
        let mut memory = self.0.lock().unwrap();
        memory.judge(script)?;
        script.clone_into(&mut memory.table);
        Ok(())
    }

    fn table(&self) -> Result<String, KernelError> {
        Ok(self.0.lock().unwrap().table.clone())
    }

    fn nft_within(&self, _: &Path, script: &str) -> Result<(), KernelError> {
        self.0.lock().unwrap().judge(script)
    }

    fn next_hop(&self, _: &str, _: Ipv4Addr) -> Result<MacAddr, KernelError> {
        Ok(MacAddr::new([0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc]))
    }
}
