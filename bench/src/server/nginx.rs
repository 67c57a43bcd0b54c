//! nginx: one worker, connections to the origin kept, nothing logged; else as installed.

use std::io;
use std::process::Command;

use super::{HOST, Site, Tickets, program};

pub(super) fn command(site: &Site<'_>, tickets: Tickets) -> io::Result<Command> {
    let path = site.folder.join("nginx.conf");
    let folder = site.folder.display();
    // As root it would give its worker to a user who cannot read our folder.
    let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
    let sessions = match tickets {
        Tickets::Off => "ssl_session_cache off; ssl_session_tickets off;",
        Tickets::Default => "",
    };
    let (certificate, key, roots) =
        (site.certificate.display(), site.key.display(), site.all_roots.display());
    let (listen, origin) = (site.listen, site.origin);
    let config = format!(
        r#"
{user}
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream origin {{ server {origin}; keepalive 64; keepalive_requests 1000000; }}
    server {{
        listen {listen} ssl http2 backlog=4096;
        server_name {HOST};
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        ssl_ecdh_curve X25519;
        {sessions}
        ssl_verify_client on;
        ssl_verify_depth 3;
        ssl_client_certificate {roots};
        keepalive_requests 1000000;
        location / {{
            proxy_pass http://origin;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
    }}
}}
"#
    );
    std::fs::write(&path, config)?;
    let mut command = program("nginx")?;
    command.arg("-e").arg("stderr").arg("-p").arg(site.folder).arg("-c").arg(path);
    Ok(command)
}
