#include "reconciler/live/connection.h"

#include <fcntl.h>
#include <httplib.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

namespace fairlead::live {

namespace {

constexpr std::chrono::milliseconds kConnectMax{5000};

bool starts_with(const std::string& text, std::string_view prefix) {
  return text.compare(0, prefix.size(), prefix) == 0;
}

// "host:80", "[::1]:80"; no port is 0.
bool split_port(const std::string& address, std::string& host, int& port) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  const char* end = address.data() + address.size();
  const auto [rest, error] = std::from_chars(address.data() + colon + 1, end, port);
  if (error != std::errc() || rest != end || port < 1 || port > 65535) return false;
  host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return true;
}

// What to check where there is no TLS.
std::string tls_advice(const Endpoint& endpoint) {
  if (!endpoint.certificates.empty())
    return "; check ca.pem, cert.pem and key.pem in " + endpoint.certificates;
  return "; check " + (endpoint.ca_file.empty() ? "the system's authorities" : endpoint.ca_file);
}

std::unique_ptr<httplib::ClientImpl> make_client(const Endpoint& endpoint) {
  if (endpoint.kind != Endpoint::Kind::tls) {
    auto client = std::make_unique<httplib::ClientImpl>(endpoint.host, endpoint.port);
    if (endpoint.kind == Endpoint::Kind::unix_socket) client->set_address_family(AF_UNIX);
    return client;
  }
  const std::string& folder = endpoint.certificates;
  const bool known = !folder.empty();  // by certificates of ours
  auto client = std::make_unique<httplib::SSLClient>(endpoint.host, endpoint.port,
                                                     known ? folder + "/cert.pem" : "",
                                                     known ? folder + "/key.pem" : "");
  const std::string authorities = known ? folder + "/ca.pem" : endpoint.ca_file;
  if (!authorities.empty()) client->set_ca_cert_path(authorities);
  client->enable_server_certificate_verification(true);
  return client;
}

httplib::Request make_request(const HttpCall& call, const Endpoint& endpoint) {
  httplib::Request request;
  request.method = call.method;
  request.path = call.path;
  request.body = call.body;
  for (const auto& [name, value] : call.headers) request.set_header(name, value);
  // Without it the engine answers 400: for a Unix socket the library would send the socket's path.
  if (endpoint.kind == Endpoint::Kind::unix_socket && !request.has_header("Host"))
    request.set_header("Host", "localhost");
  if (!call.body.empty() && !request.has_header("Content-Type"))
    request.set_header("Content-Type", "application/json");
  return request;
}

// Those that Answer speaks of.
std::map<std::string, std::string> wanted_headers(const httplib::Headers& headers) {
  std::map<std::string, std::string> wanted;
  for (const char* name : {"www-authenticate", "link", "docker-content-digest", "retry-after"}) {
    const auto [begin, end] = headers.equal_range(name);
    for (auto header = begin; header != end; ++header) {
      std::string& value = wanted[name];
      value += (value.empty() ? "" : ", ") + header->second;
    }
  }
  return wanted;
}

}  // namespace

std::string Endpoint::text() const {
  if (kind == Kind::unix_socket) return "unix://" + host;
  return (kind == Kind::tls ? "tcp+tls://" : "tcp://") + host + ":" + std::to_string(port);
}

Result<Endpoint> engine_endpoint(const Platform::Engine& engine) {
  Endpoint endpoint;
  if (starts_with(engine.host, "unix:///")) {
    endpoint.host = engine.host.substr(7);
    return endpoint;
  }
  endpoint.kind = engine.certificates.empty() ? Endpoint::Kind::tcp : Endpoint::Kind::tls;
  endpoint.certificates = engine.certificates;
  if (starts_with(engine.host, "tcp://") &&
      split_port(engine.host.substr(6), endpoint.host, endpoint.port))
    return endpoint;
  return Error{Code::invalid,
               "engine.host: must be unix:///PATH or tcp://HOST:PORT, got " + engine.host, ""};
}

