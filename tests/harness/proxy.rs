//! A network that breaks: stands between a client and a service, lets requests through, and on demand keeps the
//! answers back or cuts every connection. Knows no protocol.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    PassedOn,
    KeptBack,
}

#[derive(Clone, Copy, Debug)]
struct Network {
    answers: Answers,
    /// Connections of a lower number are cut.
    cuts: u64,
}

/// A proxy to one address; its connections end when it is dropped.
pub(crate) struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy that passes everything on.
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (network, _) = watch::channel(Network { answers: Answers::PassedOn, cuts: 0 });
        let accepting = tokio::spawn(accept(listener, target, network.clone()));
        Self { address, network, accepting }
    }

    /// Where the client connects.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on requests arrive and answers do not.
    pub(crate) fn keep_answers_back(&self) {
        self.network.send_modify(|network| network.answers = Answers::KeptBack);
    }

    /// Cuts every connection, on both sides; those made afterwards work.
    pub(crate) fn cut(&self) {
        self.network.send_modify(|network| {
            network.cuts += 1;
            network.answers = Answers::PassedOn;
        });
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, network: watch::Sender<Network>) {
    while let Ok((client, _)) = listener.accept().await {
        let made_at = network.borrow().cuts;
        let Ok(service) = TcpStream::connect(target).await else {
            continue;
        };
        let (from_client, to_client) = client.into_split();
        let (from_service, to_service) = service.into_split();
        let mut cut = network.subscribe();
        let answers = network.subscribe();
        let lets_through = move || {
            let network = answers.borrow();
            network.answers == Answers::PassedOn && network.cuts == made_at
        };
        tokio::spawn(async move {
            tokio::select! {
                () = pass(from_client, to_service, || true) => {}
                () = pass(from_service, to_client, lets_through) => {}
                _ = cut.wait_for(|network| network.cuts > made_at) => {}
            }
        });
    }
}

/// Passes bytes on until either side ends; those that `lets_through` refuses are lost.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, lets_through: impl Fn() -> bool) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        if lets_through() && to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
