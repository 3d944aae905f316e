//! An unreliable network between a client and a server. On demand it delays, drops or holds the data, closes one
//! direction, cuts every connection, or refuses connections. Knows no protocol.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// One direction of every connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Requests,
    Answers,
}

/// What happens to the data of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    PassedOn,
    /// Read and dropped.
    Lost,
    /// Not read until it is passed on again.
    Held,
}

#[derive(Clone, Copy, Debug)]
struct Way {
    flow: Flow,
    /// How often this direction of all connections was closed.
    ends: u64,
}

#[derive(Clone, Copy, Debug)]
struct Network {
    target: SocketAddr,
    requests: Way,
    answers: Way,
    /// Delay of each piece.
    delay: Duration,
    takes_connections: bool,
    /// How often all connections were cut.
    cuts: u64,
}

impl Network {
    fn way(&self, direction: Direction) -> Way {
        match direction {
            Direction::Requests => self.requests,
            Direction::Answers => self.answers,
        }
    }

    fn way_mut(&mut self, direction: Direction) -> &mut Way {
        match direction {
            Direction::Requests => &mut self.requests,
            Direction::Answers => &mut self.answers,
        }
    }
}

/// A proxy to one address; its connections close when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy that forwards everything.
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = Way { flow: Flow::PassedOn, ends: 0 };
        let (network, _) = watch::channel(Network {
            target,
            requests: way,
            answers: way,
            delay: Duration::ZERO,
            takes_connections: true,
            cuts: 0,
        });
        let accepting = tokio::spawn(accept(listener, network.clone()));
        Self { address, network, accepting }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sends new connections to another target.
    pub(crate) fn lead_to(&self, target: SocketAddr) {
        self.network.send_modify(|network| network.target = target);
    }

    /// Drops answers from now on; requests are forwarded.
    pub(crate) fn keep_answers_back(&self) {
        self.set(Direction::Answers, Flow::Lost);
    }

    /// Stops one direction, with the connections open; see [`Proxy::pass_on`].
    pub(crate) fn hold(&self, direction: Direction) {
        self.set(direction, Flow::Held);
    }

    /// Forwards held and new data again; accepts connections again.
    pub(crate) fn pass_on(&self) {
        self.network.send_modify(|network| {
            network.requests.flow = Flow::PassedOn;
            network.answers.flow = Flow::PassedOn;
            network.delay = Duration::ZERO;
            network.takes_connections = true;
        });
    }

    /// Delays everything in each direction.
    pub(crate) fn delay(&self, delay: Duration) {
        self.network.send_modify(|network| network.delay = delay);
    }

    /// Closes one direction of every connection; the other one remains open.
    pub(crate) fn half_close(&self, direction: Direction) {
        self.network.send_modify(|network| network.way_mut(direction).ends += 1);
    }

    /// Cuts every connection, on both sides; new ones work.
    pub(crate) fn cut(&self) {
        self.pass_on();
        self.network.send_modify(|network| network.cuts += 1);
    }

    /// Cuts every connection, and refuses new ones until [`Proxy::pass_on`].
    pub(crate) fn cut_off(&self) {
        self.network.send_modify(|network| {
            network.takes_connections = false;
            network.cuts += 1;
        });
    }

    fn set(&self, direction: Direction, flow: Flow) {
        self.network.send_modify(|network| network.way_mut(direction).flow = flow);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, network: watch::Sender<Network>) {
    while let Ok((client, _)) = listener.accept().await {
        let made = *network.borrow();
        if !made.takes_connections {
            continue;
        }
        let Ok(server) = TcpStream::connect(made.target).await else {
            continue;
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let mut cut = network.subscribe();
        let requests = pass(from_client, to_server, network.subscribe(), Direction::Requests, made);
        let answers = pass(from_server, to_client, network.subscribe(), Direction::Answers, made);
        tokio::spawn(async move {
            tokio::select! {
                _ = async { tokio::try_join!(requests, answers) } => {}
                _ = cut.wait_for(|network| network.cuts > made.cuts) => {}
            }
        });
    }
}

/// Forwards one direction to its end, which is forwarded too; an error closes both.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut network: watch::Receiver<Network>,
    direction: Direction,
    made: Network,
) -> io::Result<()> {
    let mut ended = network.clone();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read?,
            _ = ended.wait_for(|network| network.way(direction).ends > made.way(direction).ends) => 0,
        };
        if read == 0 {
            return to.shutdown().await;
        }
        let passing = network.wait_for(|network| network.way(direction).flow != Flow::Held).await;
        let Ok(now) = passing.map(|now| *now) else {
            return Ok(());
        };
        sleep(now.delay).await;
        if now.way(direction).flow == Flow::PassedOn {
            to.write_all(&buffer[..read]).await?;
        }
    }
}
