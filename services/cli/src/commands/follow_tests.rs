//! Output and checkpoints of a follower whose service fails midway.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::net::{TcpListener, TcpStream};

use super::super::fake::{Fake, LOG, Written, endpoints, ran};
use super::*;
use crate::style::Style;

fn positions(text: &str) -> Vec<u64> {
    let position = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["position"].as_str().unwrap().parse().unwrap()
    };
    text.lines().map(position).collect()
}

fn asked(fake: &Fake) -> Vec<u64> {
    fake.follows.lock().unwrap().iter().map(|request| request.after_position).collect()
}

/// A follower of everything from the beginning.
fn follower<'a>(checkpoint: Option<&Path>, output: &'a mut Output) -> Follower<'a> {
    Follower {
        selection: v1::Selection::default(),
        stop_at_head: false,
        place: Place::default(),
        kept: None,
        checkpoint: checkpoint.map(Checkpoint::at),
        output,
    }
}

fn kept(path: &Path) -> Option<u64> {
    Checkpoint::at(path).place(&v1::Selection::default()).unwrap().map(|place| place.position)
}

#[tokio::test]
async fn every_change_is_a_line_of_the_contracts_json() {
    let fake = Arc::new(Fake { head: 3, ..Fake::default() });
    let (text, outcome) = ran(&fake, &["follow", "--stop-at-head", "--theme", "email"]).await;
    assert_eq!(outcome.unwrap(), Outcome::Done);
    let expected = [
        r#"{"position":"1","removal":"cra-1","log":"log#2#"}"#,
        r#"{"checkpoint":true,"position":"2","log":"log#2#"}"#,
        r#"{"position":"3","upsert":{"craId":"cra-3","revision":"1"},"log":"log#2#"}"#,
    ];
    let sorted = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    assert_eq!(text.lines().map(sorted).collect::<Vec<_>>(), expected.map(sorted));
    let request = fake.follows.lock().unwrap()[0].clone();
    assert_eq!((request.selection.unwrap().themes, request.stop_at_head), (vec![3], true));
}

#[tokio::test]
async fn a_broken_stream_is_resumed_after_the_last_line_without_gaps_or_repetitions() {
    let fake = Arc::new(Fake { head: 10, breaks_after: 4, ..Fake::default() });
    let (text, outcome) = ran(&fake, &["follow", "--after", "1", "--stop-at-head"]).await;
    outcome.unwrap();
    assert_eq!(positions(&text), (2..=10).collect::<Vec<_>>());
    assert_eq!(asked(&fake), [1, 5, 9]);
}

#[tokio::test]
async fn a_checkpoint_takes_precedence_over_after() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("place.json");
    let flags = ["follow", "--stop-at-head", "--after", "2", "--checkpoint", path.to_str().unwrap()];
    let fake = Arc::new(Fake { head: 5, ..Fake::default() });
    let (text, outcome) = ran(&fake, &flags).await;
    outcome.unwrap();
    assert_eq!((positions(&text), kept(&path)), (vec![3, 4, 5], Some(5)));

    let later = Arc::new(Fake { head: 7, ..Fake::default() });
    let (text, outcome) = ran(&later, &flags).await;
    outcome.unwrap();
    assert_eq!((positions(&text), kept(&path)), (vec![6, 7], Some(7)));
    assert_eq!(asked(&later), [5]);
    assert_eq!(later.follows.lock().unwrap()[0].log, LOG, "a position belongs to one log");
}

#[tokio::test]
async fn a_copy_of_a_log_that_was_made_to_forget_is_emptied_and_begins_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("place.json");
    let former = Place { position: 9, log: "former#1#".to_owned() };
    Checkpoint::at(&path).save(&v1::Selection::default(), &former).unwrap();
    let fake = Arc::new(Fake { head: 3, ..Fake::default() });
    let flags = ["follow", "--stop-at-head", "--checkpoint", path.to_str().unwrap()];
    let (text, outcome) = ran(&fake, &flags).await;
    outcome.unwrap();
    let (reset, changes) = text.split_once('\n').unwrap();
    assert_eq!(reset, r#"{"reset":true}"#);
    assert_eq!((positions(changes), kept(&path)), (vec![1, 2, 3], Some(3)));
    assert_eq!(asked(&fake), [9, 0]);
}

