//! The machine that a measurement ran on, as far as the system reports it.

use std::fs;
use std::num::NonZeroUsize;
use std::thread;

use serde::Serialize;

/// What numbers depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Machine {
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// Model of the processor; empty if the system does not report it.
    pub(crate) processor: String,
    /// Of the whole machine; 0 if the system does not report it.
    pub(crate) memory_bytes: u64,
    pub(crate) system: String,
}

impl Machine {
    pub(crate) fn of_process() -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let kernel = read("/proc/sys/kernel/osrelease");
        Self {
            cores: thread::available_parallelism().map_or(1, NonZeroUsize::get),
            processor: processor(&read("/proc/cpuinfo")),
            memory_bytes: memory_bytes(&read("/proc/meminfo")),
            system: format!("{} {} {}", std::env::consts::OS, std::env::consts::ARCH, kernel.trim())
                .trim()
                .to_owned(),
        }
    }
}

fn processor(cpuinfo: &str) -> String {
    let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
    model.and_then(|line| line.split_once(':')).map(|(_, model)| model.trim().to_owned()).unwrap_or_default()
}

fn memory_bytes(meminfo: &str) -> u64 {
    let total = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = total.and_then(|total| total.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or_default() * 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_and_memory_are_read_from_what_the_system_tells() {
        assert_eq!(processor("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\n"), "Some CPU @ 3 GHz");
        assert_eq!(memory_bytes("MemTotal:       2048 kB\nMemFree: 1 kB\n"), 2_097_152);
        assert_eq!((processor(""), memory_bytes("")), (String::new(), 0));
    }
}
