//! Encodes a file on all cores: one thread produces batches of rows, some encode them, and the calling thread appends the
//! parts in the order of their batches. At most [`PARTS_AHEAD`] batches are under way, whatever the length of the file.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use parking_lot::Mutex;

use crate::queries::QueryError;

/// Number of batches that are encoded, or wait to be appended.
const PARTS_AHEAD: usize = 6;
/// Maximum number of threads that encode.
const ENCODERS_MAX: usize = 4;

/// An encoded part, or why there is none.
type Part<P> = Result<P, QueryError>;

/// Appends what is made of each batch, in their order. The first error ends all threads; `produce` fails then.
pub(super) fn in_order<B: Send, P: Send>(
    produce: impl FnOnce(&mut dyn FnMut(B) -> Result<(), QueryError>) -> Result<(), QueryError> + Send,
    encode: impl Fn(B) -> Part<P> + Sync,
    append: impl FnMut(P) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    let encoders = thread::available_parallelism().map_or(1, NonZero::get).min(ENCODERS_MAX);
    let (to_encoders, batches) = sync_channel::<(B, SyncSender<Part<P>>)>(encoders);
    let (to_append, parts) = sync_channel::<Receiver<Part<P>>>(PARTS_AHEAD);
    let (batches, encode) = (Arc::new(Mutex::new(batches)), &encode);
    thread::scope(|scope| {
        let producer = scope.spawn(move || {
            produce(&mut |batch| {
                let (sender, part) = sync_channel(1);
                // Each fails once nothing is appended any more.
                to_append.send(part).map_err(|_| QueryError::Cancelled)?;
                to_encoders.send((batch, sender)).map_err(|_| QueryError::Cancelled)
            })
        });
        for _ in 0..encoders {
            let batches = Arc::clone(&batches);
            scope.spawn(move || {
                loop {
                    let next = batches.lock().recv();
                    let Ok((batch, part)) = next else {
                        break;
                    };
                    // Fails only if nothing is appended any more.
                    let _ = part.send(encode(batch));
                }
            });
        }
        // The encoders' own: once they have all ended, the producer must not wait for them.
        drop(batches);
        let appended = append_all(parts, append);
        match producer.join() {
            Ok(end) => appended.and(end),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Drops the channel at the first error, which ends the producer and then the encoders.
fn append_all<P>(
    parts: Receiver<Receiver<Part<P>>>,
    mut append: impl FnMut(P) -> Result<(), QueryError>,
) -> Result<(), QueryError> {
    parts.into_iter().try_for_each(|part| append(part.recv().map_err(|_| QueryError::Cancelled)??))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    /// Encodes numbers, the earlier ones later.
    fn run(
        numbers: usize,
        encode: impl Fn(usize) -> Part<usize> + Sync,
        append: impl FnMut(usize) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        in_order(|take| (0..numbers).try_for_each(take), encode, append)
    }

    fn slowly(number: usize) -> usize {
        thread::sleep(Duration::from_micros(u64::try_from(300 - number * 3).unwrap()));
        number
    }

    #[test]
    fn parts_are_appended_in_the_order_of_their_batches() {
        let mut appended = Vec::new();
        run(
            100,
            |number| Ok(slowly(number)),
            |number| {
                appended.push(number);
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(appended, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_anywhere_ends_the_file_and_is_reported() {
        let failed = || QueryError::NotTaken(7);
        let is_reported = |ended: Result<(), QueryError>| matches!(ended, Err(QueryError::NotTaken(7)));
        let fail_at = |at| move |number| if number == at { Err(failed()) } else { Ok(number) };
        for at in [0, 1, 50, 99] {
            assert!(is_reported(run(100, fail_at(at), |_| Ok(()))), "encoded");
            assert!(
                is_reported(run(100, |number| Ok(slowly(number)), |number| fail_at(at)(number).map(drop))),
                "appended"
            );
            let produce = |take: &mut dyn FnMut(usize) -> Result<(), QueryError>| {
                (0..at).try_for_each(take)?;
                Err(failed())
            };
            let mut appended = 0;
            let ended = in_order(
                produce,
                |number| Ok(slowly(number)),
                |_| {
                    appended += 1;
                    Ok(())
                },
            );
            assert!(is_reported(ended), "produced");
            assert_eq!(appended, at, "what was produced before");
        }
    }

    #[test]
    fn few_batches_are_under_way_however_slow_the_caller() {
        let (encoded, appended) = (AtomicUsize::new(0), AtomicUsize::new(0));
        run(
            100,
            |number| {
                let ahead = encoded.fetch_add(1, Ordering::SeqCst) - appended.load(Ordering::SeqCst);
                assert!(ahead <= PARTS_AHEAD + 2, "{ahead}");
                Ok(number)
            },
            |_| {
                thread::sleep(Duration::from_millis(1));
                appended.fetch_add(1, Ordering::SeqCst);
                Ok(())
            },
        )
        .unwrap();
    }

    #[test]
    fn a_panic_ends_all_threads() {
        let panics = |number| if number == 3 { panic!("fails") } else { Ok(number) };
        let ended = std::panic::catch_unwind(|| run(100, panics, |_| Ok(())));
        assert!(ended.is_err());
    }
}
