//! Arguments of the commands for those who run the projection: `status`, `replay`, `promote`, `verify`, `parked`, `pause`, `resume`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Go on until Ctrl-C: drawn again on a terminal, else one line per change
    #[arg(long)]
    pub(crate) watch: bool,
    /// Write the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Stop at this position of the log, and keep what it gives beside what serves [default: catch up with the log]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) until: u64,
    /// Serve the new read models as soon as they have caught up
    #[arg(long)]
    pub(crate) promote: bool,
    /// Write one JSON object per answer; the last one is the outcome
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// The generation, as `cra status` lists it
    #[arg(value_name = "NAME")]
    pub(crate) generation: String,
    /// Write the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// Why, in 3 to 500 characters: others read it in `cra status`
    #[arg(value_name = "REASON")]
    pub(crate) reason: String,
    /// Write the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ResumeArgs {
    /// Write the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Write one JSON object per answer; the last one is the outcome
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ParkedArgs {
    /// Try again those at these positions, or all of them
    #[arg(long, value_name = "POSITION", num_args = 0..)]
    pub(crate) retry: Option<Vec<u64>>,
    /// Write one JSON object per event, or the outcome of the retry
    #[arg(long)]
    pub(crate) json: bool,
}
