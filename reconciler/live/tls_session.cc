#include "reconciler/live/tls_session.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace fairlead::live {

namespace {

bool is_address(const std::string& host) {
  unsigned char address[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), address) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), address) == 1;
}

bool load_authorities(SSL_CTX* context, const std::string& file) {
  if (file.empty()) return SSL_CTX_set_default_verify_paths(context) == 1;
  return SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) == 1;
}

bool load_own(SSL_CTX* context, const std::string& folder) {
  return SSL_CTX_use_certificate_chain_file(context, (folder + "/cert.pem").c_str()) == 1 &&
         SSL_CTX_use_PrivateKey_file(context, (folder + "/key.pem").c_str(), SSL_FILETYPE_PEM) == 1;
}

bool demand_name(SSL* session, const std::string& host) {
  if (is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), host.c_str());
  return SSL_set1_host(session, host.c_str()) == 1 &&
         SSL_set_tlsext_host_name(session, host.c_str()) == 1;
}

int count(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

std::string handshake_failure(const SSL* session) {
  switch (const long verdict = SSL_get_verify_result(session)) {
    case X509_V_OK:
      return "the handshake failed";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "its certificate is for another name";
    default:
      return std::string("its certificate is refused: ") + X509_verify_cert_error_string(verdict);
  }
}

Error unavailable(std::string what) { return Error{Code::unavailable, std::move(what), ""}; }

}  // namespace

void TlsSession::Free::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
void TlsSession::Free::operator()(SSL* session) const { SSL_free(session); }

TlsSession::TlsSession(Session session) : session_(std::move(session)) {}
TlsSession::TlsSession(TlsSession&&) noexcept = default;
TlsSession& TlsSession::operator=(TlsSession&&) noexcept = default;

TlsSession::~TlsSession() {
  if (session_ && !failed_) SSL_shutdown(session_.get());
  ERR_clear_error();
}

// Null where a file cannot be read.
TlsSession::Context TlsSession::make_context(const Endpoint& server) {
  Context context(SSL_CTX_new(TLS_client_method()));
  const std::string& folder = server.certificates;
  const bool known = !folder.empty();  // by certificates of ours
  if (!context || !load_authorities(context.get(), known ? folder + "/ca.pem" : server.ca_file) ||
      (known && !load_own(context.get(), folder)))
    return nullptr;
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  return context;
}

Result<TlsSession> TlsSession::start(int socket, const Endpoint& server) {
  ERR_clear_error();
  const Context context = make_context(server);
  if (!context) return unavailable("certificates cannot be read");
  TlsSession tls(Session(SSL_new(context.get())));
  SSL* const session = tls.session_.get();
  tls.failed_ = true;  // until it is well
  if (session == nullptr || !demand_name(session, server.host) || SSL_set_fd(session, socket) != 1)
    return unavailable("the handshake failed");
  errno = 0;
  for (int done = 0; (done = SSL_connect(session)) != 1;) {
    const bool interrupted = errno == EINTR && SSL_want_read(session);
    if (!interrupted || SSL_get_error(session, done) != SSL_ERROR_WANT_READ)
      return unavailable(handshake_failure(session));
  }
  tls.failed_ = false;
  return tls;
}

// What came of a read or write that moved nothing.
ssize_t TlsSession::judge(int result) {
  const int seen = errno;
  const int error = SSL_get_error(session_.get(), result);
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  failed_ = true;
  const bool waits = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
  errno = waits ? EAGAIN : error == SSL_ERROR_SYSCALL && seen != 0 ? seen : ECONNRESET;
  return -1;
}

ssize_t TlsSession::read(char* data, std::size_t size) {
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int got = SSL_read(session_.get(), data, count(size));
    if (got > 0) return got;
    if (errno != EINTR) return judge(got);
  }
}

ssize_t TlsSession::write(const char* data, std::size_t size) {
  for (;;) {
    ERR_clear_error();
    errno = 0;
    const int put = SSL_write(session_.get(), data, count(size));
    if (put > 0) return put;
    if (errno != EINTR) return judge(put);
  }
}

}  // namespace fairlead::live