Result<Endpoint> service_endpoint(const std::string& address, const std::optional<Tls>& tls) {
  Endpoint endpoint;
  endpoint.kind = tls ? Endpoint::Kind::tls : Endpoint::Kind::tcp;
  if (tls) endpoint.ca_file = tls->ca_file;
  if (split_port(address, endpoint.host, endpoint.port)) return endpoint;
  return Error{Code::internal, "not ADDRESS:PORT: " + address, ""};
}

Connection::Connection(const Endpoint& endpoint, bool keep_alive)
    : endpoint_(endpoint), client_(make_client(endpoint)) {
  client_->set_keep_alive(keep_alive);
  client_->set_url_encode(false);
  client_->set_follow_location(false);
  client_->set_decompress(false);
  client_->set_socket_options([this](int socket) { adopt(socket); });
}

Connection::~Connection() = default;

void Connection::adopt(int socket) {
  if (endpoint_.kind != Endpoint::Kind::unix_socket) {
    const int on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  }
  const std::lock_guard lock(mutex_);
  socket_ = UniqueFd(::fcntl(socket, F_DUPFD_CLOEXEC, 0));
}

void Connection::abort() {
  aborted_ = true;
  const std::lock_guard lock(mutex_);
  if (socket_.ok()) ::shutdown(socket_.get(), SHUT_RDWR);
}

Connection::Outcome Connection::exchange(const HttpCall& call,
                                         std::chrono::milliseconds silence_max,
                                         const HeadersSeen& headers, const PieceSeen& piece) {
  Outcome outcome;
  client_->set_connection_timeout(std::min(call.timeout, kConnectMax));
  client_->set_read_timeout(silence_max);
  client_->set_write_timeout(call.timeout);
  httplib::Request request = make_request(call, endpoint_);
  bool bodiless = false;
  request.response_handler = [&](const httplib::Response& response) {
    // The library would wait for the body that a 304 never has.
    bodiless = response.status == 304;
    outcome.status = response.status;
    return headers(response.status) && !bodiless;
  };
  request.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
    return piece(data, size);
  };
  httplib::Response response;
  httplib::Error error = httplib::Error::Success;
  errno = 0;
  bool sent = false;
  try {
    sent = client_->send(request, response, error);
  } catch (const std::exception& thrown) {
    outcome.error = "the answer of " + endpoint_.text() + " made no sense: " + thrown.what();
    return outcome;
  }
  const int errno_seen = errno;
  if (response.status > 0) outcome.status = response.status;
  outcome.headers = wanted_headers(response.headers);
  outcome.complete = sent || bodiless;
  if (!outcome.complete) outcome.error = failure(static_cast<int>(error), errno_seen);
  used_ = used_ || outcome.complete;
  return outcome;
}

// Why the server's certificate is not taken.
std::string Connection::refusal() const {
  const long result = static_cast<httplib::SSLClient&>(*client_).get_openssl_verify_result();
  if (result == X509_V_OK) return "its certificate is for another name";
  return std::string("its certificate is refused: ") + X509_verify_cert_error_string(result);
}

std::string Connection::failure(int error, int errno_seen) const {
  const std::string place = endpoint_.text();
  switch (static_cast<httplib::Error>(error)) {
    case httplib::Error::Connection:
    case httplib::Error::ConnectionTimeout:
      return "no connection to " + place +
             (errno_seen != 0 && errno_seen != EINPROGRESS ? ": " + errno_text(errno_seen) : "");
    case httplib::Error::SSLConnection:
      return "no TLS with " + place + ": the handshake failed" + tls_advice(endpoint_);
    case httplib::Error::SSLLoadingCerts:
      return "no TLS with " + place + ": certificates cannot be read" + tls_advice(endpoint_);
    case httplib::Error::SSLServerVerification:
      return "no TLS with " + place + ": " + refusal() + tls_advice(endpoint_);
    case httplib::Error::Write:
      return "the request to " + place + " could not be written whole";
    default:
      return "the answer of " + place + " was cut off";
  }
}

}  // namespace fairlead::live
