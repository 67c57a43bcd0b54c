//! nginx, as an origin that others wrote.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::wait;

/// A running nginx of one process; killed when dropped.
pub struct Nginx {
    child: Child,
    folder: TempDir,
    port: u16,
}

/// What it says of each request, one word a line.
const ECHO: &str = "protocol=$server_protocol\\nscheme=$scheme\\nhost=$http_host\\nauthority=$host\\nsni=$ssl_server_name\\nclient=$ssl_client_s_dn\\nverify=$ssl_client_verify\\nte=$http_te\\n";

impl Nginx {
    /// One whose server listens with `parameters` (`ssl`, `http2`) and has `directives`.
    pub fn start(parameters: &str, directives: &[String]) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .expect("a free port")
            .local_addr()
            .expect("its address")
            .port();
        Self::start_at(port, &format!("127.0.0.1:{port} {parameters}"), directives)
    }

    /// One that listens on a unix socket.
    pub fn start_on_socket(directives: &[String]) -> Self {
        Self::start_at(0, "unix:FOLDER/http.sock", directives)
    }

    fn start_at(port: u16, listen: &str, directives: &[String]) -> Self {
        let folder = TempDir::with_prefix("fleetgate-nginx-").expect("a folder");
        let path = folder.path().display().to_string();
        let mut server = format!("listen {};\n", listen.replace("FOLDER", &path));
        for directive in directives {
            let _ = writeln!(server, "{directive};");
        }
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {path}/{name};\n"))
            .concat();
        let config = format!(
            "daemon off; master_process off; pid {path}/pid; error_log {path}/error.log;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; {temporary} server {{ {server} location / {{ return 200 \"{ECHO}\"; }} }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).expect("write the configuration");
        let child = Command::new("/usr/sbin/nginx")
            .args(["-e", &format!("{path}/error.log"), "-c"])
            .arg(&file)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("start nginx");
        let mut nginx = Self { child, folder, port };
        wait::until("nginx", || nginx.is_up().then_some(()));
        nginx
    }

    fn is_up(&mut self) -> bool {
        if let Ok(Some(status)) = self.child.try_wait() {
            let log = std::fs::read_to_string(self.folder.path().join("error.log")).unwrap_or_default();
            panic!("nginx ended ({status}): {log}");
        }
        match self.port {
            0 => std::os::unix::net::UnixStream::connect(self.socket()).is_ok(),
            port => TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok(),
        }
    }

    /// Where it listens, behind a scheme.
    pub fn url(&self, scheme: &str) -> String {
        format!("{scheme}://127.0.0.1:{}", self.port)
    }

    /// Its unix socket.
    pub fn socket(&self) -> std::path::PathBuf {
        self.folder.path().join("http.sock")
    }

    /// Ends it at once, with all its connections.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.kill();
    }
}
