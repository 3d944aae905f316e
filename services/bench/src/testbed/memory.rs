//! The memory of a process as Linux reports it; not measured on other systems.

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
    /// Of a process; `None` if the system does not report it.
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

/// Ticks of processor time in a second, as Linux shows them to programs on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// What a process takes of the machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Usage {
    /// Resident now.
    pub(crate) resident_bytes: u64,
    /// Processor time since its start, in user and system mode.
    pub(crate) cpu_seconds: f64,
}

impl Usage {
    /// Of a process; `None` if the system does not report it.
    pub(crate) fn of_process(pid: u32) -> Option<Self> {
        let resident_bytes = Memory::of_process(pid)?.resident_bytes;
        let cpu_seconds = cpu_seconds(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        Some(Self { resident_bytes, cpu_seconds })
    }
}

/// The 14th and 15th field; the second one is the program in parentheses, and may hold spaces.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some((f64::from(ticks()?) + f64::from(ticks()?)) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_the_name_of_the_program() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 9 0";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds("7 (a) S 1"), None);
    }

    #[test]
    fn both_figures_are_read_from_what_the_system_tells() {
        let status = "Name:\tcra\nVmHWM:\t    2048 kB\nVmRSS:\t     512 kB\nThreads:\t3\n";
        let memory = Memory { resident_bytes: 524_288, peak_bytes: 2_097_152 };
        assert_eq!(Memory::parse(status), Some(memory));
        assert_eq!(Memory::parse("Name:\tcra\n"), None);
    }
}
