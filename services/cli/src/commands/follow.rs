//! `cra follow`: every change of the selected CRAs as a line of JSON, for a copy in another system.
//!
//! A line is written before its position is stored: after a crash some lines may be repeated, none is missing. On
//! Ctrl-C and SIGTERM the command stores its position and exits with code 0.
//!
//! If the log was replaced in order to forget, the line `{"reset":true}` empties the copy, and every change follows again.

use cra_contracts::v1;
use cra_runtime::shutdown::Shutdown;
use serde_json::json;
use tonic::{Status, Streaming};

use super::checkpoint::{Checkpoint, Place};
use super::{CommandResult, Outcome};
use crate::args::{EndpointArgs, FollowArgs};
use crate::client::{Connection, Service};
use crate::output::{Output, notice};
use crate::subscription::{Subscription, run_with_reconnect};

pub(crate) async fn run(args: FollowArgs, endpoints: &EndpointArgs, output: &mut Output) -> CommandResult {
    let selection = args.selection.to_message();
    let checkpoint = args.checkpoint.as_deref().map(Checkpoint::at);
    let kept = checkpoint.as_ref().map(|checkpoint| checkpoint.place(&selection)).transpose()?.flatten();
    let mut follower = Follower {
        selection,
        stop_at_head: args.stop_at_head,
        place: kept.clone().unwrap_or(Place { position: args.after, log: String::new() }),
        kept,
        checkpoint,
        output,
    };
    let shutdown = Shutdown::on_signal()?;
    let connection = Connection::to(Service::Projection, endpoints).await?;
    follow(&connection, &mut follower, &shutdown).await?;
    Ok(Outcome::Done)
}

async fn follow(
    connection: &Connection,
    follower: &mut Follower<'_>,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    tokio::select! {
        ended = run_with_reconnect(connection, follower) => ended,
        () = shutdown.requested() => follower.settle(),
    }
}

struct Follower<'a> {
    selection: v1::Selection,
    stop_at_head: bool,
    /// Position of the last written line.
    place: Place,
    /// Position in the checkpoint.
    kept: Option<Place>,
    checkpoint: Option<Checkpoint>,
    output: &'a mut Output,
}

impl Subscription for Follower<'_> {
    type Message = v1::FollowCrasResponse;

    async fn open(&mut self, connection: &Connection) -> Result<Streaming<Self::Message>, Status> {
        let request = v1::FollowCrasRequest {
            selection: Some(self.selection.clone()),
            after_position: self.place.position,
            stop_at_head: self.stop_at_head,
            log: self.place.log.clone(),
        };
        Ok(connection.statistics().follow_cras(request).await?.into_inner())
    }

    fn take(&mut self, message: Self::Message) -> anyhow::Result<()> {
        // `json` flushes the line: from here on the reader has the change.
        self.output.json(&cra_contracts::json::to_value(&message))?;
        self.place = Place { position: message.position, log: message.log };
        Ok(())
    }

    fn settle(&mut self) -> anyhow::Result<()> {
        let Some(checkpoint) = &self.checkpoint else {
            return Ok(());
        };
        if self.kept.as_ref() != Some(&self.place) {
            checkpoint.save(&self.selection, &self.place)?;
            self.kept = Some(self.place.clone());
        }
        Ok(())
    }

    fn reset(&mut self) -> anyhow::Result<bool> {
        // Without a log the position is not of another one.
        if self.place.log.is_empty() {
            return Ok(false);
        }
        self.output.json(&json!({ "reset": true }))?;
        notice(
            "the log was replaced in order to forget: the copy is to be emptied, every change follows again",
        );
        self.place = Place::default();
        self.settle()?;
        Ok(true)
    }

    fn ends_with_the_stream(&self) -> bool {
        self.stop_at_head
    }

    fn disconnected(&mut self, problem: &str) -> anyhow::Result<()> {
        notice(&format!("{problem}\nretrying after position {}", self.place.position));
        Ok(())
    }

    fn reconnected(&mut self) {
        notice("connected again");
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
