//! Limit of open files and connections. The process raises it as far as the system allows, and compares it with its
//! needs before it opens anything.

/// Highest limit requested: some systems allow a billion.
const DESCRIPTORS_MAX: u64 = 1 << 20;

/// The limit of open files and connections is below the need.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the system lets this process open {allowed} files and connections, it needs {needed}: raise the hard limit \
     (`ulimit -Hn`, `LimitNOFILE=` of systemd, `--ulimit nofile=` of containers)"
)]
pub struct TooFew {
    /// The limit.
    pub allowed: u64,
    /// The need.
    pub needed: u64,
}

/// Raises the soft limit to the hard limit. If the system refuses, the limit stays as it is; [`require`] compares it.
pub fn raise() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        let (soft, hard) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
        let target = hard.min(DESCRIPTORS_MAX);
        if target > soft {
            limit.current = Some(target);
            let _ = setrlimit(Resource::Nofile, limit);
        }
    }
}

/// Fails if the limit is below the need.
pub fn require(needed: u64) -> Result<(), TooFew> {
    let allowed = allowed();
    if allowed < needed { Err(TooFew { allowed, needed }) } else { Ok(()) }
}

fn allowed() -> u64 {
    #[cfg(unix)]
    {
        rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX)
    }
    #[cfg(not(unix))]
    {
        u64::MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_names_the_limit_and_the_need() {
        raise();
        assert_eq!(require(1), Ok(()));
        let reported = TooFew { allowed: 90, needed: 510 }.to_string();
        assert!(
            reported.contains("90") && reported.contains("510") && reported.contains("LimitNOFILE"),
            "{reported}"
        );
    }
}
