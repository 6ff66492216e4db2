#include "reconciler/live/transport.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "reconciler/live/public_address.h"

namespace fairlead::live {

namespace {

using std::chrono::milliseconds;

void set_limit(int socket, int option, milliseconds limit) {
  const auto ms = std::max(limit, milliseconds(1)).count();  // 0 would be none
  timeval time{};
  time.tv_sec = ms / 1000;
  time.tv_usec = ms % 1000 * 1000;
  ::setsockopt(socket, SOL_SOCKET, option, &time, sizeof time);
}

void set_tcp_options(int socket) {
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

// What to check where there is no TLS.
std::string tls_advice(const Endpoint& endpoint) {
  if (!endpoint.certificates.empty())
    return "; check ca.pem, cert.pem and key.pem in " + endpoint.certificates;
  return "; check " + (endpoint.ca_file.empty() ? "the system's authorities" : endpoint.ca_file);
}

}  // namespace

Error Transport::no_connection(const std::string& why) const {
  return Error{Code::unavailable, "no connection to " + endpoint_.text() + ": " + why, ""};
}

Result<void> Transport::open(milliseconds connect_max) {
  if (endpoint_.kind == Endpoint::Kind::unix_socket) {
    const int error = connect_unix(connect_max);
    if (error != 0) return no_connection(errno_text(error));
    return {};
  }
  Result<void> connected = connect_host(connect_max);
  if (!connected || endpoint_.kind == Endpoint::Kind::tcp) return connected;
  limit(connect_max, connect_max);
  Result<TlsSession> tls = TlsSession::start(socket_.get(), endpoint_);
  if (!tls) {
    close();
    return Error{
        Code::unavailable,
        "no TLS with " + endpoint_.text() + ": " + tls.error().message + tls_advice(endpoint_), ""};
  }
  tls_ = std::move(*tls);
  return {};
}

int Transport::connect_unix(milliseconds connect_max) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (endpoint_.host.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, endpoint_.host.data(), endpoint_.host.size());
  return connect(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address, connect_max);
}

Result<void> Transport::connect_host(milliseconds connect_max) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(endpoint_.port);
  const int unknown = ::getaddrinfo(endpoint_.host.c_str(), port.c_str(), &hints, &found);
  if (unknown != 0) return no_connection(::gai_strerror(unknown));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
  int error = 0;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    // Here and not by a lookup before: the next one may be told another address.
    const Result<void> allowed = endpoint_.public_only ? check_public(*one) : Result<void>();
    if (!allowed) return no_connection(allowed.error().message);
    error = connect(one->ai_family, one->ai_addr, one->ai_addrlen, connect_max);
    if (error == 0) return {};
  }
  return no_connection(errno_text(error));
}

// Returns 0, or the errno.
int Transport::connect(int family, const sockaddr* address, unsigned size,
                       milliseconds connect_max) {
  UniqueFd made(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!made.ok()) return errno;
  const int socket = made.get();
  set_limit(socket, SO_SNDTIMEO, connect_max);  // holds for connect(), too
  if (family != AF_UNIX) set_tcp_options(socket);
  {
    const std::lock_guard lock(mutex_);
    if (shut_down_) return ECANCELED;
    socket_ = std::move(made);
  }
  int error = 0;
  do {
    error = ::connect(socket, address, size) == 0 ? 0 : errno;
  } while (error == EINTR);
  if (error == 0 || error == EISCONN) return 0;  // the latter after an EINTR
  close();
  const bool late = error == EINPROGRESS || error == EALREADY || error == EAGAIN;
  return late ? ETIMEDOUT : error;
}

void Transport::close() {
  tls_.reset();
  const std::lock_guard lock(mutex_);
  socket_ = UniqueFd();
}

void Transport::shut_down() {
  const std::lock_guard lock(mutex_);
  shut_down_ = true;
  if (socket_.ok()) ::shutdown(socket_.get(), SHUT_RDWR);
}

bool Transport::quiet() const {
  char byte;
  const ssize_t got = ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EINTR);
}

void Transport::limit(milliseconds read_max, milliseconds write_max) {
  set_limit(socket_.get(), SO_RCVTIMEO, read_max);
  set_limit(socket_.get(), SO_SNDTIMEO, write_max);
}

ssize_t Transport::read(char* data, std::size_t size) {
  if (tls_) return tls_->read(data, size);
  ssize_t got = 0;
  do {
    got = ::recv(socket_.get(), data, size, 0);
  } while (got < 0 && errno == EINTR);
  return got;
}

bool Transport::write(std::string_view data) {
  while (!data.empty()) {
    const ssize_t put = tls_ ? tls_->write(data.data(), data.size())
                             : ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

}  // namespace fairlead::live
