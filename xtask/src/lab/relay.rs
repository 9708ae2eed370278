//! Lets the caller's own loopback reach a server in the lab.

use harness::namespace::Namespace;
use harness::{Error, Result};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// Listens on `port` of the loopback address in `home`, or on a free port if that is taken, and passes every connection
/// on to `server`, which is dialled from the calling thread's namespace. Returns where it listens.
pub(super) fn start(home: &Namespace, port: u16, server: SocketAddr) -> Result<SocketAddr> {
    let listener = home.run(|| {
        let bind = |port| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let listener = bind(port).or_else(|_| bind(0)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok(listener)
        });
        listener.map_err(Error::io("listen on the loopback address"))
    })?;
    let listener = TcpListener::from_std(listener).map_err(Error::io("listen"))?;
    let address = listener.local_addr().map_err(Error::io("listen"))?;
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            tokio::spawn(async move {
                // Either side may leave at any time; there is nobody to tell.
                if let Ok(mut upstream) = TcpStream::connect(server).await {
                    let _ = copy_bidirectional(&mut client, &mut upstream).await;
                }
            });
        }
    });
    Ok(address)
}
