//! One of the services as a process of the measurement: what its own program does, under this program's name, so that
//! one build is enough. Leaves when it is asked to, or when the measurement is gone.

use std::io::Read as _;
use std::thread;

use cra_runtime::args::ServerArgs;
use cra_runtime::shutdown::Shutdown;
use cra_runtime::telemetry;

use super::Kind;

/// Serves until a signal, or until standard input ends: its other end is held by the measurement.
pub(crate) async fn serve(kind: Kind) -> anyhow::Result<()> {
    let shutdown = Shutdown::on_signal()?;
    let asked = shutdown.clone();
    // Not a task of the runtime, which would wait for it at the end.
    thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        asked.begin();
    });
    let args = ServerArgs::default();
    let drained = match kind {
        Kind::Ingestion => {
            let settings: cra_ingestion::Settings = args.load()?;
            let telemetry = telemetry::init(&settings.telemetry)?;
            let drained = cra_ingestion::run(settings, shutdown).await;
            telemetry.end().await;
            drained?
        }
        Kind::Projection => {
            let settings: cra_projection::Settings = args.load()?;
            let telemetry = telemetry::init(&settings.telemetry)?;
            let drained = cra_projection::run(settings, shutdown).await;
            telemetry.end().await;
            drained?
        }
    };
    tracing::info!(?drained, "left");
    Ok(())
}
