//! Our own routes, `/fleetgate/v1`; and the admin socket: everything over HTTP on a unix socket, for root and for the
//! gateway's own user.

mod alerts;
mod api_tokens;
mod cache;
mod crls;
mod denied;
mod openapi;
mod reply;
mod resources;
mod state;
mod tokens;
mod upgrade;
mod xdp;

use std::future::Future;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::serve::Listener;
use axum::{Json, Router};
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};

use super::auth::Caller;
use crate::control::Control;

/// Why there is no admin socket.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A gateway answers there already.
    #[error("another gateway is running: it answers at {}; stop it, or choose another admin.socket", .0.display())]
    Taken(PathBuf),
    /// The system refused.
    #[error("cannot listen at {}: {error}; choose another admin.socket, or create its folder", path.display())]
    Bind {
        /// Where.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// The bound socket. Its file goes with it, unless that is another gateway's by then.
#[derive(Debug)]
pub struct AdminSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Where the file is until it is put in place.
    beside: Option<PathBuf>,
    /// Device and inode of the file.
    file: (u64, u64),
}

impl AdminSocket {
    /// Binds the socket. One that a dead gateway left is replaced.
    ///
    /// # Errors
    /// [`AdminError`]
    pub fn bind(path: &Path) -> Result<Self, AdminError> {
        if StdStream::connect(path).is_ok() {
            return Err(AdminError::Taken(path.to_owned()));
        }
        let (listener, file) = bind(path)?;
        Ok(Self { listener, path: path.to_owned(), beside: None, file })
    }

    /// Binds a socket that will take the place of a running gateway's: [`Self::put_in_place`].
    ///
    /// # Errors
    /// [`AdminError::Bind`]
    pub fn bind_beside(path: &Path) -> Result<Self, AdminError> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let (listener, file) = bind(&beside)?;
        Ok(Self { listener, path: path.to_owned(), beside: Some(beside), file })
    }

    /// Takes the place of whatever socket is there.
    ///
    /// # Errors
    /// [`AdminError::Bind`]
    pub fn put_in_place(&mut self) -> Result<(), AdminError> {
        let Some(beside) = self.beside.take() else { return Ok(()) };
        std::fs::rename(beside, &self.path)
            .map_err(|error| AdminError::Bind { path: self.path.clone(), error })
    }

    /// Serves requests until `end`, and those that are under way then to their ends.
    pub async fn serve(self, control: Arc<Control>, end: impl Future<Output = ()> + Send + 'static) {
        // The kernel has said who it is.
        let router = super::routes(&control).layer(Extension(Caller::local()));
        if let Err(error) = axum::serve(self, router).with_graceful_shutdown(end).await {
            tracing::error!(%error, "the admin socket stopped");
        }
    }
}

/// Our own routes.
pub(super) fn routes(control: &Arc<Control>) -> Router<Arc<Control>> {
    let status = get(async |State(control): State<Arc<Control>>| Json(control.status()));
    Router::new()
        .route("/fleetgate/v1/status", status)
        .route("/fleetgate/v1/reload", post(reload))
        .merge(alerts::routes())
        .merge(api_tokens::routes())
        .merge(cache::routes())
        .merge(crls::routes())
        .merge(denied::routes())
        .merge(openapi::routes())
        .merge(resources::routes())
        .merge(state::routes())
        .merge(tokens::routes())
        .merge(xdp::routes())
        .layer(from_fn_with_state(Arc::clone(control), upgrade::hold_back))
        .merge(upgrade::routes())
}

impl Drop for AdminSocket {
    fn drop(&mut self) {
        let path = self.beside.as_ref().unwrap_or(&self.path);
        if identity(path).is_ok_and(|file| file == self.file) {
            // Somebody who removed it before us did our work.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn bind(path: &Path) -> Result<(UnixListener, (u64, u64)), AdminError> {
    let bind = || {
        // Anything but a socket is somebody's file, and binding fails on it.
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        // Peer credentials decide who is heard; the mode only keeps others from trying.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok((listener, identity(path)?))
    };
    bind().map_err(|error| AdminError::Bind { path: path.to_owned(), error })
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|file| (file.dev(), file.ino()))
}

async fn reload(State(control): State<Arc<Control>>) -> impl IntoResponse {
    reply::blocking(move || match control.reload() {
        Ok(reload) => Json(reload).into_response(),
        Err(reload) => (StatusCode::BAD_REQUEST, Json(reload)).into_response(),
    })
    .await
}

impl Listener for AdminSocket {
    type Io = UnixStream;
    type Addr = SocketAddr;

    /// The next connection of somebody who may: root, or the user that the gateway runs as.
    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            match stream.peer_cred() {
                Ok(peer) if peer.uid() == 0 || peer.uid() == nix::unistd::geteuid().as_raw() => {
                    return (stream, address);
                }
                Ok(peer) => tracing::warn!(uid = peer.uid(), "refused a connection to the admin socket"),
                Err(error) => tracing::warn!(%error, "a peer of the admin socket has no credentials"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn the_socket_of_a_dead_gateway_is_replaced_and_that_of_a_live_one_is_not() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("admin.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a listener leaves its file behind");
        let live = AdminSocket::bind(&path).unwrap();
        assert!(matches!(AdminSocket::bind(&path), Err(AdminError::Taken(_))));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(live);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_successor_takes_the_place_of_a_live_one_whose_end_leaves_it_there() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("admin.sock");
        let old = AdminSocket::bind(&path).unwrap();
        drop(AdminSocket::bind_beside(&path).unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "one that gave up leaves nothing");
        let mut new = AdminSocket::bind_beside(&path).unwrap();
        new.put_in_place().unwrap();
        drop(old);
        std::os::unix::net::UnixStream::connect(&path).unwrap();
        drop(new);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("precious.txt");
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(AdminSocket::bind(&path), Err(AdminError::Bind { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        assert!(AdminSocket::bind(&folder.path().join("absent/admin.sock")).is_err());
    }
}
