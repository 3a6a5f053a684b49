//! nginx from Debian as the floor of what a proxy costs: found or installed, and configured as a bare reverse proxy on loopback.

use std::path::Path;
use std::process::Command;

use anyhow::bail;

use crate::shell;

/// Debian keeps it where only root's path looks.
pub(super) const PROGRAMS: [&str; 2] = ["nginx", "/usr/sbin/nginx"];

/// Installs nginx where that is possible and needed.
pub(super) fn ensure() -> anyhow::Result<()> {
    if program().is_some() {
        return Ok(());
    }
    if shell::has("apt-get", "--version") && is_root() {
        eprintln!("installing nginx");
        shell::run(Command::new("apt-get").args(["update", "--quiet"]))?;
        shell::run(Command::new("apt-get").args(["install", "--quiet", "--yes", "--no-install-recommends", "nginx"]))?;
    }
    if program().is_none() {
        bail!("nginx is not installed\n\nhint: install it (on Debian: apt-get install nginx) and run this again");
    }
    Ok(())
}

pub(super) fn program() -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| shell::has(program, "-v"))
}

/// Keep-alive on both sides, no buffering of answers, no logs. One process, so that nothing outlives it.
pub(super) fn configuration(folder: &Path, listen: u16, upstream: &str) -> String {
    let folder = folder.display();
    format!(
        "daemon off;
master_process off;
worker_processes 1;
error_log stderr crit;
pid {folder}/nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    tcp_nodelay on;
    keepalive_requests 1000000000;
    client_body_buffer_size 128k;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream mock {{
        server {upstream};
        keepalive 256;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{listen};
        location / {{
            proxy_pass http://mock;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_buffering off;
            proxy_request_buffering on;
        }}
    }}
}}
"
    )
}

fn is_root() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
