//! The memory of a process, as Linux tells it; nowhere else is it measured.

use serde::Serialize;

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident_bytes: u64,
    /// The most that was resident.
    pub(crate) peak_bytes: u64,
}

impl Memory {
    /// Of a process; `None` where the system does not tell.
    pub(crate) fn of_process(pid: u32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
    }

    fn parse(status: &str) -> Option<Self> {
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
        };
        Some(Self { resident_bytes: bytes("VmRSS:")?, peak_bytes: bytes("VmHWM:")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_figures_are_read_from_what_the_system_tells() {
        let status = "Name:\tcra\nVmHWM:\t    2048 kB\nVmRSS:\t     512 kB\nThreads:\t3\n";
        let memory = Memory { resident_bytes: 524_288, peak_bytes: 2_097_152 };
        assert_eq!(Memory::parse(status), Some(memory));
        assert_eq!(Memory::parse("Name:\tcra\n"), None);
    }
}
