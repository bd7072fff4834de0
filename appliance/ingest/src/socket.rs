//! Unix sockets of the run folder: for the owner alone, and never a stale one in the way.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// A listening socket whose file goes when it is dropped.
#[derive(Debug)]
pub(crate) struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Listens at a path. A socket that nobody serves is replaced; one that is served, and a file that is no
    /// socket, is an error.
    pub(crate) fn listen(path: PathBuf) -> io::Result<Socket> {
        match fs::symlink_metadata(&path) {
            Ok(found) if found.file_type().is_socket() => {
                if std::os::unix::net::UnixStream::connect(&path).is_ok() {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process serves it"));
                }
                fs::remove_file(&path)?;
            }
            Ok(_) => return Err(io::Error::new(io::ErrorKind::AlreadyExists, "a file that is no socket is there")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(Socket { listener, path })
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A file that is gone already is as it should be.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stale_ones_are_replaced_and_served_ones_are_not() {
        let run = tempfile::tempdir().unwrap();
        let path = run.path().join("s.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let socket = Socket::listen(path.clone()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Socket::listen(path.clone()).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(socket);
        assert!(!path.exists());
        fs::write(&path, "mine").unwrap();
        assert_eq!(Socket::listen(path.clone()).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(path.exists());
    }
}
