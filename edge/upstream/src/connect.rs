//! TCP and TLS to upstreams, under one timeout. Certificates are always checked; there is no switch to turn that off.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tower_service::Service;

use crate::limits::TCP_KEEPALIVE;

/// Trusted roots, loaded once and shared by every core.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

/// Roots that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of certificates.
    #[error("cannot read the certificates in `{}`: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The cryptographic provider.
    #[error("cannot set up TLS: {0}")]
    Setup(String),
}

impl Tls {
    /// The system's roots and those in the PEM files `extra`, for servers with a certificate of the organisation's own.
    ///
    /// # Errors
    /// When a file of `extra` cannot be read. A system without roots is only a warning: then no public upstream can be reached.
    pub fn load(extra: &[PathBuf]) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(native.certs);
        if roots.is_empty() {
            tracing::warn!("the system has no trusted certificates: upstreams over https cannot be reached; install `ca-certificates`");
        }
        for path in extra {
            add_file(&mut roots, path)?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::Setup(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<(), TlsError> {
    let failed = |why: String| TlsError::File { path: path.to_owned(), why };
    let mut found = 0_usize;
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))? {
        let certificate = certificate.map_err(|error| failed(error.to_string()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
        found += 1;
    }
    if found == 0 { Err(failed("no certificate in it".to_owned())) } else { Ok(()) }
}

/// Connects within a time: TCP and, for `https`, TLS.
#[derive(Clone)]
pub struct TimedConnector {
    inner: HttpsConnector<HttpConnector>,
    timeout: Duration,
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl TimedConnector {
    /// `timeout` bounds TCP and TLS together.
    #[must_use]
    pub fn new(tls: &Tls, timeout: Duration) -> Self {
        let mut http = HttpConnector::new();
        // Nagle's algorithm would hold back pieces of a stream by up to 40 ms.
        http.set_nodelay(true);
        http.set_keepalive(Some(TCP_KEEPALIVE));
        http.enforce_http(false);
        let config = ClientConfig::clone(&tls.0);
        let inner = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(http);
        Self { inner, timeout }
    }
}

impl Service<Uri> for TimedConnector {
    type Response = <HttpsConnector<HttpConnector> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, timeout) = (self.inner.call(uri), self.timeout);
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(format!("no connection within {} ms", timeout.as_millis()).into()),
            }
        })
    }
}
