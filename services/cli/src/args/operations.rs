//! Arguments of the commands for operators of the projection: `status`, `replay`, `promote`, `verify`, `parked`,
//! `pause`, `resume`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Repeat until Ctrl-C: redrawn in place on a terminal, otherwise one line per change
    #[arg(long)]
    pub(crate) watch: bool,
    /// Write the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Stop at this position of the log, and keep the result next to the serving read models [default: catch up with
    /// the log]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) until: u64,
    /// Put the new read models into service as soon as they have caught up
    #[arg(long)]
    pub(crate) promote: bool,
    /// Write one JSON object per progress report; the last one is the result
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// Name of the generation, as listed by `cra status`
    #[arg(value_name = "NAME")]
    pub(crate) generation: String,
    /// Write the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PauseArgs {
    /// Reason, 3 to 500 characters; shown in `cra status`
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
    /// Write one JSON object per progress report; the last one is the result
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ParkedArgs {
    /// Retry the events at these positions, or all of them
    #[arg(long, value_name = "POSITION", num_args = 0..)]
    pub(crate) retry: Option<Vec<u64>>,
    /// Write one JSON object per event, or the result of the retry
    #[arg(long)]
    pub(crate) json: bool,
}