#[tokio::test]
async fn a_position_beyond_the_head_ends_the_command_and_keeps_the_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("place.json");
    Checkpoint::at(&path)
        .save(&v1::Selection::default(), &Place { position: 9, ..Place::default() })
        .unwrap();
    let fake = Arc::new(Fake { head: 5, ..Fake::default() });
    let (text, outcome) = ran(&fake, &["follow", "--checkpoint", path.to_str().unwrap()]).await;
    assert!(outcome.unwrap_err().to_string().contains("past the head"));
    assert_eq!((text.as_str(), kept(&path)), ("", Some(9)));
}

/// A reader that takes some lines and then closes; checks the checkpoint before each line arrives.
struct Pipe {
    written: Arc<Mutex<Vec<u64>>>,
    lines_max: usize,
    checkpoint: PathBuf,
}

impl io::Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = self.written.lock().unwrap();
        let last = written.last().copied();
        let kept = kept(&self.checkpoint);
        assert!(kept <= last, "the checkpoint says {kept:?}, the last line is {last:?}");
        if written.len() == self.lines_max {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        written.extend(positions(std::str::from_utf8(bytes).unwrap()));
        // Now and then longer than the interval of the checkpoints.
        if written.len().is_multiple_of(7) {
            std::thread::sleep(std::time::Duration::from_millis(210));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_checkpoint_is_never_ahead_of_the_written_lines() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("place.json");
    let fake = Arc::new(Fake { head: 100, ..Fake::default() });
    let url = endpoints(&fake).await.projection_url;
    let connection = Connection::open(Service::Projection, &url).await.unwrap();
    let written = Arc::default();
    let pipe = Pipe { written: Arc::clone(&written), lines_max: 24, checkpoint: path.clone() };
    let mut output = Output::to(pipe, Style { columns: 100, colour: false });
    let mut follower = follower(Some(&path), &mut output);
    let error = follow(&connection, &mut follower, &Shutdown::new()).await.unwrap_err();
    assert!(error.downcast_ref::<io::Error>().is_some(), "{error}");
    assert_eq!(written.lock().unwrap().len(), 24);
    let kept = kept(&path).unwrap();
    assert!((1..=24).contains(&kept), "kept on the way: {kept}");
}

#[tokio::test]
async fn a_stopped_follower_stores_its_position() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("place.json");
    let fake = Arc::new(Fake { head: 6, ..Fake::default() });
    let url = endpoints(&fake).await.projection_url;
    let connection = Connection::open(Service::Projection, &url).await.unwrap();
    let written = Written::default();
    let mut output = written.output();
    let mut follower = follower(Some(&path), &mut output);
    let shutdown = Shutdown::new();
    let stop = async {
        written.lines_reach(6).await;
        shutdown.begin();
    };
    let (ended, ()) = tokio::join!(follow(&connection, &mut follower, &shutdown), stop);
    ended.unwrap();
    assert_eq!(kept(&path), Some(6));
}

/// Proxies connections to the service, and cuts the first one after some bytes of answers.
async fn cutting(service: String, bytes_max: u64) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let address = service.strip_prefix("http://").unwrap().to_owned();
    tokio::spawn(async move {
        let mut bytes_max = bytes_max;
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&address).await.unwrap();
            let (from_client, mut to_client) = client.split();
            let (from_server, mut to_server) = server.split();
            let (mut requests, mut answers) = (from_client.take(u64::MAX), from_server.take(bytes_max));
            tokio::select! {
                _ = tokio::io::copy(&mut requests, &mut to_server) => {}
                _ = tokio::io::copy(&mut answers, &mut to_client) => {}
            }
            let _ = to_client.shutdown().await;
            bytes_max = u64::MAX;
        }
    });
    url
}

#[tokio::test]
async fn a_cut_connection_is_reopened_without_gaps_or_repetitions() {
    let fake = Arc::new(Fake { head: 500, ..Fake::default() });
    let url = cutting(endpoints(&fake).await.projection_url, 4_000).await;
    let connection = Connection::open(Service::Projection, &url).await.unwrap();
    let written = Written::default();
    let mut output = written.output();
    let mut follower = Follower { stop_at_head: true, ..follower(None, &mut output) };
    follow(&connection, &mut follower, &Shutdown::new()).await.unwrap();
    assert_eq!(positions(&written.text()), (1..=500).collect::<Vec<_>>());
    let asked = asked(&fake);
    assert!(asked.len() == 2 && asked[1] > 0 && asked[1] < 500, "{asked:?}");
}
