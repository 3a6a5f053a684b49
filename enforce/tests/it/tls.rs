//! Certificates of upstreams are checked, always; an organisation's own roots are trusted where the configuration names them.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::stage::{Props, Stage, hello};

/// A server with a certificate for `name`; gives its port and the certificate as PEM.
async fn server(name: &str) -> (u16, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([name.to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap();
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut seen = Vec::new();
            while !seen.ends_with(b"]}") && stream.read_buf(&mut seen).await.unwrap_or_default() > 0 {}
            let body = "{\"choices\":[]}";
            let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    });
    (port, cert.pem())
}

async fn status(host: &str, (port, trusted): (u16, Option<&str>)) -> u16 {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("root.pem");
    let tls = trusted.map_or_else(String::new, |pem| {
        std::fs::write(&file, pem).unwrap();
        format!("[tls]\nroots = [\"{}\"]\n", file.display())
    });
    let upstreams = format!("[[upstream]]\nname = \"tls\"\nbase_url = \"https://{host}:{port}/v1\"\nserves = [\"alpha/model@one\"]\n");
    let stage = Stage::with(Props { upstreams, config: tls, ..Props::default() });
    stage.chat(&hello("alpha/model@one")).await.status
}

#[tokio::test]
async fn an_upstream_must_show_a_trusted_certificate_for_its_own_name() {
    let (port, pem) = server("localhost").await;
    assert_eq!(status("localhost", (port, Some(&pem))).await, 200);
    assert_eq!(status("localhost", (port, None)).await, 502);
    assert_eq!(status("127.0.0.1", (port, Some(&pem))).await, 502);
    let (other, other_pem) = server("example.org").await;
    assert_eq!(status("localhost", (other, Some(&other_pem))).await, 502);
}
